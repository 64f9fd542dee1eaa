//! Reading any capture.

use std::io::Read;

use super::block::{self, Blocks};
use super::error::{Corruption, Error, Fault};
use super::pcap::{self, Layout};
use super::section::{Context, Sections};
use super::sniff;
use super::source::{Sniffed, Source};
use super::window::Window;
use super::{Endian, Format, Kind, Resolution, Statistics, captured_bytes_max};
use crate::{Interface, Packet, PacketDirection, Timestamp};

/// Reads pcap and pcapng of all variants, plain or wrapped in gzip or zstd (twice at most).
///
/// Packets are borrowed from a window on the input: nothing is copied for a packet. After an error the packets before
/// the fault have been delivered, and nothing follows.
pub struct Reader<R: Read> {
    window: Window<Sniffed<Source<R>>>,
    decoder: Decoder,
    format: Format,
    interfaces: Vec<Interface>,
    statistics: Vec<Statistics>,
    packets: u64,
    /// Where the record or block begins that is being read.
    at: u64,
    ended: bool,
}

#[derive(Debug)]
enum Decoder {
    Pcap(Layout),
    Pcapng(Sections),
}

/// A packet whose bytes are `captured` many, `tail` before the end of what was consumed last.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) time: Timestamp,
    pub(crate) wire_bytes: u32,
    pub(crate) interface: u32,
    pub(crate) direction: PacketDirection,
    pub(crate) arrival: Option<u64>,
    pub(crate) captured: usize,
    pub(crate) tail: usize,
}

impl<R: Read> Reader<R> {
    /// Recognises the format and reads the file header (of a pcapng, its first blocks up to the first interface are
    /// read with the first packet).
    pub fn new(input: R) -> Result<Self, Error> {
        let (source, compression) = Source::open(input)?;
        let mut first = [0; sniff::SNIFF_BYTES];
        let present = source.first().len();
        first[..present].copy_from_slice(source.first());
        let first = &first[..present];
        let mut window = Window::new(source);

        // An interface without a resolution has microseconds, and so has a pcapng before its first interface.
        let mut format =
            Format { kind: Kind::Pcapng, endian: Endian::Little, resolution: Resolution::MICROSECONDS, compression };
        let (decoder, interfaces) = if let Some(sniffed) = pcap::sniff(first) {
            (format.endian, format.kind, format.resolution) = sniffed;
            let (layout, interface) =
                Layout::open(&mut window, sniffed).map_err(|fault| fault.at(0, 0, format.outermost_compression()))?;
            (Decoder::Pcap(layout), vec![interface])
        } else {
            format.endian = recognise_pcapng(first)?;
            (Decoder::Pcapng(Sections::new()), Vec::new())
        };
        let statistics = vec![Statistics::default(); interfaces.len()];
        Ok(Self { window, decoder, format, interfaces, statistics, packets: 0, at: 0, ended: false })
    }

    /// The next packet; `None` at the end, and after an error.
    #[expect(clippy::should_implement_trait, reason = "an iterator cannot lend")]
    #[inline]
    pub fn next(&mut self) -> Result<Option<Packet<'_>>, Error> {
        Ok(self.next_with_interfaces()?.map(|(packet, _)| packet))
    }

    /// The next packet together with [`Reader::interfaces`], which has the packet's.
    #[inline]
    pub fn next_with_interfaces(&mut self) -> Result<Option<(Packet<'_>, &[Interface])>, Error> {
        if self.ended {
            return Ok(None);
        }
        let found = match &mut self.decoder {
            Decoder::Pcap(layout) => layout.next(&mut self.window, &mut self.at),
            Decoder::Pcapng(sections) => {
                let mut context = Context {
                    format: &mut self.format,
                    interfaces: &mut self.interfaces,
                    statistics: &mut self.statistics,
                };
                sections.next(&mut self.window, &mut context, &mut self.at)
            }
        };
        match found {
            Ok(Some(Found { time, wire_bytes, interface, direction, arrival, captured, tail })) => {
                self.packets += 1;
                let data = self.window.consumed(captured, tail);
                Ok(Some((Packet { time, wire_bytes, data, interface, direction, arrival }, &self.interfaces)))
            }
            Ok(None) => {
                self.ended = true;
                Ok(None)
            }
            Err(fault) => Err(self.end_with(fault)),
        }
    }

    /// The interfaces that were described so far, numbered through over the sections.
    pub fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    /// The last statistics of each interface of [`Reader::interfaces`].
    pub fn statistics(&self) -> &[Statistics] {
        &self.statistics
    }

    /// What kind of capture it is.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Packets that were delivered.
    pub fn packets(&self) -> u64 {
        self.packets
    }

    /// Where the record or block begins that was read last, in bytes of the uncompressed stream.
    pub fn offset(&self) -> u64 {
        self.at
    }

    #[cold]
    fn end_with(&mut self, fault: Fault) -> Error {
        self.ended = true;
        fault.at(self.at, self.packets, self.format.outermost_compression())
    }
}

/// The byte order of the pcapng that `first` begins.
fn recognise_pcapng(first: &[u8]) -> Result<Endian, Error> {
    let (kind, rest) = match first.split_first_chunk::<4>() {
        Some((kind, rest)) => (*kind, rest),
        None if first.is_empty() => return Err(Error::Empty),
        None => return Err(too_short(first.len())),
    };
    if kind != [0x0a, 0x0d, 0x0d, 0x0a] {
        return Err(Error::Foreign { found: sniff::foreign(first) });
    }
    match rest.get(4..).and_then(|tail| tail.first_chunk()) {
        Some([0x4d, 0x3c, 0x2b, 0x1a]) => Ok(Endian::Little),
        Some([0x1a, 0x2b, 0x3c, 0x4d]) => Ok(Endian::Big),
        Some(&magic) => {
            let corruption = Corruption::ByteOrder { magic: u32::from_be_bytes(magic) };
            Err(Error::Corrupt { corruption, offset: 0, packets: 0 })
        }
        None => Err(too_short(first.len())),
    }
}

fn too_short(present: usize) -> Error {
    Error::Truncated { part: "file header", needed: 24, present: present as u64, offset: 0, packets: 0 }
}

/// Reads all that is in hostile bytes, for fuzzing: it must neither panic, nor hang, nor take memory without bounds.
pub fn fuzz_reader(data: &[u8]) {
    let mut blocks = Blocks::new(data);
    let found = blocks.by_ref().count();
    assert!(blocks.whole_bytes() <= data.len() && found * block::BLOCK_BYTES_MIN <= data.len());

    let Ok(mut reader) = Reader::new(data) else { return };
    while let Ok(Some((packet, interfaces))) = reader.next_with_interfaces() {
        let described = interfaces.get(packet.interface as usize).expect("a packet's interface is described");
        assert!(packet.data.len() <= captured_bytes_max(described.link_type) as usize);
    }
    assert_eq!(reader.interfaces().len(), reader.statistics().len());
}
