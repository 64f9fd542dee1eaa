//! Certificates as TLS up to 1.2 sends them (RFC 5246, 7.4.2; RFC 5280).

use packet::Cursor;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use x509_parser::extensions::GeneralName;
use x509_parser::objects::{oid_registry, oid2abbrev};
use x509_parser::prelude::{FromDer, X509Certificate, X509Name};
use x509_parser::x509::AttributeTypeAndValue;

use crate::fingerprint::hexadecimal;
use crate::{At, Field, Side, Sink};

/// Certificates of one message that are told.
const CERTIFICATES_MAX: usize = 16;
/// Other names of one certificate that are told.
const NAMES_MAX: usize = 128;
/// Bytes of a subject or an issuer that are told.
const NAME_BYTES_MAX: usize = 4096;

/// Tells the certificates of a message, the leaf first.
pub(crate) fn certificates(side: Side, at: At, body: &[u8], is_whole: bool, sink: &mut dyn Sink) {
    let mut cursor = Cursor::new(body);
    let Some(_bytes) = three_byte_length(&mut cursor) else { return };
    let mut told = 0;
    while !cursor.is_empty() {
        let certificate = three_byte_length(&mut cursor).and_then(|length| cursor.take(length));
        let Some(certificate) = certificate else {
            let what = if is_whole { "malformed list of certificates" } else { "certificates that are not whole" };
            sink.oddity(at, what);
            return;
        };
        if told == CERTIFICATES_MAX {
            sink.oddity(at, "more certificates than are told");
            return;
        }
        self::certificate(at, certificate, sink);
        if told == 0 && side == Side::Client {
            sink.fact(at, Field::Detail, &format!("client_cert_sha256={}", hexadecimal(&Sha256::digest(certificate))));
        }
        told += 1;
    }
}

fn certificate(at: At, der: &[u8], sink: &mut dyn Sink) {
    sink.fact(at, Field::CertSha256, &hexadecimal(&Sha256::digest(der)));
    sink.fact(at, Field::Detail, &format!("cert_sha1={}", hexadecimal(&Sha1::digest(der))));
    let Ok((_, certificate)) = X509Certificate::from_der(der) else {
        sink.oddity(at, "certificate that cannot be read");
        return;
    };
    sink.fact(at, Field::CertSubject, &distinguished(certificate.subject()));
    sink.fact(at, Field::CertIssuer, &distinguished(certificate.issuer()));
    sink.fact(at, Field::Detail, &format!("cert_serial={}", hexadecimal(certificate.raw_serial())));
    let Ok(Some(alternatives)) = certificate.subject_alternative_name() else { return };
    for name in alternatives.value.general_names.iter().take(NAMES_MAX) {
        if let GeneralName::DNSName(name) = name {
            sink.fact(at, Field::Detail, &format!("cert_name={name}"));
        }
    }
}

/// A distinguished name as RFC 4514 writes it: the last part first.
fn distinguished(name: &X509Name<'_>) -> String {
    let parts: Vec<String> =
        name.iter_rdn().map(|part| part.iter().map(attribute).collect::<Vec<_>>().join("+")).collect();
    let mut text = parts.into_iter().rev().collect::<Vec<_>>().join(",");
    if text.len() > NAME_BYTES_MAX {
        text.truncate(text.floor_char_boundary(NAME_BYTES_MAX));
    }
    text
}

fn attribute(attribute: &AttributeTypeAndValue<'_>) -> String {
    let kind = attribute.attr_type();
    let kind = oid2abbrev(kind, oid_registry()).map_or_else(|_| kind.to_id_string(), str::to_owned);
    format!("{kind}={}", escaped(&value(attribute)))
}

fn value(attribute: &AttributeTypeAndValue<'_>) -> String {
    const T61_STRING: u32 = 20;
    const BMP_STRING: u32 = 30;
    let bytes = attribute.as_slice();
    match attribute.attr_value().tag().0 {
        BMP_STRING => {
            let units = bytes.as_chunks::<2>().0.iter().copied().map(u16::from_be_bytes);
            char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
        }
        T61_STRING => bytes.iter().copied().map(char::from).collect(),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// RFC 4514, 2.4.
fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for (index, character) in value.char_indices() {
        let is_last = index + character.len_utf8() == value.len();
        match character {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => text.extend(['\\', character]),
            '#' if index == 0 => text.push_str("\\#"),
            ' ' if index == 0 || is_last => text.push_str("\\ "),
            '\0' => text.push_str("\\00"),
            character => text.push(character),
        }
    }
    text
}

fn three_byte_length(cursor: &mut Cursor<'_>) -> Option<usize> {
    let [high, middle, low] = cursor.array()?;
    Some(u32::from_be_bytes([0, high, middle, low]) as usize)
}

#[cfg(test)]
mod tests {
    /// RFC 4514, 4.
    #[test]
    fn values_are_escaped() {
        let check = |value: &str, expected: &str| assert_eq!(super::escaped(value), expected);
        check("James \"Jim\" Smith, III", "James \\\"Jim\\\" Smith\\, III");
        check("#a ", "\\#a\\ ");
        check(" ", "\\ ");
        check("Lu\u{10d}i\u{107}", "Lu\u{10d}i\u{107}");
    }
}
