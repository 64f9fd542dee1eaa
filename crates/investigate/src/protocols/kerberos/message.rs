//! Messages between clients and key distribution centres (RFC 4120, 5).

use packet::Cursor;

use crate::protocols::ber;
use crate::{At, Field, Sink};

/// Principals and numbers of a message.
#[derive(Debug, Default)]
struct Told {
    client: Option<String>,
    client_realm: Option<String>,
    server: Option<String>,
    realm: Option<String>,
    encryptions: Vec<i64>,
    error: Option<i64>,
}

mod tag {
    pub(super) const TICKET: u8 = 0x61;
    pub(super) const AUTHENTICATE: u8 = 0x6a;
    pub(super) const AUTHENTICATED: u8 = 0x6b;
    pub(super) const GRANT: u8 = 0x6c;
    pub(super) const GRANTED: u8 = 0x6d;
    pub(super) const ERROR: u8 = 0x7e;
}

/// Whether such a message there is.
pub(super) fn is_tag(tag: u8) -> bool {
    message_name(tag).is_some()
}

/// Tells what a message says openly.
pub(super) fn tell(at: At, data: &[u8], sink: &mut dyn Sink) {
    let mut cursor = Cursor::new(data);
    let Some((tag, told)) = ber::element(&mut cursor).and_then(|element| {
        let mut body = ber::tagged(&mut Cursor::new(element.content), ber::SEQUENCE)?;
        Some((element.tag, read(element.tag, &mut body)))
    }) else {
        sink.oddity(at, "malformed or cut Kerberos message");
        return;
    };
    if let Some(name) = message_name(tag) {
        sink.fact(at, Field::Detail, &format!("message={name}"));
    }
    let realm = told.client_realm.as_ref().or(told.realm.as_ref());
    match (&told.client, realm) {
        (Some(client), Some(realm)) => sink.fact(at, Field::User, &format!("{client}@{realm}")),
        (Some(client), None) => sink.fact(at, Field::User, client),
        _ => {}
    }
    for (name, value) in [("realm", &told.realm), ("service", &told.server)] {
        if let Some(value) = value {
            sink.fact(at, Field::Detail, &format!("{name}={value}"));
        }
    }
    if !told.encryptions.is_empty() {
        let names: Vec<String> = told.encryptions.iter().map(|kind| encryption_name(*kind)).collect();
        sink.fact(at, Field::Detail, &format!("encryption={}", names.join(" ")));
    }
    if let Some(error) = told.error {
        sink.fact(at, Field::Detail, &format!("error={}", error_name(error)));
    }
}

/// Reads the fields of a message, each of which has its number as tag.
fn read(tag: u8, body: &mut Cursor<'_>) -> Told {
    let mut told = Told::default();
    while let Some(field) = ber::element(body) {
        let mut value = Cursor::new(field.content);
        let value = &mut value;
        match (tag, field.tag & 0x1f) {
            (tag::AUTHENTICATE | tag::GRANT, 4) => asked(&mut told, value),
            (tag::AUTHENTICATED | tag::GRANTED, 3) => told.client_realm = ber::text(value),
            (tag::AUTHENTICATED | tag::GRANTED, 4) => told.client = principal(value),
            (tag::AUTHENTICATED | tag::GRANTED, 5) => {
                ticket(&mut told, value);
            }
            (tag::ERROR, 6) => told.error = ber::number(value),
            (tag::ERROR, 7) => told.client_realm = ber::text(value),
            (tag::ERROR, 8) => told.client = principal(value),
            (tag::ERROR, 9) => told.realm = ber::text(value),
            (tag::ERROR, 10) => told.server = principal(value),
            _ => {}
        }
    }
    told
}

fn asked(told: &mut Told, value: &mut Cursor<'_>) {
    const ENCRYPTIONS_MAX: usize = 32;
    let Some(mut body) = ber::tagged(value, ber::SEQUENCE) else { return };
    while let Some(field) = ber::element(&mut body) {
        let mut value = Cursor::new(field.content);
        match field.tag & 0x1f {
            1 => told.client = principal(&mut value),
            2 => told.realm = ber::text(&mut value),
            3 => told.server = principal(&mut value),
            8 => {
                let mut kinds = ber::tagged(&mut value, ber::SEQUENCE).unwrap_or(Cursor::new(&[]));
                let kinds = std::iter::from_fn(|| ber::number(&mut kinds));
                told.encryptions.extend(kinds.take(ENCRYPTIONS_MAX));
            }
            _ => {}
        }
    }
}

fn ticket(told: &mut Told, value: &mut Cursor<'_>) -> Option<()> {
    let mut body = ber::tagged(&mut ber::tagged(value, tag::TICKET)?, ber::SEQUENCE)?;
    while let Some(field) = ber::element(&mut body) {
        let mut value = Cursor::new(field.content);
        match field.tag & 0x1f {
            1 => told.realm = ber::text(&mut value),
            2 => told.server = principal(&mut value),
            3 => {
                let mut sealed = ber::tagged(&mut value, ber::SEQUENCE)?;
                let mut kind = Cursor::new(ber::element(&mut sealed)?.content);
                told.encryptions.extend(ber::number(&mut kind));
            }
            _ => {}
        }
    }
    Some(())
}

/// A name in parts, such as "host/www.example".
fn principal(value: &mut Cursor<'_>) -> Option<String> {
    const PARTS_MAX: usize = 16;
    let mut body = ber::tagged(value, ber::SEQUENCE)?;
    ber::element(&mut body)?;
    let mut parts = ber::tagged(&mut Cursor::new(ber::element(&mut body)?.content), ber::SEQUENCE)?;
    let parts: Vec<String> = std::iter::from_fn(|| ber::text(&mut parts)).take(PARTS_MAX).collect();
    Some(parts.join("/"))
}

fn message_name(tag: u8) -> Option<&'static str> {
    Some(match tag {
        tag::AUTHENTICATE => "AS-REQ",
        tag::AUTHENTICATED => "AS-REP",
        tag::GRANT => "TGS-REQ",
        tag::GRANTED => "TGS-REP",
        0x6e => "AP-REQ",
        0x6f => "AP-REP",
        0x74 => "KRB-SAFE",
        0x75 => "KRB-PRIV",
        0x76 => "KRB-CRED",
        tag::ERROR => "KRB-ERROR",
        _ => return None,
    })
}

/// Names of the registry of encryption types, as krb5.conf has them.
fn encryption_name(kind: i64) -> String {
    let name = match kind {
        1 => "des-cbc-crc",
        3 => "des-cbc-md5",
        16 => "des3-cbc-sha1",
        17 => "aes128-cts-hmac-sha1-96",
        18 => "aes256-cts-hmac-sha1-96",
        19 => "aes128-cts-hmac-sha256-128",
        20 => "aes256-cts-hmac-sha384-192",
        23 => "rc4-hmac",
        24 => "rc4-hmac-exp",
        25 => "camellia128-cts-cmac",
        26 => "camellia256-cts-cmac",
        _ => return kind.to_string(),
    };
    name.to_owned()
}

/// RFC 4120, 7.5.9.
fn error_name(code: i64) -> String {
    let name = match code {
        6 => "C_PRINCIPAL_UNKNOWN",
        7 => "S_PRINCIPAL_UNKNOWN",
        12 => "POLICY",
        14 => "ETYPE_NOSUPP",
        18 => "CLIENT_REVOKED",
        23 => "KEY_EXPIRED",
        24 => "PREAUTH_FAILED",
        25 => "PREAUTH_REQUIRED",
        31 => "BAD_INTEGRITY",
        32 => "TKT_EXPIRED",
        34 => "REPEAT",
        37 => "SKEW",
        41 => "MODIFIED",
        52 => "RESPONSE_TOO_BIG",
        60 => "GENERIC",
        68 => "WRONG_REALM",
        _ => return code.to_string(),
    };
    format!("{code} {name}")
}
