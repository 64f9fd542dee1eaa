//! BGP: between whom (RFC 4271).

use std::net::Ipv4Addr;

use packet::Cursor;

use super::cutter::{Length, Talk, Talking};
use super::{Opening, Probe, Recognised, Step};
use crate::{At, Field, Side, Sink};

pub(crate) const RECOGNISED: Recognised = Recognised { name: "bgp", probe, begin: |_| Box::new(Talking::new(Bgp)) };

const MARKER: [u8; 16] = [0xff; 16];
const HEADER_BYTES: usize = 19;
const MESSAGE_BYTES_MAX: usize = 65_535;

struct Bgp;

impl Talk for Bgp {
    const KEPT_BYTES_MAX: usize = 4096;

    fn length(&self, _side: Side, head: &[u8]) -> Length {
        match head.get(MARKER.len()..).and_then(<[u8]>::first_chunk) {
            _ if head.iter().zip(MARKER).any(|(byte, marker)| *byte != marker) => Length::Broken,
            None => Length::More,
            Some(bytes) => match usize::from(u16::from_be_bytes(*bytes)) {
                length @ HEADER_BYTES..=MESSAGE_BYTES_MAX => Length::Whole(length),
                _ => Length::Broken,
            },
        }
    }

    fn message(&mut self, side: Side, at: At, message: &[u8], _is_whole: bool, sink: &mut dyn Sink) -> Step {
        let mut cursor = Cursor::new(message.get(HEADER_BYTES - 1..).unwrap_or_default());
        let side = if side == Side::Client { "client" } else { "server" };
        match cursor.u8() {
            Some(1) => {
                let (Some(version), Some(system), Some(_), Some(router)) =
                    (cursor.u8(), cursor.u16(), cursor.u16(), cursor.array::<4>())
                else {
                    return Step::Go;
                };
                sink.fact(at, Field::Version, &format!("BGP-{version}"));
                sink.fact(at, Field::Detail, &format!("as={system} ({side})"));
                sink.fact(at, Field::Detail, &format!("router={} ({side})", Ipv4Addr::from(router)));
            }
            Some(3) => {
                if let (Some(code), Some(part)) = (cursor.u8(), cursor.u8()) {
                    sink.fact(at, Field::Detail, &format!("notification={code}/{part} ({side})"));
                }
            }
            _ => {}
        }
        Step::Go
    }
}

fn probe(opening: &Opening<'_>) -> Probe {
    let said = if opening.client.is_empty() { opening.server } else { opening.client };
    match said.get(..MARKER.len()) {
        _ if !opening.is_stream => Probe::No,
        None if said.iter().all(|byte| *byte == 0xff) => Probe::More,
        Some(marker) if marker == MARKER => match said.get(16..HEADER_BYTES) {
            Some([high, low, 1..=5]) if u16::from_be_bytes([*high, *low]) as usize >= HEADER_BYTES => Probe::Yes,
            Some(_) => Probe::No,
            None => Probe::More,
        },
        _ => Probe::No,
    }
}
