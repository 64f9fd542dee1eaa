//! URLs, as far as they are compared.

/// A URL in the form in which URLs are compared: scheme and host in lower case, no default port, no fragment, a path; what
/// no URL can have in it (RFC 3986) is percent-encoded.
pub(super) fn canonical(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let is_scheme = !scheme.is_empty() && scheme.len() <= 16 && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !is_scheme {
        return None;
    }
    let scheme = scheme.to_ascii_lowercase();
    let rest = rest.split('#').next().unwrap_or(rest).trim_end();
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end)?;
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host).to_ascii_lowercase();
    let default_port = match scheme.as_str() {
        "http" => ":80",
        "https" => ":443",
        "ftp" => ":21",
        _ => "",
    };
    let authority = if default_port.is_empty() { authority.as_str() } else { authority.trim_end_matches(default_port) };
    if authority.is_empty() || authority.bytes().any(|byte| byte.is_ascii_whitespace()) {
        return None;
    }
    let slash = if path.starts_with('/') { "" } else { "/" };
    Some(format!(
        "{scheme}://{}{slash}{}",
        encoded(authority, b"-._~:[]!$&'()*+,;=").to_ascii_lowercase(),
        encoded(path, b"-._~:/?@!$&'()*+,;=")
    ))
}

/// Text as it can stand in a URL, however it was sent, with these signs.
fn encoded(text: &str, signs: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, behind)) = rest.split_first() {
        let is_hex = |place: usize| behind.get(place).is_some_and(u8::is_ascii_hexdigit);
        match byte {
            b'%' if is_hex(0) && is_hex(1) => out.push('%'),
            byte if byte.is_ascii_alphanumeric() || signs.contains(byte) => out.push(char::from(*byte)),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
        rest = behind;
    }
    out
}

/// The host of a URL in that form, without port and brackets.
pub(super) fn host(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?']).next()?;
    Some(without_port(authority))
}

/// Whether it names a host and nothing on it.
pub(super) fn is_host_alone(url: &str) -> bool {
    url.split_once("://").is_some_and(|(_, rest)| rest.find('/') == Some(rest.len() - 1))
}

/// A host without its port and brackets.
pub(super) fn without_port(authority: &str) -> &str {
    if let Some(inner) = authority.strip_prefix('[') {
        return inner.split(']').next().unwrap_or(inner);
    }
    match authority.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') && port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn urls_are_written_as_they_are_compared() {
        let check =
            |text: &str, expected: &str| assert_eq!(super::canonical(text).as_deref(), Some(expected), "{text}");
        check("HTTP://A.Example:80", "http://a.example/");
        check("http://a.example/<b> c?d=\u{e9}#e", "http://a.example/%3Cb%3E%20c?d=%C3%A9");
        check("http://a.example/%3Cb%3e%zz%", "http://a.example/%3Cb%3e%25zz%25");
        check("http://a<b>.example/", "http://a%3cb%3e.example/");
        check("http://[2001:db8::1]/[x]", "http://[2001:db8::1]/%5Bx%5D");
    }
}
