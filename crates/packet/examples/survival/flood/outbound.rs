//! Junk that this host sends: a process on it floods others.

use super::talk::Talk;
use super::{Scene, Shape, Target};
use crate::frame::Side;
use crate::ordinary::VICTIM;

/// To one destination or to thousands.
pub(super) struct Outbound {
    destinations: Vec<u32>,
}

impl Outbound {
    pub(super) fn new(destinations: Vec<u32>) -> Self {
        Self { destinations }
    }
}

impl Shape for Outbound {
    fn exchange(&mut self, scene: &mut Scene) {
        let destination = self.destinations[scene.random.below(self.destinations.len() as u32) as usize];
        let destination = Side(destination, scene.target.side().1);
        let source = Side(VICTIM, scene.random.port());
        match scene.target {
            Target::Open => {
                let mut talk = Talk::new(scene, source, destination);
                talk.handshake(scene);
                let bytes = scene.random.between(2000, 12_000);
                talk.say(scene, true, bytes);
                talk.reset(scene, true);
            }
            Target::Closed => {
                let mut talk = Talk::new(scene, source, destination);
                talk.syn(scene);
                talk.refused(scene);
                for _ in 0..2 {
                    scene.udp(source, destination, 1400);
                }
            }
            Target::Udp => {
                for _ in 0..8 {
                    scene.udp(source, destination, 1400);
                }
                scene.udp(destination, source, 200);
            }
        }
    }
}
