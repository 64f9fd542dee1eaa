//! WireGuard: that it is spoken (its white paper, 5.4).

use super::{Opening, Probe, Protocol, Recognised, Step};
use crate::{At, Side, Sink};

pub(crate) const RECOGNISED: Recognised = Recognised { name: "wireguard", probe, begin: |_| Box::new(Wireguard) };

const INITIATION_BYTES: usize = 148;
const RESPONSE_BYTES: usize = 92;
const COOKIE_BYTES: usize = 64;

/// All of it is encrypted: there is nothing to tell.
struct Wireguard;

impl Protocol for Wireguard {
    fn data(&mut self, _side: Side, _at: At, _data: &[u8], _sink: &mut dyn Sink) -> Step {
        Step::Done
    }
}

/// Kinds of messages, three zeros, and the lengths that go with them; of data alone it takes both sides.
fn probe(opening: &Opening<'_>) -> Probe {
    let kind = |said: &[u8]| match said {
        [1, 0, 0, 0, ..] if said.len() == INITIATION_BYTES => Probe::Yes,
        [2, 0, 0, 0, ..] if said.len() == RESPONSE_BYTES => Probe::Yes,
        [3, 0, 0, 0, ..] if said.len() == COOKIE_BYTES => Probe::Yes,
        [4, 0, 0, 0, ..] if said.len() >= 32 && said.len().is_multiple_of(16) => Probe::Maybe,
        _ => Probe::No,
    };
    match (kind(opening.client), kind(opening.server)) {
        _ if opening.is_stream => Probe::No,
        (Probe::Yes, _) | (_, Probe::Yes) => Probe::Yes,
        (Probe::Maybe, Probe::Maybe) => Probe::Maybe,
        (Probe::Maybe, _) if opening.server.is_empty() => Probe::More,
        (_, Probe::Maybe) if opening.client.is_empty() => Probe::More,
        _ => Probe::No,
    }
}
