//! Keeps packets in memory.

use flow::{FlowTable, FrameRef, Lane};
use packet::{Interface, LinkType, Packet, PacketDirection, Timestamp};
use record::{Error, Keeper, Note};

/// What was kept, in the order in which it was.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(crate) interfaces: Vec<Interface>,
    pub(crate) packets: Vec<Kept>,
    pub(crate) notes: Vec<Note>,
    arrival: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) arrival: u64,
    pub(crate) interface: String,
    pub(crate) link_type: LinkType,
    pub(crate) direction: PacketDirection,
    pub(crate) time: Timestamp,
    pub(crate) wire_bytes: u32,
    pub(crate) data: Vec<u8>,
}

impl Memory {
    /// The packets that this interface showed first, in the order of arrival.
    pub(crate) fn of(&self, interface: &str) -> Vec<&Kept> {
        let is_first = |packet: &&Kept| packet.interface.split(',').next() == Some(interface);
        let mut found: Vec<&Kept> = self.packets.iter().filter(is_first).collect();
        found.sort_by_key(|packet| packet.arrival);
        found
    }
}

impl Keeper for Memory {
    fn interface(&mut self, interface: &Interface) -> u32 {
        let known = self.interfaces.iter().position(|one| one == interface);
        known.unwrap_or_else(|| {
            self.interfaces.push(interface.clone());
            self.interfaces.len() - 1
        }) as u32
    }

    fn next_arrival(&mut self) -> u64 {
        self.arrival += 1;
        self.arrival
    }

    fn append(&mut self, _: Lane, packet: &Packet<'_>) -> Option<FrameRef> {
        let interface = &self.interfaces[packet.interface as usize];
        self.packets.push(Kept {
            arrival: packet.arrival.unwrap(),
            interface: interface.name.clone().unwrap(),
            link_type: interface.link_type,
            direction: packet.direction,
            time: packet.time,
            wire_bytes: packet.wire_bytes,
            data: packet.data.to_vec(),
        });
        Some(FrameRef(self.packets.len() as u32 / 100))
    }

    fn wants_checkpoint(&self) -> bool {
        false
    }

    fn takes_checkpoint(&self) -> bool {
        true
    }

    fn checkpoint(&mut self, table: &mut FlowTable) {
        table.checkpoint();
    }

    fn tick(&mut self, _now: std::time::Instant) -> Result<(), Error> {
        Ok(())
    }

    fn hurry(&mut self, _: bool) {}

    fn note_statistics(&mut self, _: u32, _: u64, _: Option<u64>) {}

    fn note(&mut self, note: Note) {
        self.notes.push(note);
    }
}
