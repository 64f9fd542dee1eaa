//! Junk inside of flows that go on: one long one, many just under the head, or thousands that drip.

use super::talk::Talk;
use super::{Scene, Shape, Target};
use crate::frame::Side;

/// Flows that take turns; each is replaced once it has had its bytes.
pub(super) struct Slots {
    sources: Vec<u32>,
    slots: Vec<Option<(Talk, Side, u64)>>,
    turn: usize,
    flow_bytes: u64,
}

impl Slots {
    pub(super) fn new(sources: Vec<u32>, slots: usize, flow_bytes: u64) -> Self {
        Self { sources, slots: vec![None; slots], turn: 0, flow_bytes }
    }
}

impl Shape for Slots {
    fn exchange(&mut self, scene: &mut Scene) {
        self.turn = (self.turn + 1) % self.slots.len();
        let target = scene.target.side();
        let before = scene.records.bytes();
        let Some((mut talk, source, sent)) = self.slots[self.turn] else {
            let source = self.sources[scene.random.below(self.sources.len() as u32) as usize];
            let source = Side(source, scene.random.port());
            let mut talk = Talk::new(scene, source, target);
            match scene.target {
                Target::Open => talk.handshake(scene),
                Target::Closed => talk.syn(scene),
                Target::Udp => scene.udp(source, target, 60),
            }
            self.slots[self.turn] = Some((talk, source, scene.records.bytes() - before));
            return;
        };
        let bytes = scene.random.between(300, 1440);
        match scene.target {
            Target::Open => talk.say(scene, true, bytes),
            Target::Closed => {
                // Nobody answers more than a little: the flow is never proven.
                scene.udp(source, target, bytes);
                scene.unreachable();
            }
            Target::Udp => {
                scene.udp(target, source, bytes / 2);
                scene.udp(source, target, bytes / 2);
            }
        }
        let sent = sent + scene.records.bytes() - before;
        let is_over = sent > self.flow_bytes;
        if is_over && scene.target == Target::Open {
            talk.reset(scene, true);
        }
        self.slots[self.turn] = (!is_over).then_some((talk, source, sent));
    }
}
