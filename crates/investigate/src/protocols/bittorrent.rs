//! BitTorrent: what is shared, by which program (BEP 3, BEP 5, BEP 20).

use super::cutter::{Length, Talk, Talking};
use super::{Opening, Probe, Protocol, Recognised, Step};
use crate::fingerprint::hexadecimal;
use crate::{At, Field, Side, Sink};

pub(crate) const STREAM: Recognised =
    Recognised { name: "bittorrent", probe: probe_stream, begin: |_| Box::new(Talking::new(Peers::default())) };
pub(crate) const DATAGRAM: Recognised =
    Recognised { name: "bittorrent-dht", probe: probe_datagram, begin: |_| Box::new(Nodes) };

const GREETING: &[u8] = b"\x13BitTorrent protocol";
/// The greeting, eight bytes of abilities, what is shared, who shares it.
const HANDSHAKE_BYTES: usize = 68;

#[derive(Default)]
struct Peers {
    client: bool,
    server: bool,
}

impl Talk for Peers {
    const KEPT_BYTES_MAX: usize = HANDSHAKE_BYTES;

    fn length(&self, side: Side, head: &[u8]) -> Length {
        let has_greeted = if side == Side::Client { self.client } else { self.server };
        if has_greeted { Length::Head(head.len()) } else { Length::Whole(HANDSHAKE_BYTES) }
    }

    fn message(&mut self, side: Side, at: At, message: &[u8], is_whole: bool, sink: &mut dyn Sink) -> Step {
        let has_greeted = if side == Side::Client { &mut self.client } else { &mut self.server };
        if !std::mem::replace(has_greeted, true)
            && is_whole
            && let (Some(hash), Some(peer)) = (message.get(28..48), message.get(48..HANDSHAKE_BYTES))
        {
            sink.fact(at, Field::Detail, &format!("info_hash={}", hexadecimal(hash)));
            let peer: String = peer.iter().take(8).map(|byte| byte.escape_ascii().to_string()).collect();
            sink.fact(at, Field::Software, &format!("BitTorrent peer {peer}"));
        }
        if self.client && self.server { Step::Done } else { Step::Go }
    }
}

struct Nodes;

impl Protocol for Nodes {
    fn data(&mut self, _side: Side, at: At, data: &[u8], sink: &mut dyn Sink) -> Step {
        let after = |key: &[u8], bytes: usize| {
            let start = memchr::memmem::find(data, key)? + key.len();
            data.get(start..start.checked_add(bytes)?)
        };
        if let Some(hash) = after(b"9:info_hash20:", 20) {
            sink.fact(at, Field::Detail, &format!("info_hash={}", hexadecimal(hash)));
        }
        Step::Go
    }
}

fn probe_stream(opening: &Opening<'_>) -> Probe {
    let said = if opening.client.is_empty() { opening.server } else { opening.client };
    match said {
        _ if !opening.is_stream => Probe::No,
        said if said.starts_with(GREETING) => Probe::Yes,
        said if GREETING.starts_with(said) => Probe::More,
        _ => Probe::No,
    }
}

/// A dictionary in bencoding with a question or an answer of Kademlia.
fn probe_datagram(opening: &Opening<'_>) -> Probe {
    const BEGINNINGS: [&[u8]; 5] = [b"d1:ad2:id20:", b"d1:rd2:id20:", b"d2:ip", b"d1:eli", b"d1:ad6:"];
    let said = if opening.client.is_empty() { opening.server } else { opening.client };
    let is_known = BEGINNINGS.iter().any(|beginning| said.starts_with(beginning));
    let has_kind = || memchr::memmem::find(said, b"1:y1:").is_some();
    if !opening.is_stream && is_known && has_kind() { Probe::Yes } else { Probe::No }
}
