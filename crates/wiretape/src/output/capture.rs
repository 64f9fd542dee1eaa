//! Packets as a capture: pcapng or pcap, with their link types or brought to one.

use std::io::Write;

use packet::capture::block::Section;
use packet::capture::{
    Error, PcapWriter, PcapngWriter, Resolution, Unconvertible, convert_to_ethernet, convert_to_sll2,
};
use packet::{Interface, LinkType, Packet, PacketDirection, Timestamp};

use crate::args::{CaptureFormat, LinkWanted};

/// How a capture is to be written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// The format.
    pub(crate) format: CaptureFormat,
    /// The link layer.
    pub(crate) link: LinkWanted,
    /// Whoever reads it can take only one link type: it goes into a pipe, or it is pcap.
    pub(crate) single: bool,
    /// What is known of the source's link types.
    pub(crate) source: SourceLinks,
    /// Packets must go out as they come.
    pub(crate) live: bool,
}

/// What is known of a source's link types before its packets are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SourceLinks {
    /// There is only one.
    One,
    /// There are several, though perhaps not among the packets that are asked for.
    Several,
    /// Nothing.
    Unknown,
}

/// Why a capture cannot be written, or not to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteError {
    /// The output, or a packet.
    #[error(transparent)]
    Capture(#[from] Error),
    /// A packet of another link type came when the capture had begun as one that can have only one.
    #[error("a packet of link type {found} came behind packets of link type {begun}")]
    SecondLinkType {
        /// What the capture has begun as.
        begun: LinkType,
        /// What came.
        found: LinkType,
    },
}

/// What happened to packets on their way into the capture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    /// Packets were brought to this link type, because there were several.
    pub(crate) converted_to: Option<LinkType>,
    /// Packets that have no form in that link type, and an example.
    pub(crate) left_out: u64,
    /// Why the last one of them was left out.
    pub(crate) reason: Option<Unconvertible>,
}

/// Writes packets into a capture.
pub(crate) struct CaptureWriter<W: Write> {
    wanted: Wanted,
    state: State<W>,
    scratch: Vec<u8>,
    changes: Changes,
}

enum State<W: Write> {
    /// Packets are held back until it is clear which link types there are.
    Held(W, Vec<Held>, usize),
    /// Pcapng, the link type that all packets get if they get one, and the interfaces that were described.
    Pcapng(PcapngWriter<W>, Option<LinkType>, Vec<(u32, Interface)>),
    /// Pcap and its link type.
    Pcap(PcapWriter<W>, LinkType),
    /// The output has failed.
    Broken,
}

struct Held {
    time: Timestamp,
    wire_bytes: u32,
    data: Vec<u8>,
    interface: u32,
    direction: PacketDirection,
    description: Interface,
}

/// Most bytes that are held back.
const HELD_BYTES_MAX: usize = 4 << 20;

impl<W: Write> CaptureWriter<W> {
    /// A capture into `out`.
    pub(crate) fn new(out: W, wanted: Wanted) -> Self {
        let state = State::Held(out, Vec::new(), 0);
        Self { wanted, state, scratch: Vec::new(), changes: Changes::default() }
    }

    /// Writes one packet.
    pub(crate) fn packet(&mut self, packet: &Packet<'_>, interface: &Interface) -> Result<(), WriteError> {
        if let State::Held(_, held, bytes) = &mut self.state {
            let first = held.first().map_or(interface.link_type, |first| first.description.link_type);
            let several = first != interface.link_type;
            if must_wait(&self.wanted, *bytes) && !several {
                *bytes += packet.data.len() + size_of::<Held>();
                held.push(hold(packet, interface));
                return Ok(());
            }
            self.begin(first, several)?;
        }
        self.write(packet, interface)
    }

    /// Writes out what is collected, for those who wait for it.
    pub(crate) fn flush(&mut self) -> Result<(), WriteError> {
        match &mut self.state {
            State::Pcapng(writer, ..) => writer.flush()?,
            State::Pcap(writer, _) => writer.flush()?,
            State::Held(..) | State::Broken => {}
        }
        Ok(())
    }

    /// Ends the capture; one without packets is whole too.
    pub(crate) fn finish(mut self) -> Result<Changes, WriteError> {
        if let State::Held(_, held, _) = &self.state {
            let first = held.first().map_or(LinkType::ETHERNET, |first| first.description.link_type);
            self.begin_with(first, false)?;
        }
        if let State::Pcapng(writer, link, known) = &mut self.state
            && known.is_empty()
        {
            // libpcap refuses a capture that describes no interface.
            let link_type = link.unwrap_or(LinkType::ETHERNET);
            writer.interface(&Interface { link_type, snaplen: 0, name: None, description: None }, None)?;
        }
        self.flush()?;
        Ok(self.changes)
    }

    /// Settles the link type once it is clear whether there are several, or no more can be held back.
    fn begin(&mut self, first: LinkType, several: bool) -> Result<(), WriteError> {
        let several = several || self.wanted.source == SourceLinks::Several;
        self.begin_with(first, several)
    }

    fn begin_with(&mut self, first: LinkType, several: bool) -> Result<(), WriteError> {
        let State::Held(out, held, _) = std::mem::replace(&mut self.state, State::Broken) else { return Ok(()) };
        let single = self.wanted.single;
        let link = match self.wanted.link {
            LinkWanted::Ether => Some(LinkType::ETHERNET),
            LinkWanted::Sll2 => Some(LinkType::LINUX_SLL2),
            LinkWanted::Keep if single && several => {
                self.changes.converted_to = Some(LinkType::LINUX_SLL2);
                Some(LinkType::LINUX_SLL2)
            }
            LinkWanted::Keep if single => Some(first),
            LinkWanted::Keep => None,
        };
        self.state = match self.wanted.format {
            CaptureFormat::Pcap => {
                let link = link.unwrap_or(first);
                State::Pcap(PcapWriter::new(out, link, 0, Resolution::NANOSECONDS), link)
            }
            CaptureFormat::Pcapng => {
                let application = Some(concat!("wiretape ", env!("CARGO_PKG_VERSION")).to_owned());
                let section = Section { application, ..Section::default() };
                State::Pcapng(PcapngWriter::new(out, &section), link, Vec::new())
            }
        };
        for one in held {
            self.write(&one.packet(), &one.description)?;
        }
        Ok(())
    }

    fn write(&mut self, packet: &Packet<'_>, interface: &Interface) -> Result<(), WriteError> {
        let link = match &self.state {
            State::Pcapng(_, link, _) => *link,
            State::Pcap(_, link) => Some(*link),
            State::Held(..) | State::Broken => return Ok(()),
        };
        if let Some(begun) = link.filter(|link| self.wanted.link == LinkWanted::Keep && *link != interface.link_type)
            && self.changes.converted_to.is_none()
        {
            return Err(WriteError::SecondLinkType { begun, found: interface.link_type });
        }
        let converted = match link {
            Some(link) => convert(packet, interface.link_type, link, &mut self.scratch),
            None => Ok(*packet),
        };
        let packet = match converted {
            Ok(packet) => packet,
            Err(reason) => {
                self.changes.left_out += 1;
                self.changes.reason = Some(reason);
                return Ok(());
            }
        };
        match &mut self.state {
            State::Pcapng(writer, _, known) => {
                let interface = described(writer, known, packet.interface, interface, link)?;
                writer.packet(&Packet { interface, ..packet })?;
            }
            State::Pcap(writer, _) => writer.packet(&packet)?,
            State::Held(..) | State::Broken => {}
        }
        if self.wanted.live { self.flush() } else { Ok(()) }
    }
}

fn must_wait(wanted: &Wanted, held_bytes: usize) -> bool {
    wanted.link == LinkWanted::Keep
        && wanted.single
        && wanted.source != SourceLinks::One
        && !wanted.live
        && held_bytes < HELD_BYTES_MAX
}

fn hold(packet: &Packet<'_>, interface: &Interface) -> Held {
    Held {
        time: packet.time,
        wire_bytes: packet.wire_bytes,
        data: packet.data.to_vec(),
        interface: packet.interface,
        direction: packet.direction,
        description: interface.clone(),
    }
}

impl Held {
    fn packet(&self) -> Packet<'_> {
        Packet {
            time: self.time,
            wire_bytes: self.wire_bytes,
            data: &self.data,
            interface: self.interface,
            direction: self.direction,
            arrival: None,
        }
    }
}

/// Brings a packet to another link type; the kernel's interface index is not recorded, and 0 is no interface's.
fn convert<'p>(
    packet: &Packet<'p>,
    from: LinkType,
    to: LinkType,
    scratch: &'p mut Vec<u8>,
) -> Result<Packet<'p>, Unconvertible> {
    match to {
        _ if from == to => Ok(*packet),
        LinkType::LINUX_SLL2 => convert_to_sll2(packet, from, 0, scratch),
        LinkType::ETHERNET => convert_to_ethernet(packet, from, scratch),
        _ => Err(Unconvertible::LinkType(from)),
    }
}

/// The capture's number of an interface. libpcap refuses captures whose interfaces have different snaplens, so all get
/// none: a packet says itself how much of it was kept.
fn described<W: Write>(
    writer: &mut PcapngWriter<W>,
    known: &mut Vec<(u32, Interface)>,
    index: u32,
    interface: &Interface,
    link: Option<LinkType>,
) -> Result<u32, Error> {
    let same = |(number, other): &(u32, Interface)| *number == index && other == interface;
    if let Some(at) = known.iter().position(same) {
        return Ok(at as u32);
    }
    known.push((index, interface.clone()));
    let link_type = link.unwrap_or(interface.link_type);
    writer.interface(&Interface { link_type, snaplen: 0, ..interface.clone() }, None)
}
