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

/// Whether it names a service: devices answer a search from any port, and so in a conversation of its own.
fn is_answer(said: &[u8]) -> bool {
    let has = |name: &[u8]| {
        said.split(|&byte| byte == b'\n')
            .any(|line| line.get(..name.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(name)))
    };
    has(b"st:") && has(b"usn:")
}

fn probe(opening: &Opening<'_>) -> Probe {
    const PORT: u16 = 1900;
    let said = if opening.client.is_empty() { opening.server } else { opening.client };
    let is_port = opening.client_port == PORT || opening.server_port == PORT;
    let is_ssdp = !opening.is_stream
        && (said.starts_with(SEARCH)
            || said.starts_with(NOTIFY)
            || (said.starts_with(ANSWER) && (is_port || is_answer(said))));
    if is_ssdp { Probe::Yes } else { Probe::No }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_from_any_port() {
        let check = |client: &[u8], expected| {
            let opening = Opening {
                client,
                server: b"",
                first: Side::Client,
                client_port: 38_616,
                server_port: 61_328,
                is_stream: false,
            };
            assert_eq!(probe(&opening), expected, "{}", String::from_utf8_lossy(client));
        };
        check(b"HTTP/1.1 200 OK\r\nST: ssdp:all\r\nUsn: uuid:1::upnp:rootdevice\r\n\r\n", Probe::Yes);
        check(b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n", Probe::No);
        check(b"M-SEARCH * HTTP/1.1\r\nST: ssdp:all\r\n\r\n", Probe::Yes);
    }
}
