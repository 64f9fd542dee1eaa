//! A live capture without a tape, as `-w -` asks for.

use std::collections::BTreeMap;
use std::io::Write;

use flow::Network;
use packet::capture::{self, PcapWriter, Resolution, convert_to_sll2};
use packet::{Interface, LinkType, Packet, Timestamp, decode};

use crate::batch::Batch;
use crate::duplicates::Duplicates;
use crate::keeper::Note;
use crate::session::Sink;
use crate::taps::Tap;
use crate::{Control, Counters, Error, Recorder};

impl Recorder {
    /// The link type of `stream`: that of all interfaces, or Linux cooked v2 when they differ.
    pub fn stream_link_type(&self) -> LinkType {
        let mut types: Vec<LinkType> = self.taps().map(Tap::link_type).collect();
        types.dedup();
        match types.as_slice() {
            [one] if !self.collapses() => *one,
            _ => LinkType::LINUX_SLL2,
        }
    }

    /// Writes a pcap stream to `output` as packets come, until `control` says stop or the options' end is reached.
    pub fn stream<W: Write>(mut self, output: W, resolution: Resolution, control: &Control) -> Result<Counters, Error> {
        let link_type = self.stream_link_type();
        let mut stream = Stream {
            writer: PcapWriter::new(output, link_type, self.snaplen(), resolution),
            link_type,
            sources: Vec::new(),
            scratch: Vec::new(),
            duplicates: self.collapses().then(Duplicates::new),
            counters: Counters::default(),
            failure: None,
        };
        // The reader learns at once that the capture has begun.
        stream.flush()?;
        self.record(&mut stream, control)?;
        stream.flush()?;
        Ok(stream.counters)
    }
}

/// Writes packets as they come.
struct Stream<W: Write> {
    writer: PcapWriter<W>,
    link_type: LinkType,
    /// Link type and kernel's index of each interface.
    sources: Vec<(LinkType, u32)>,
    scratch: Vec<u8>,
    duplicates: Option<Duplicates>,
    counters: Counters,
    failure: Option<capture::Error>,
}

impl<W: Write> Stream<W> {
    fn packet(&mut self, packet: &Packet<'_>) {
        let Some(&(link_type, index)) = self.sources.get(packet.interface as usize) else { return };
        self.counters.received += 1;
        self.counters.received_bytes += u64::from(packet.wire_bytes);
        if let Some(duplicates) = &mut self.duplicates
            && duplicates.first_of(packet, &decode(link_type, packet.data, packet.wire_bytes), 0).is_some()
        {
            self.counters.duplicates += 1;
            return;
        }
        match self.write(packet, link_type, index) {
            Ok(()) => self.counters.kept += 1,
            Err(error) => self.failure = Some(error),
        }
    }

    fn write(&mut self, packet: &Packet<'_>, link_type: LinkType, index: u32) -> Result<(), capture::Error> {
        if link_type == self.link_type {
            return self.writer.packet(packet);
        }
        match convert_to_sll2(packet, link_type, index, &mut self.scratch) {
            Ok(converted) if self.link_type == LinkType::LINUX_SLL2 => self.writer.packet(&converted),
            _ => {
                self.counters.refused += 1;
                Ok(())
            }
        }
    }
}

impl<W: Write> Sink for Stream<W> {
    fn interface(&mut self, interface: &Interface, tap: &Tap) -> u32 {
        self.sources.push((interface.link_type, tap.index));
        let name = tap.name.clone();
        self.counters.interfaces.push(crate::counters::InterfaceCounters { name, ..Default::default() });
        (self.sources.len() - 1) as u32
    }

    fn set_ours(&mut self, _: u32, _: Vec<Network>) {}

    fn packets(&mut self, batch: &Batch<'_>) {
        batch.iter().for_each(|(packet, _)| self.packet(packet));
    }

    fn count_unwanted(&mut self) {
        self.counters.received += 1;
        self.counters.unwanted += 1;
    }

    fn set_dropped_by_kernel(&mut self, packets: u64) {
        self.counters.dropped_by_kernel = packets;
    }

    fn taken(&self) -> u64 {
        self.counters.kept
    }

    fn counters(&self) -> Counters {
        self.counters.clone()
    }

    fn flush(&mut self) -> Result<(), Error> {
        let flushed = self.failure.take().map_or_else(|| self.writer.flush(), Err);
        flushed.map_err(|error| match error {
            capture::Error::Write(source) => Error::Output(source),
            other => Error::Output(std::io::Error::other(other)),
        })
    }

    fn pass_time(&mut self, _: u64) {}

    fn tick(&mut self) -> Result<(), Error> {
        self.flush()
    }

    fn set_drained(&mut self, _: Timestamp) {}

    fn note(&mut self, _: Note) {}

    fn hurry(&mut self, _: bool) {}

    fn note_statistics(&mut self, _: &BTreeMap<String, u64>) {}
}
