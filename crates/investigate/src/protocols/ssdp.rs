//! SSDP: what devices search for, and what they say they are (UPnP Device Architecture 2.0, 1).

use super::{Opening, Probe, Protocol, Recognised, Step};
use crate::{At, Field, Side, Sink};

pub(crate) const RECOGNISED: Recognised = Recognised { name: "ssdp", probe, begin: |_| Box::new(Ssdp) };

const SEARCH: &[u8] = b"M-SEARCH * HTTP/1.";
const NOTIFY: &[u8] = b"NOTIFY * HTTP/1.";
const ANSWER: &[u8] = b"HTTP/1.";
/// Header lines of one message that are read.
const LINES_MAX: usize = 64;

struct Ssdp;

impl Protocol for Ssdp {
    fn data(&mut self, _side: Side, at: At, data: &[u8], sink: &mut dyn Sink) -> Step {
        for line in data.split(|&byte| byte == b'\n').skip(1).take(LINES_MAX) {
            let Some(colon) = memchr::memchr(b':', line) else { continue };
            let (name, value) = line.split_at(colon);
            let value = String::from_utf8_lossy(value.get(1..).unwrap_or_default().trim_ascii());
            match name.trim_ascii().to_ascii_lowercase().as_slice() {
                b"st" | b"nt" => sink.fact(at, Field::Detail, &format!("target={value}")),
                b"usn" => sink.fact(at, Field::Detail, &format!("usn={value}")),
                b"location" => sink.fact(at, Field::Url, &value),
                b"server" | b"user-agent" => sink.fact(at, Field::Software, &value),
                _ => {}
            }
        }
        Step::Go
    }
}

fn probe(opening: &Opening<'_>) -> Probe {
    const PORT: u16 = 1900;
    let said = if opening.client.is_empty() { opening.server } else { opening.client };
    let is_port = opening.client_port == PORT || opening.server_port == PORT;
    let is_ssdp = !opening.is_stream
        && (said.starts_with(SEARCH) || said.starts_with(NOTIFY) || (said.starts_with(ANSWER) && is_port));
    if is_ssdp { Probe::Yes } else { Probe::No }
}
