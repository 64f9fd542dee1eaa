//! The data of records, as dig shows it; names are without their last dot.

use std::net::{Ipv4Addr, Ipv6Addr};

use packet::Cursor;

use super::message::{self, Record};
use super::name;
use crate::fingerprint::hexadecimal;

/// Data as text; what is malformed or of a kind that is not known, in the general form of RFC 3597.
pub(super) fn shown<'a>(bytes: &'a [u8], record: &Record<'a>) -> String {
    known(bytes, record).unwrap_or_else(|| format!("\\# {} {}", record.data.len(), hexadecimal(record.data)))
}

fn known<'a>(bytes: &'a [u8], record: &Record<'a>) -> Option<String> {
    let mut cursor = Cursor::new(record.data);
    let cursor = &mut cursor;
    Some(match record.kind {
        message::A => Ipv4Addr::from(<[u8; 4]>::try_from(record.data).ok()?).to_string(),
        message::AAAA => Ipv6Addr::from(<[u8; 16]>::try_from(record.data).ok()?).to_string(),
        message::NS | message::CNAME | message::PTR | message::DNAME => record.target.clone()?,
        // SOA
        6 => {
            let names = format!("{} {}", name::read(bytes, cursor)?, name::read(bytes, cursor)?);
            let numbers = [cursor.u32()?, cursor.u32()?, cursor.u32()?, cursor.u32()?, cursor.u32()?];
            format!("{names} {}", numbers.map(|number| number.to_string()).join(" "))
        }
        // HINFO, TXT, SPF
        13 | 16 | 99 => strings(cursor)?,
        // MX, AFSDB, RT, KX
        15 | 18 | 21 | 36 => format!("{} {}", cursor.u16()?, name::read(bytes, cursor)?),
        message::NETBIOS => netbios_addresses(cursor)?,
        // SRV; with the number of NetBIOS status, which is never asked of a DNS server
        message::NETBIOS_STATUS if record.name.ends_with('>') => return None,
        message::NETBIOS_STATUS => {
            format!("{} {} {} {}", cursor.u16()?, cursor.u16()?, cursor.u16()?, name::read(bytes, cursor)?)
        }
        // NAPTR
        35 => {
            let numbers = format!("{} {}", cursor.u16()?, cursor.u16()?);
            let texts = [string(cursor)?, string(cursor)?, string(cursor)?].join(" ");
            format!("{numbers} {texts} {}", name::read(bytes, cursor)?)
        }
        // DS, CDS
        43 | 59 => format!("{} {} {} {}", cursor.u16()?, cursor.u8()?, cursor.u8()?, upper(cursor.rest())),
        // SSHFP
        44 => format!("{} {} {}", cursor.u8()?, cursor.u8()?, upper(cursor.rest())),
        // TLSA, SMIMEA
        52 | 53 => format!("{} {} {} {}", cursor.u8()?, cursor.u8()?, cursor.u8()?, upper(cursor.rest())),
        // SVCB, HTTPS
        64 | 65 => service(bytes, cursor)?,
        // CAA
        257 => {
            let (flags, length) = (cursor.u8()?, cursor.u8()?);
            let tag = String::from_utf8_lossy(cursor.take(usize::from(length))?);
            format!("{flags} {tag} {}", quoted(cursor.rest()))
        }
        _ => return None,
    })
}

/// Parameters of a service binding (RFC 9460, 2.1).
fn service<'a>(bytes: &'a [u8], cursor: &mut Cursor<'a>) -> Option<String> {
    let mut text = format!("{} {}", cursor.u16()?, name::read(bytes, cursor)?);
    while !cursor.is_empty() {
        let (key, length) = (cursor.u16()?, cursor.u16()?);
        let value = cursor.take(usize::from(length))?;
        text.push(' ');
        text.push_str(&parameter(key, value)?);
    }
    Some(text)
}

fn parameter(key: u16, value: &[u8]) -> Option<String> {
    let mut cursor = Cursor::new(value);
    Some(match key {
        1 => {
            let mut names = Vec::new();
            while let Some(length) = cursor.u8() {
                names.push(String::from_utf8_lossy(cursor.take(usize::from(length))?).into_owned());
            }
            format!("alpn=\"{}\"", names.join(","))
        }
        2 => "no-default-alpn".to_owned(),
        3 => format!("port={}", cursor.u16()?),
        4 => {
            let addresses = value.as_chunks::<4>().0.iter().map(|bytes| Ipv4Addr::from(*bytes).to_string());
            format!("ipv4hint={}", addresses.collect::<Vec<_>>().join(","))
        }
        6 => {
            let addresses = value.as_chunks::<16>().0.iter().map(|bytes| Ipv6Addr::from(*bytes).to_string());
            format!("ipv6hint={}", addresses.collect::<Vec<_>>().join(","))
        }
        _ => format!("key{key}={}", quoted(value)),
    })
}

fn netbios_addresses(cursor: &mut Cursor<'_>) -> Option<String> {
    let mut addresses = Vec::new();
    while !cursor.is_empty() {
        cursor.skip(2)?;
        addresses.push(Ipv4Addr::from(cursor.array::<4>()?).to_string());
    }
    Some(addresses.join(" "))
}

fn strings(cursor: &mut Cursor<'_>) -> Option<String> {
    let mut texts = Vec::new();
    while !cursor.is_empty() {
        texts.push(string(cursor)?);
    }
    Some(texts.join(" "))
}

fn string(cursor: &mut Cursor<'_>) -> Option<String> {
    let length = cursor.u8()?;
    cursor.take(usize::from(length)).map(quoted)
}

fn quoted(bytes: &[u8]) -> String {
    let mut text = String::from("\"");
    for &byte in bytes {
        match byte {
            b'"' | b'\\' => text.extend(['\\', char::from(byte)]),
            0x20..=0x7e => text.push(char::from(byte)),
            _ => text.push_str(&format!("\\{byte:03}")),
        }
    }
    text.push('"');
    text
}

fn upper(bytes: &[u8]) -> String {
    hexadecimal(bytes).to_ascii_uppercase()
}
