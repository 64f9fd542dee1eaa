//! Hosts in what is said: a name is looked up with all that is below it, an address by its networks.

use std::net::IpAddr;

use packet::Address;

/// Fields whose texts are hosts, or mailboxes at hosts.
const FIELDS: [&str; 6] = ["tls_sni", "http_hostname", "dns_queries", "dns_answers", "mail_from", "mail_to"];

/// Labels of a name that it is looked up by, the last ones.
const LABELS_MAX: usize = 8;

/// Bytes of a name (RFC 1035 2.3.4).
const NAME_BYTES_MAX: usize = 253;

/// A host in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Host<'t> {
    /// By its address.
    Address(Address),
    /// By its name.
    Name(&'t str),
}

impl<'t> Host<'t> {
    /// The host that a field's text names: without a mailbox before it, a port behind it, brackets and the last dot.
    pub(super) fn of(field: &str, text: &'t str) -> Option<Self> {
        if !FIELDS.contains(&field) {
            return None;
        }
        let text = text.trim_matches(|letter: char| letter.is_whitespace() || "<>".contains(letter));
        let text = text.rsplit_once('@').map_or(text, |(_, host)| host);
        let host = without_port(text);
        if let Ok(ip) = host.parse::<IpAddr>() {
            return Some(Self::Address(ip.into()));
        }
        let name = host.strip_suffix('.').unwrap_or(host);
        let is_name = name.len() <= NAME_BYTES_MAX
            && name.contains('.')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        is_name.then_some(Self::Name(name))
    }
}

/// A mailbox as it is looked up, of a field that has some.
pub(super) fn mailbox<'t>(field: &str, text: &'t str) -> Option<&'t str> {
    let plain = text.trim_matches(['<', '>', ' ']);
    field.starts_with("mail_").then(|| plain.strip_suffix('.').unwrap_or(plain)).filter(|plain| plain.contains('@'))
}

/// A name as far as it is looked up, and the names above it, with two labels or more.
pub(super) fn zones(name: &str) -> impl Iterator<Item = &str> {
    let above = name.rmatch_indices('.').skip(1).filter_map(|(dot, _)| name.get(dot + 1..));
    above.chain([name]).take(LABELS_MAX - 1)
}

/// What a name is looked up by.
pub(super) fn zone_of(name: &str) -> &str {
    zones(name).last().unwrap_or(name)
}

fn without_port(host: &str) -> &str {
    if let Some(inner) = host.strip_prefix('[') {
        return inner.split(']').next().unwrap_or(inner);
    }
    match host.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') && port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_found_in_texts() {
        let check = |field, text, expected: &str| {
            let found = Host::of(field, text).map(|host| match host {
                Host::Address(address) => address.to_string(),
                Host::Name(name) => name.to_owned(),
            });
            assert_eq!(found.unwrap_or_default(), expected, "{text}");
        };
        check("tls_sni", "www.Evil.example.", "www.Evil.example");
        check("http_hostname", "evil.example:8080", "evil.example");
        check("http_hostname", "[2001:db8::1]:80", "2001:db8::1");
        check("dns_answers", "203.0.113.7", "203.0.113.7");
        check("dns_answers", "\"v=spf1 a b.example\"", "");
        check("mail_from", "<Somebody@mail.evil.example>", "mail.evil.example");
        check("http_user_agent", "evil.example", "");
        check("tls_sni", "localhost", "");
    }

    #[test]
    fn a_name_is_looked_up_by_its_last_labels() {
        let zones = |name| zones(name).collect::<Vec<_>>();
        assert_eq!(zones("evil.example"), ["evil.example"]);
        assert_eq!(zones("a.b.evil.example"), ["evil.example", "b.evil.example", "a.b.evil.example"]);
        assert_eq!(zones("1.2.3.4.5.6.7.8.9").last(), Some(&"2.3.4.5.6.7.8.9"));
        assert_eq!(zone_of("1.2.3.4.5.6.7.8.9.10"), "3.4.5.6.7.8.9.10");
        assert_eq!(zone_of("evil.example"), "evil.example");
    }
}
