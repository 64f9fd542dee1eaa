//! NTP (RFC 5905), its control messages, and the private ones of ntpd.

use std::net::Ipv4Addr;

use packet::Cursor;

use super::{Opening, Probe, Protocol, Recognised, Step};
use crate::{At, Field, Side, Sink};

pub(crate) const RECOGNISED: Recognised = Recognised { name: "ntp", probe, begin: |_| Box::new(Ntp) };

const PORT: u16 = 123;
const TIME_BYTES: usize = 48;

mod mode {
    pub(super) const SERVER: u8 = 4;
    pub(super) const BROADCAST: u8 = 5;
    pub(super) const CONTROL: u8 = 6;
    pub(super) const PRIVATE: u8 = 7;
}

struct Ntp;

impl Protocol for Ntp {
    fn data(&mut self, _side: Side, at: At, data: &[u8], sink: &mut dyn Sink) -> Step {
        if tell(at, data, sink).is_none() {
            sink.oddity(at, "malformed or cut NTP message");
        }
        Step::Go
    }
}

fn tell(at: At, data: &[u8], sink: &mut dyn Sink) -> Option<()> {
    const NAMES: [&str; 8] = ["reserved", "active", "passive", "client", "server", "broadcast", "control", "private"];
    let mut cursor = Cursor::new(data);
    let first = cursor.u8()?;
    let (version, mode) = (first >> 3 & 7, first & 7);
    sink.fact(at, Field::Version, &format!("NTP v{version}"));
    sink.fact(at, Field::Detail, &format!("mode={}", NAMES.get(usize::from(mode))?));
    match mode {
        mode::CONTROL => sink.fact(at, Field::Detail, &format!("operation={}", cursor.u8()? & 0x1f)),
        mode::PRIVATE => {
            cursor.skip(2)?;
            // The last of them list the hosts that a server talked to: how it is made to amplify.
            match cursor.u8()? {
                20 | 42 => sink.fact(at, Field::Detail, "request=monlist"),
                request => sink.fact(at, Field::Detail, &format!("request={request}")),
            }
        }
        mode::SERVER | mode::BROADCAST => {
            let stratum = cursor.u8()?;
            cursor.skip(10)?;
            let reference = cursor.array::<4>()?;
            sink.fact(at, Field::Detail, &format!("stratum={stratum}"));
            let reference = match stratum {
                0 | 1 => String::from_utf8_lossy(&reference).trim_end_matches('\0').to_owned(),
                _ => Ipv4Addr::from(reference).to_string(),
            };
            sink.fact(at, Field::Detail, &format!("reference={reference}"));
        }
        _ => {}
    }
    Some(())
}

/// A form without any mark of its own: it fits, and the port says so.
fn probe(opening: &Opening<'_>) -> Probe {
    let said = if opening.client.is_empty() { opening.server } else { opening.client };
    let Some(first) = said.first() else { return Probe::No };
    let (version, mode) = (first >> 3 & 7, first & 7);
    let fits = match mode {
        1..=mode::BROADCAST => said.len() >= TIME_BYTES && said.get(1).is_some_and(|stratum| *stratum <= 16),
        mode::CONTROL => said.len() >= 12,
        mode::PRIVATE => said.len() >= 8,
        _ => false,
    };
    let is_port = opening.client_port == PORT || opening.server_port == PORT;
    let is_ntp = !opening.is_stream && is_port && fits && (1..=4).contains(&version);
    if is_ntp { Probe::Yes } else { Probe::No }
}
