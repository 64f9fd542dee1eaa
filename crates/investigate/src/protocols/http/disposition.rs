//! Names of files in `Content-Disposition` (RFC 6266), with their encodings (RFC 8187, formerly 5987).

/// The name of the file; `filename*` is taken before `filename`.
pub(super) fn filename(value: &str) -> Option<String> {
    let (_, parameters) = value.split_once(';').unwrap_or(("", value));
    let extended = parameter(parameters, "filename*").and_then(|value| extended(&value));
    extended.or_else(|| parameter(parameters, "filename")).filter(|name| !name.is_empty())
}

/// A parameter by its name: a token or a quoted string, in which a backslash stands before a quote or itself.
pub(super) fn parameter(parameters: &str, wanted: &str) -> Option<String> {
    let mut rest = parameters;
    while !rest.is_empty() {
        let (name, behind) = rest.split_once('=')?;
        let name = name.rsplit(';').next().unwrap_or_default().trim();
        let (value, behind) = value(behind.trim_start());
        if name.eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        rest = behind;
    }
    None
}

fn value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let (token, behind) = text.split_once(';').unwrap_or((text, ""));
        return (token.trim().to_owned(), behind);
    };
    let mut value = String::new();
    let mut letters = quoted.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return (value, quoted.get(at + 1..).unwrap_or_default()),
            // Browsers write paths of Windows without doubling their backslashes.
            '\\' if matches!(letters.peek(), Some((_, '"' | '\\'))) => value.extend(letters.next().map(|next| next.1)),
            _ => value.push(letter),
        }
    }
    (value, "")
}

/// charset'language'percent-encoded
fn extended(value: &str) -> Option<String> {
    let mut parts = value.splitn(3, '\'');
    let (charset, _language, encoded) = (parts.next()?, parts.next()?, parts.next()?);
    let bytes = percent_decoded(encoded);
    Some(match charset.eq_ignore_ascii_case("iso-8859-1") {
        true => bytes.into_iter().map(char::from).collect(),
        false => String::from_utf8_lossy(&bytes).into_owned(),
    })
}

/// Undoes percent-encoding (RFC 3986, section 2.1); what is none stays.
pub(super) fn percent_decoded(text: &str) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let digits = behind.get(..2).filter(|_| *first == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                decoded.push(byte);
                rest = behind.get(2..).unwrap_or_default();
            }
            None => {
                decoded.push(*first);
                rest = behind;
            }
        }
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &str, expected: Option<&str>) {
        assert_eq!(filename(value).as_deref(), expected, "{value}");
    }

    #[test]
    fn names_are_those_of_the_rfcs() {
        // RFC 6266, section 5, and RFC 8187, section 3.2.3.
        check("Attachment; filename=example.html", Some("example.html"));
        check("INLINE; FILENAME= \"an example.html\"", Some("an example.html"));
        check("attachment; filename*= UTF-8''%e2%82%ac%20rates", Some("\u{20ac} rates"));
        check("attachment; filename=\"EURO rates\"; filename*=utf-8''%e2%82%ac%20rates", Some("\u{20ac} rates"));
        check("attachment; filename*=iso-8859-1'en'%A3%20rates", Some("\u{a3} rates"));
        check("inline", None);
    }

    #[test]
    fn names_are_told_as_they_are() {
        check("form-data; name=\"f\"; filename=\"C:\\dir\\a \\\"b\\\".exe\"", Some("C:\\dir\\a \"b\".exe"));
        check("attachment; filename=\"../../etc/passwd\"", Some("../../etc/passwd"));
        check("attachment; filename=\"unclosed", Some("unclosed"));
        check("attachment; filename=100%.txt;x", Some("100%.txt"));
        check("filename=bare.txt", Some("bare.txt"));
    }
}
