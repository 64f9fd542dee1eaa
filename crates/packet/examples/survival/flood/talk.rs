//! A TCP connection of the flood, with right sequence numbers.

use super::Scene;
use crate::frame::{ACK, PSH, RST, SYN, Side};

/// Both sides, and what each has sent so far.
#[derive(Clone, Copy)]
pub(super) struct Talk {
    client: Side,
    server: Side,
    sequences: [u32; 2],
}

impl Talk {
    pub(super) fn new(scene: &mut Scene, client: Side, server: Side) -> Self {
        let numbers = scene.random.next();
        Self { client, server, sequences: [numbers as u32, (numbers >> 32) as u32] }
    }

    pub(super) fn syn(&mut self, scene: &mut Scene) {
        self.send(scene, true, SYN, 0);
    }

    /// What an open port says to the SYN.
    pub(super) fn syn_ack(&mut self, scene: &mut Scene) {
        self.send(scene, false, SYN | ACK, 0);
    }

    /// What a closed port says to the SYN.
    pub(super) fn refused(&mut self, scene: &mut Scene) {
        self.sequences[1] = 0;
        self.send(scene, false, RST | ACK, 0);
    }

    pub(super) fn handshake(&mut self, scene: &mut Scene) {
        self.syn(scene);
        self.syn_ack(scene);
        self.send(scene, true, ACK, 0);
    }

    /// Junk in segments, each second one acknowledged.
    pub(super) fn say(&mut self, scene: &mut Scene, from_client: bool, bytes: u32) {
        let mut left = bytes;
        let mut unacknowledged = 0;
        while left > 0 {
            let segment = left.min(crate::frame::SEGMENT_BYTES as u32);
            self.send(scene, from_client, PSH | ACK, segment);
            left -= segment;
            unacknowledged += 1;
            if unacknowledged == 2 || left == 0 {
                unacknowledged = 0;
                self.send(scene, !from_client, ACK, 0);
            }
        }
    }

    pub(super) fn reset(&mut self, scene: &mut Scene, from_client: bool) {
        self.send(scene, from_client, RST | ACK, 0);
    }

    fn send(&mut self, scene: &mut Scene, from_client: bool, flags: u8, bytes: u32) {
        let (own, from, to) = if from_client { (0, self.client, self.server) } else { (1, self.server, self.client) };
        let acknowledged = if flags & ACK != 0 { self.sequences[1 - own] } else { 0 };
        let payload = scene.pool.payload(scene.random, bytes as usize);
        scene.records.tcp(from, to, flags, self.sequences[own], acknowledged, payload);
        self.sequences[own] = self.sequences[own].wrapping_add(bytes + u32::from(flags & SYN != 0));
    }
}
