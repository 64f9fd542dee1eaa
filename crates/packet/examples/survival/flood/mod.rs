//! Junk in each shape that an attack can have, with what the victim answers.

mod outbound;
mod peers;
mod spoofed;
mod steady;
mod talk;

use crate::conversation::Pool;
use crate::frame::{Records, Side};
use crate::incident::{BEFORE, DURING};
use crate::ordinary::VICTIM;
use crate::random::Random;

/// What the junk is sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// TCP 443, which has ordinary clients too.
    Open,
    /// Nothing listens.
    Closed,
    /// UDP 53, which answers.
    Udp,
}

impl Target {
    pub(crate) const ALL: [Self; 3] = [Self::Open, Self::Closed, Self::Udp];

    pub(crate) fn name(self) -> &'static str {
        ["open", "closed", "udp"][self as usize]
    }

    fn side(self) -> Side {
        Side(VICTIM, [443, 8444, 53][self as usize])
    }
}

/// What an exchange can use.
pub(crate) struct Scene<'a> {
    pub(crate) records: &'a mut Records,
    pub(crate) random: &'a mut Random,
    pub(crate) pool: &'a Pool,
    pub(crate) target: Target,
    /// The flood's clock.
    pub(crate) now: u64,
    /// When the victim may send an ICMP error again.
    pub(crate) icmp_next: &'a mut u64,
}

impl Scene<'_> {
    /// The victim says that the port of the last frame is closed, at most a thousand times a second, as Linux does.
    fn unreachable(&mut self) {
        if self.now >= *self.icmp_next {
            *self.icmp_next = self.now + 1_000_000;
            self.records.unreachable(self.records.len() - 1);
        }
    }

    fn udp(&mut self, from: Side, to: Side, bytes: u32) {
        let payload = self.pool.payload(self.random, bytes as usize);
        self.records.udp(from, to, payload);
    }
}

/// Makes the next exchange of a shape: a few packets that belong together.
pub(crate) trait Shape {
    fn exchange(&mut self, scene: &mut Scene);
}

/// Names of the shapes.
pub(crate) const SHAPES: [&str; 13] = [
    "spoofed",
    "one-source",
    "real-sources",
    "outbound-one",
    "outbound-many",
    "long-flow",
    "under-head",
    "drip",
    "framing",
    "fragments",
    "tables",
    "rows",
    "all",
];

pub(crate) fn shape(name: &str, seed: u64) -> Option<Box<dyn Shape>> {
    let mut random = Random::new(seed ^ 0xf100d);
    let mut strangers = |count: usize| -> Vec<u32> { (0..count).map(|_| random.stranger()).collect() };
    Some(match name {
        "spoofed" => Box::new(spoofed::Spoofed),
        "one-source" => Box::new(peers::Real::new(strangers(1), 8000)),
        "real-sources" => Box::new(peers::Real::new(strangers(10_000), 6000)),
        "outbound-one" => Box::new(outbound::Outbound::new(strangers(1))),
        "outbound-many" => Box::new(outbound::Outbound::new(strangers(5000))),
        "long-flow" => Box::new(steady::Slots::new(strangers(1), 1, u64::MAX)),
        "under-head" => Box::new(steady::Slots::new(strangers(200), 16, 14_500)),
        "drip" => Box::new(steady::Slots::new(strangers(3000), 3000, 12_000)),
        "framing" => Box::new(peers::Framing::new(&[BEFORE, DURING])),
        "fragments" => Box::new(spoofed::Fragments),
        "tables" => Box::new(spoofed::Tables),
        "rows" => Box::new(peers::Rows::new(strangers(10_000))),
        "all" => Box::new(All::new(seed)),
        _ => return None,
    })
}

/// Every shape at every target, each with as many bytes.
struct All {
    parts: Vec<(Box<dyn Shape>, Target, u64)>,
}

impl All {
    fn new(seed: u64) -> Self {
        let others = SHAPES.iter().filter(|name| **name != "all");
        let parts = others.flat_map(|name| {
            Target::ALL.into_iter().filter_map(move |target| Some((shape(name, seed ^ target as u64)?, target, 0)))
        });
        Self { parts: parts.collect() }
    }
}

impl Shape for All {
    fn exchange(&mut self, scene: &mut Scene) {
        let Some((shape, target, sent)) = self.parts.iter_mut().min_by_key(|(_, _, sent)| *sent) else { return };
        let before = scene.records.bytes();
        scene.target = *target;
        shape.exchange(scene);
        *sent += scene.records.bytes() - before;
    }
}
