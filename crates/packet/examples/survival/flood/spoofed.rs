//! Junk whose sources are lies, and what the victim says to them.

use super::talk::Talk;
use super::{Scene, Shape, Target};
use crate::frame::{ACK, PSH, Side};
use crate::ordinary::VICTIM;

/// From sources all over the world.
pub(super) struct Spoofed;

impl Shape for Spoofed {
    fn exchange(&mut self, scene: &mut Scene) {
        let source = Side(scene.random.stranger(), scene.random.port());
        knock(scene, source, scene.target);
    }
}

/// A packet from a source that did not send it.
pub(super) fn knock(scene: &mut Scene, source: Side, target: Target) {
    let side = target.side();
    match target {
        Target::Open => {
            let mut talk = Talk::new(scene, source, side);
            talk.syn(scene);
            talk.syn_ack(scene);
            // Who really has the address did not ask for this.
            if scene.random.chance(0.1) {
                talk.reset(scene, true);
            }
        }
        Target::Closed if scene.random.chance(0.5) => {
            let mut talk = Talk::new(scene, source, side);
            talk.syn(scene);
            talk.refused(scene);
        }
        Target::Closed => {
            let bytes = scene.random.between(20, 500);
            scene.udp(source, side, bytes);
            scene.unreachable();
        }
        Target::Udp => {
            // Some liars go on, so that the flow seems to have heard the answer.
            let times = if scene.random.chance(0.2) { 3 } else { 1 };
            for _ in 0..times {
                let bytes = scene.random.between(28, 60);
                scene.udp(source, side, bytes);
                let bytes = scene.random.between(100, 1200);
                scene.udp(side, source, bytes);
            }
        }
    }
}

/// Fragments: whole datagrams, beginnings, ends, and single pieces of hundreds.
pub(super) struct Fragments;

impl Shape for Fragments {
    fn exchange(&mut self, scene: &mut Scene) {
        let source = Side(scene.random.stranger(), scene.random.port());
        let target = scene.target.side();
        let piece = [1480, 1480, 512, 24][scene.random.below(4) as usize];
        let bytes = scene.random.between(1500, 6000) as usize;
        let payload = scene.pool.payload(scene.random, bytes);
        let kept = scene.random.below(4);
        scene.records.udp_in_fragments(source, target, payload, piece, |number| match kept {
            0 => true,
            1 => number == 0,
            2 => number > 0,
            _ => number % 7 == 3,
        });
        if kept == 0 && scene.target == Target::Udp {
            let payload = scene.pool.payload(scene.random, bytes);
            scene.records.udp_in_fragments(target, source, payload, 1480, |_| true);
        }
    }
}

/// As many entries of tables as can be had for a packet: flows, fragments, links, messages about flows that never were.
pub(super) struct Tables;

impl Shape for Tables {
    fn exchange(&mut self, scene: &mut Scene) {
        let source = Side(scene.random.stranger(), scene.random.port());
        let target = scene.target.side();
        match scene.random.below(8) {
            // In the middle of connections that nobody has.
            0 => scene.records.tcp(
                source,
                target,
                PSH | ACK,
                scene.random.next() as u32,
                scene.random.next() as u32,
                b"x",
            ),
            1 => {
                let number = scene.random.next().to_be_bytes();
                scene.records.icmp(source.0, VICTIM, 8, 0, &number);
                scene.records.icmp(VICTIM, source.0, 0, 0, &number);
            }
            2 => {
                let bytes = scene.random.next().to_be_bytes();
                let frame = ipv6_syn(bytes, scene.random.next().to_be_bytes(), target.1);
                scene.records.raw(&frame);
            }
            3 => {
                // An unknown protocol between network cards that never were.
                let words = [scene.random.next(), scene.random.next()];
                let mut frame = [0; 60];
                frame[..8].copy_from_slice(&words[0].to_be_bytes());
                frame[8..16].copy_from_slice(&words[1].to_be_bytes());
                frame[0] &= 0xfe;
                frame[6] &= 0xfe;
                frame[12..14].copy_from_slice(&(0x8900 | (words[0] as u16 & 0xff)).to_be_bytes());
                scene.records.raw(&frame);
            }
            4 => {
                // An error about a packet that the victim never sent.
                let mut rest = [0; 32];
                rest[4..8].copy_from_slice(&[0x45, 0, 0, 40]);
                rest[12..14].copy_from_slice(&[64, 6]);
                rest[16..20].copy_from_slice(&VICTIM.to_be_bytes());
                rest[20..24].copy_from_slice(&source.0.to_be_bytes());
                rest[24..32].copy_from_slice(&scene.random.next().to_be_bytes());
                scene.records.icmp(source.0, VICTIM, 3, 1, &rest);
            }
            5 => {
                let payload = scene.pool.payload(scene.random, 64);
                scene.records.udp_in_fragments(source, target, payload, 24, |number| number == 1);
            }
            _ => knock(scene, source, scene.target),
        }
    }
}

fn ipv6_syn(network: [u8; 8], sequence: [u8; 8], port: u16) -> [u8; 74] {
    let mut frame = [0; 74];
    frame[..14].copy_from_slice(&[2, 0, 0, 0, 0, 5, 2, 0, 0, 0, 0, 1, 0x86, 0xdd]);
    frame[14..22].copy_from_slice(&[0x60, 0, 0, 0, 0, 20, 6, 64]);
    frame[22..30].copy_from_slice(&network);
    frame[22] = 0x20;
    frame[37] = 1;
    frame[38..40].copy_from_slice(&[0xfd, 0x20]);
    frame[53] = 5;
    frame[54..56].copy_from_slice(&sequence[..2]);
    frame[56..58].copy_from_slice(&port.to_be_bytes());
    frame[58..62].copy_from_slice(&sequence[2..6]);
    frame[66..68].copy_from_slice(&[0x50, 2]);
    frame
}
