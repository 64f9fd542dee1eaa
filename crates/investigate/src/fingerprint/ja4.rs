//! JA4 of TLS clients, the part of the family that is free (BSD; technical_details/JA4.md of FoxIO-LLC/ja4).

use sha2::{Digest, Sha256};

use super::{hexadecimal, is_grease};
use crate::protocols::tls::{ClientHello, kind};

/// What a hello travelled in: the first letter of its JA4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carrier {
    /// TCP.
    Tls,
    /// Datagrams.
    Dtls,
    /// QUIC.
    Quic,
}

/// The fingerprint, such as `t13d1516h2_8daaf6152771_b186095e22b6`.
pub(crate) fn ja4(hello: &ClientHello<'_>, carrier: Carrier) -> String {
    let ciphers: Vec<u16> = hello.ciphers().filter(|&cipher| !is_grease(cipher)).collect();
    let extensions: Vec<u16> =
        hello.extensions.iter().map(|extension| extension.kind).filter(|&kind| !is_grease(kind)).collect();
    let letter = match carrier {
        Carrier::Tls => 't',
        Carrier::Dtls => 'd',
        Carrier::Quic => 'q',
    };
    format!(
        "{letter}{}{}{:02}{:02}{}_{}_{}",
        version(hello, carrier),
        if extensions.contains(&kind::SERVER_NAME) { 'd' } else { 'i' },
        ciphers.len().min(99),
        extensions.len().min(99),
        application(hello.applications().next().unwrap_or_default()),
        truncated(&sorted(ciphers)),
        truncated(&abilities(hello, extensions)),
    )
}

/// The highest version that is offered, in two characters; the numbers of DTLS count downwards.
fn version(hello: &ClientHello<'_>, carrier: Carrier) -> &'static str {
    let offered = hello.versions().filter(|&version| !is_grease(version));
    let highest = if carrier == Carrier::Dtls { offered.min() } else { offered.max() };
    match highest.unwrap_or(hello.version) {
        0x0304 => "13",
        0x0303 => "12",
        0x0302 => "11",
        0x0301 => "10",
        0x0300 => "s3",
        0x0002 => "s2",
        0xfeff => "d1",
        0xfefd => "d2",
        0xfefc => "d3",
        _ => "00",
    }
}

/// The first and the last character of the first application protocol, of its hexadecimal digits if it isn't text.
fn application(name: &[u8]) -> String {
    let (Some(&first), Some(&last)) = (name.first(), name.last()) else { return "00".to_owned() };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        return [char::from(first), char::from(last)].iter().collect();
    }
    let digits = hexadecimal(&[first, last]);
    digits.chars().take(1).chain(digits.chars().skip(3)).collect()
}

/// Extensions in order of their numbers, without name and application, and signature algorithms as they are offered.
fn abilities(hello: &ClientHello<'_>, mut extensions: Vec<u16>) -> String {
    extensions.retain(|&kind| kind != kind::SERVER_NAME && kind != kind::APPLICATIONS);
    let mut text = sorted(extensions);
    let signatures: Vec<u16> = hello.signatures().filter(|&signature| !is_grease(signature)).collect();
    if !signatures.is_empty() {
        text.push('_');
        text.push_str(&listed(&signatures));
    }
    text
}

fn sorted(mut values: Vec<u16>) -> String {
    values.sort_unstable();
    listed(&values)
}

fn listed(values: &[u16]) -> String {
    let values: Vec<String> = values.iter().map(|value| format!("{value:04x}")).collect();
    values.join(",")
}

/// The first twelve digits of its SHA-256; zeros if there is nothing.
fn truncated(text: &str) -> String {
    if text.is_empty() {
        return "000000000000".to_owned();
    }
    hexadecimal(Sha256::digest(text).get(..6).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn application_protocols_as_the_description_has_them() {
        let check = |name: &[u8], expected: &str| assert_eq!(application(name), expected, "{name:02x?}");
        check(b"", "00");
        check(b"h2", "h2");
        check(b"http/1.1", "h1");
        check(b"x", "xx");
        check(&[0xab], "ab");
        check(&[0xab, 0xcd], "ad");
        check(&[0x30, 0xab], "3b");
        check(&[0x30, 0x31, 0xab, 0xcd], "3d");
        check(&[0x30, 0xab, 0xcd, 0x31], "01");
    }
}
