//! Junk from real sources, which hear the victim's answers.

use super::talk::Talk;
use super::{Scene, Shape, Target};
use crate::frame::Side;
use crate::incident::Networks;
use crate::ordinary::VICTIM;

/// Sources that complete handshakes and send junk.
pub(super) struct Real {
    sources: Vec<u32>,
    bytes: u32,
}

impl Real {
    pub(super) fn new(sources: Vec<u32>, bytes: u32) -> Self {
        Self { sources, bytes }
    }
}

impl Shape for Real {
    fn exchange(&mut self, scene: &mut Scene) {
        let source = self.sources[scene.random.below(self.sources.len() as u32) as usize];
        let source = Side(source, scene.random.port());
        junk(scene, source, self.bytes);
    }
}

/// One connection's junk, or as much as the target takes.
fn junk(scene: &mut Scene, source: Side, bytes: u32) {
    let target = scene.target.side();
    let bytes = scene.random.between(bytes / 3, bytes * 5 / 3);
    match scene.target {
        Target::Open => {
            let mut talk = Talk::new(scene, source, target);
            talk.handshake(scene);
            talk.say(scene, true, bytes);
            let answer = scene.random.between(100, 2000);
            talk.say(scene, false, answer);
            talk.reset(scene, true);
        }
        Target::Closed => {
            let mut talk = Talk::new(scene, source, target);
            talk.syn(scene);
            talk.refused(scene);
            scene.udp(source, target, 1400);
            scene.unreachable();
        }
        Target::Udp => {
            for _ in 0..4 {
                scene.udp(source, target, (bytes / 8).clamp(40, 1400));
                scene.udp(target, source, (bytes / 8).clamp(40, 1400));
            }
        }
    }
}

/// Junk that seems to come from the networks of the incident: some of it spoofed, some from real neighbours.
pub(super) struct Framing {
    networks: Vec<Networks>,
}

impl Framing {
    pub(super) fn new(networks: &[Networks]) -> Self {
        Self { networks: networks.to_vec() }
    }
}

impl Shape for Framing {
    fn exchange(&mut self, scene: &mut Scene) {
        let networks = self.networks[scene.random.below(self.networks.len() as u32) as usize];
        let attacker = networks.attacker + scene.random.between(1, 255);
        match scene.random.below(4) {
            0 => {
                let spoofed = Side(networks.attacker + 66 + scene.random.below(3), scene.random.port());
                let target = scene.target;
                super::spoofed::knock(scene, spoofed, target);
            }
            1 => {
                // Backscatter of packets that were spoofed in the victim's name.
                let server = Side(networks.control + scene.random.between(1, 255), 443);
                let victim = Side(VICTIM, scene.random.port());
                let mut talk = Talk::new(scene, victim, server);
                talk.syn_ack(scene);
                talk.reset(scene, true);
            }
            _ => {
                let source = Side(attacker, scene.random.port());
                junk(scene, source, 6000);
            }
        }
    }
}

/// As many flows that count as real for as few bytes as can be.
pub(super) struct Rows {
    sources: Vec<u32>,
}

impl Rows {
    pub(super) fn new(sources: Vec<u32>) -> Self {
        Self { sources }
    }
}

impl Shape for Rows {
    fn exchange(&mut self, scene: &mut Scene) {
        let source = self.sources[scene.random.below(self.sources.len() as u32) as usize];
        let (source, target) = (Side(source, scene.random.port()), scene.target.side());
        match scene.target {
            Target::Open => {
                let mut talk = Talk::new(scene, source, target);
                talk.handshake(scene);
                talk.reset(scene, true);
            }
            Target::Closed => {
                let mut talk = Talk::new(scene, source, target);
                talk.syn(scene);
                talk.refused(scene);
            }
            Target::Udp => {
                scene.udp(source, target, 18);
                scene.udp(target, source, 18);
                scene.udp(source, target, 18);
            }
        }
    }
}
