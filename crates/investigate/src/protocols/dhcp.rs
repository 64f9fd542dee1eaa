//! DHCP for IPv4 (RFC 2131, RFC 2132).

use std::net::Ipv4Addr;

use packet::{Cursor, Mac};

use super::{Opening, Probe, Protocol, Recognised, Step};
use crate::{At, Field, Side, Sink};

pub(crate) const RECOGNISED: Recognised = Recognised { name: "dhcp", probe, begin: |_| Box::new(Dhcp) };

/// After the header of BOOTP.
const COOKIE: [u8; 4] = [0x63, 0x82, 0x53, 0x63];
const COOKIE_OFFSET: usize = 236;

struct Dhcp;

impl Protocol for Dhcp {
    fn data(&mut self, _side: Side, at: At, data: &[u8], sink: &mut dyn Sink) -> Step {
        if tell(at, data, sink).is_none() {
            sink.oddity(at, "malformed or cut DHCP message");
        }
        Step::Go
    }
}

fn tell(at: At, data: &[u8], sink: &mut dyn Sink) -> Option<()> {
    const ETHERNET: [u8; 2] = [1, 6];
    let mut cursor = Cursor::new(data);
    cursor.skip(1)?;
    let hardware: [u8; 2] = cursor.array()?;
    cursor.skip(13)?;
    let yours = Ipv4Addr::from(cursor.array::<4>()?);
    cursor.skip(8)?;
    let mac = Mac(cursor.array()?);
    if hardware == ETHERNET {
        sink.fact(at, Field::Detail, &format!("client_mac={mac}"));
    }
    if !yours.is_unspecified() {
        sink.fact(at, Field::Detail, &format!("leased_address={yours}"));
    }
    let mut options = Cursor::new(data.get(COOKIE_OFFSET + COOKIE.len()..)?);
    loop {
        match options.u8()? {
            // Padding
            0 => {}
            // End
            255 => return Some(()),
            kind => {
                let length = options.u8()?;
                option(at, kind, options.take(usize::from(length))?, sink);
            }
        }
    }
}

/// Options that identify a client or a server.
fn option(at: At, kind: u8, value: &[u8], sink: &mut dyn Sink) {
    const DOMAIN_FLAGS_BYTES: usize = 3;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end_matches('\0').to_owned();
    let address = || value.first_chunk::<4>().map(|bytes| Ipv4Addr::from(*bytes));
    let detail = match kind {
        12 => return sink.fact(at, Field::HostName, &text(value)),
        15 => format!("domain={}", text(value)),
        50 => match address() {
            Some(address) => format!("requested_address={address}"),
            None => return,
        },
        53 => format!("message={}", message_name(value)),
        54 => match address() {
            Some(address) => format!("server={address}"),
            None => return,
        },
        60 => format!("vendor_class={}", text(value)),
        77 => format!("user_class={}", text(value)),
        81 => match value.get(DOMAIN_FLAGS_BYTES..) {
            Some(name) => return sink.fact(at, Field::HostName, &text(name)),
            None => return,
        },
        _ => return,
    };
    sink.fact(at, Field::Detail, &detail);
}

fn message_name(value: &[u8]) -> String {
    const NAMES: [&str; 9] = ["", "DISCOVER", "OFFER", "REQUEST", "DECLINE", "ACK", "NAK", "RELEASE", "INFORM"];
    let kind = value.first().copied().unwrap_or_default();
    match NAMES.get(usize::from(kind)) {
        Some(name) if !name.is_empty() => (*name).to_owned(),
        _ => kind.to_string(),
    }
}

fn probe(opening: &Opening<'_>) -> Probe {
    let said = if opening.client.is_empty() { opening.server } else { opening.client };
    let is_port = |port| matches!(port, 67 | 68);
    // What a short snap length leaves: who sends it and to whom is all before the options.
    if !opening.is_stream
        && is_port(opening.client_port)
        && is_port(opening.server_port)
        && said.len() < COOKIE_OFFSET
        && matches!(said, [1 | 2, 1..=255, 0..=16, 0..=16, ..])
    {
        return Probe::Maybe;
    }
    let is_dhcp = !opening.is_stream
        && matches!(said.first(), Some(1 | 2))
        && said.get(COOKIE_OFFSET..).is_some_and(|rest| rest.starts_with(&COOKIE));
    if is_dhcp { Probe::Yes } else { Probe::No }
}
