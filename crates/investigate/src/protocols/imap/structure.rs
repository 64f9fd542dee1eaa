//! The structure of a mail, as a server tells it (RFC 3501 7.4.2, BODYSTRUCTURE): of each part its type, name and encoding.

/// Parts of one mail that are remembered.
pub(super) const PARTS_MAX: usize = 16;

/// Lists within one another.
const DEPTH_MAX: usize = 32;

/// A name or type is cut to this.
const TEXT_BYTES_MAX: usize = 256;

/// A part that can be fetched by its number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PartShape {
    pub(super) number: String,
    pub(super) mime: String,
    pub(super) encoding: String,
    pub(super) name: Option<String>,
}

/// The parts of the structure that `text` begins with: a parenthesised list.
pub(super) fn parts(text: &[u8]) -> Vec<PartShape> {
    let mut found = Vec::new();
    let mut reader = Reader { rest: text };
    if let Some(Value::List(list)) = reader.value(0) {
        body(&list, String::new(), &mut found);
    }
    found
}

#[derive(Debug)]
enum Value {
    List(Vec<Value>),
    Text(String),
    Nil,
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Option<Value> {
        self.rest = self.rest.trim_ascii_start();
        let (first, after) = self.rest.split_first()?;
        match first {
            b'(' if depth < DEPTH_MAX => {
                self.rest = after;
                self.list(depth + 1)
            }
            b'"' => {
                self.rest = after;
                self.quoted()
            }
            b'(' | b')' => None,
            _ => {
                let end =
                    self.rest.iter().position(|byte| matches!(byte, b' ' | b'(' | b')')).unwrap_or(self.rest.len());
                let (atom, after) = self.rest.split_at_checked(end)?;
                self.rest = after;
                let is_nil = atom.eq_ignore_ascii_case(b"NIL");
                Some(if is_nil { Value::Nil } else { Value::Text(short(atom)) })
            }
        }
    }

    fn list(&mut self, depth: usize) -> Option<Value> {
        let mut values = Vec::new();
        loop {
            self.rest = self.rest.trim_ascii_start();
            if let Some(after) = self.rest.strip_prefix(b")") {
                self.rest = after;
                return Some(Value::List(values));
            }
            values.push(self.value(depth)?);
        }
    }

    fn quoted(&mut self) -> Option<Value> {
        let mut text = Vec::new();
        loop {
            let (&byte, after) = self.rest.split_first()?;
            self.rest = after;
            match byte {
                b'"' => return Some(Value::Text(short(&text))),
                b'\\' => {
                    let (&escaped, after) = self.rest.split_first()?;
                    self.rest = after;
                    text.push(escaped);
                }
                _ => text.push(byte),
            }
        }
    }
}

/// A body: either parts followed by their subtype, or one with its type, subtype, parameters, id, description, encoding.
fn body(list: &[Value], number: String, found: &mut Vec<PartShape>) {
    if found.len() >= PARTS_MAX {
        return;
    }
    if let Some(Value::List(_)) = list.first() {
        for (index, part) in list.iter().enumerate() {
            let Value::List(part) = part else { break };
            body(part, below(&number, index + 1), found);
        }
        return;
    }
    let own = if number.is_empty() { "1".to_owned() } else { number };
    let mime = format!("{}/{}", text(list, 0), text(list, 1)).to_ascii_lowercase();
    let name = list.get(2).and_then(|list| parameter(list, &["name", "name*"]));
    let name = list.iter().skip(7).find_map(disposition_name).or(name);
    found.push(PartShape { number: own.clone(), encoding: text(list, 5), name, mime: mime.clone() });
    if mime == "message/rfc822"
        && let Some(Value::List(inner)) = list.get(8)
    {
        let is_multipart = matches!(inner.first(), Some(Value::List(_)));
        body(inner, if is_multipart { own } else { below(&own, 1) }, found);
    }
}

fn below(number: &str, index: usize) -> String {
    if number.is_empty() { index.to_string() } else { format!("{number}.{index}") }
}

fn text(list: &[Value], at: usize) -> String {
    match list.get(at) {
        Some(Value::Text(text)) => text.clone(),
        _ => String::new(),
    }
}

/// `("attachment" ("filename" "x.pdf"))`
fn disposition_name(value: &Value) -> Option<String> {
    match value {
        Value::List(list) => parameter(list.get(1)?, &["filename", "filename*"]),
        _ => None,
    }
}

fn parameter(value: &Value, names: &[&str]) -> Option<String> {
    let Value::List(list) = value else { return None };
    list.chunks_exact(2).find_map(|pair| match pair {
        [Value::Text(name), Value::Text(value)] if names.iter().any(|wanted| name.eq_ignore_ascii_case(wanted)) => {
            Some(value.clone())
        }
        _ => None,
    })
}

fn short(text: &[u8]) -> String {
    String::from_utf8_lossy(text.get(..TEXT_BYTES_MAX).unwrap_or(text)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shapes(text: &str) -> Vec<String> {
        let line = |part: PartShape| {
            format!("{} {} {} {}", part.number, part.mime, part.encoding, part.name.unwrap_or_default())
        };
        parts(text.as_bytes()).into_iter().map(line).collect()
    }

    #[test]
    fn structures_of_rfc_3501() {
        let check = |text: &str, expected: &[&str]| assert_eq!(shapes(text), expected);
        check("(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 3028 92)", &["1 text/plain 7BIT "]);
        check(
            "((\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 1152 23)(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\" \
             \"NAME\" \"cc.diff\") \"<960723163407.20117h@cac.washington.edu>\" \"Compiler diff\" \"BASE64\" 4554 73) \"MIXED\")",
            &["1 text/plain 7BIT ", "2 text/plain BASE64 cc.diff"],
        );
        check(
            "((\"text\" \"plain\" NIL NIL NIL \"7bit\" 1 1)(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 5 (NIL NIL) \
             ((\"a\" \"b\" NIL NIL NIL \"base64\" 3 NIL (\"attachment\" (\"filename\" \"x\\\"y\")) NIL NIL)(\"c\" \"d\" NIL NIL NIL \"7bit\" 3) \"mixed\") 3) \"mixed\")",
            &["1 text/plain 7bit ", "2 message/rfc822 7bit ", "2.1 a/b base64 x\"y", "2.2 c/d 7bit "],
        );
        check(&"(".repeat(1000), &[]);
        check("((\"a\" \"b\" NIL", &[]);
    }
}
