//! `wiretape replay`: packets out of an interface.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use investigate::rewrite::{Mapping, complete_checksums, rewrite, segments};
use packet::capture::convert_to_ethernet;
use packet::{Address, Interface, LinkType, Mac, Packet, Timestamp};
use record::{Interfaces, NetworkInterface, Transmitter};
use tape::question;

use super::{courtesy, question as asked};
use crate::args::{Replaced, ReplayArgs};
use crate::errors::{Exit, Failure};
use crate::output::coverage::{self, thousands};
use crate::terminal;
use crate::units::{size_text, span_text};

/// Errno of a packet that is longer than the interface takes.
const EMSGSIZE: i32 = 90;
/// What interfaces take, where theirs is not known.
const MTU: usize = 1500;

/// Sends the packets that match.
pub(crate) fn run(arguments: &ReplayArgs) -> Result<Exit, Failure> {
    if arguments.speed.is_some_and(|speed| !speed.is_finite() || speed <= 0.0) {
        return Err(Failure::call("--speed has to be more than 0").attempt("as fast as it goes: --topspeed"));
    }
    let transmitter = transmitter(arguments)?;
    courtesy::give_way(arguments.question.limits.memory)?;
    let source = asked::source(&arguments.question.source)?;
    let mut query = asked::query(&arguments.question)?;
    query.limit = arguments.limit;
    let mut replay = Replay::new(arguments, transmitter);
    let covered =
        question::packets(&source, &query, &mut |packet, interface| match replay.packet(packet, interface) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                replay.failed = Some(error);
                ControlFlow::Break(())
            }
        })?;
    replay.say();
    if let Some(error) = replay.failed {
        return Err(Failure::system(format!("cannot send by {}", arguments.interface), &error));
    }
    let covered = question::Coverage { matched: replay.sent, ..covered };
    Ok(coverage::conclude_limited(&covered, "packets", query.limit))
}

/// The interface, unless others live from it.
fn transmitter(arguments: &ReplayArgs) -> Result<Transmitter, Failure> {
    let name = &arguments.interface;
    let interfaces = Interfaces::read().map_err(|error| Failure::system("cannot list the interfaces", &error))?;
    let Some(interface) = interfaces.by_name(name) else {
        let names: Vec<&str> = interfaces.iter().map(|interface| interface.name.as_str()).collect();
        return Err(Failure::of(Exit::System, format!("there is no interface {name}"))
            .because(format!("there are {}", names.join(", "))));
    };
    if !arguments.force && carries_default_route(interface, &interfaces) {
        return Err(Failure::call(format!("{name} carries the default route"))
            .because("what is sent there reaches others, with the addresses that it has")
            .attempt("an interface made for it: ip link add replay0 type veth peer name replay1")
            .attempt("if that is what you want: --force"));
    }
    Transmitter::open(interface).map_err(|error| Failure::system(format!("cannot open {name}"), &error))
}

/// By itself, or as a part of the bridge or bond that does.
fn carries_default_route(interface: &NetworkInterface, interfaces: &Interfaces) -> bool {
    let master = interface.master.and_then(|master| interfaces.by_index(master));
    interface.default_route || master.is_some_and(|master| master.default_route)
}

struct Replay<'a> {
    arguments: &'a ReplayArgs,
    transmitter: Transmitter,
    scratch: Vec<u8>,
    data: Vec<u8>,
    /// When the first packet was sent, and its time.
    begun: Option<(Instant, Timestamp)>,
    sent: u64,
    sent_bytes: u64,
    cut: u64,
    /// Packets that offloading had made longer than the interface takes, and what was sent in their places.
    split: (u64, u64),
    too_long: u64,
    unfit: u64,
    /// Packets whose checksums had been left to hardware.
    completed: u64,
    failed: Option<std::io::Error>,
}

impl<'a> Replay<'a> {
    fn new(arguments: &'a ReplayArgs, transmitter: Transmitter) -> Self {
        Self {
            arguments,
            transmitter,
            scratch: Vec::new(),
            data: Vec::new(),
            begun: None,
            sent: 0,
            sent_bytes: 0,
            cut: 0,
            split: (0, 0),
            too_long: 0,
            unfit: 0,
            completed: 0,
            failed: None,
        }
    }

    fn packet(&mut self, packet: &Packet<'_>, interface: &Interface) -> std::io::Result<()> {
        let is_cut = (packet.data.len() as u64) < u64::from(packet.wire_bytes);
        if is_cut && !self.arguments.pad {
            self.cut += 1;
            return Ok(());
        }
        if !self.prepare(packet, interface) {
            self.unfit += 1;
            return Ok(());
        }
        self.wait(packet.time);
        match self.transmitter.send(&self.data) {
            Ok(()) => {
                self.sent += 1;
                self.sent_bytes += self.data.len() as u64;
                Ok(())
            }
            Err(error) if error.raw_os_error() == Some(EMSGSIZE) => self.in_segments(),
            Err(error) => Err(error),
        }
    }

    /// Sends a packet that is too long as hardware would have sent it.
    fn in_segments(&mut self) -> std::io::Result<()> {
        let Some(segments) = segments(self.transmitter.link_type(), &self.data, mtu(&self.arguments.interface)) else {
            self.too_long += 1;
            return Ok(());
        };
        for segment in &segments {
            self.transmitter.send(segment)?;
            self.sent_bytes += segment.len() as u64;
        }
        self.sent += 1;
        self.split = (self.split.0 + 1, self.split.1 + segments.len() as u64);
        Ok(())
    }

    /// Brings the packet to the interface's link type, with its new addresses; false if it has no form in it.
    fn prepare(&mut self, packet: &Packet<'_>, interface: &Interface) -> bool {
        let link_type = self.transmitter.link_type();
        self.data.clear();
        if interface.link_type == link_type {
            self.data.extend_from_slice(packet.data);
        } else if link_type == LinkType::ETHERNET {
            match convert_to_ethernet(packet, interface.link_type, &mut self.scratch) {
                Ok(converted) => self.data.extend_from_slice(converted.data),
                Err(_) => return false,
            }
        } else {
            return false;
        }
        let missing_bytes = (packet.wire_bytes as usize).saturating_sub(packet.data.len());
        self.data.resize(self.data.len() + missing_bytes, 0);
        self.completed += u64::from(complete_checksums(link_type, &mut self.data));
        if !self.arguments.rewrite.is_empty() {
            rewrite(link_type, &mut self.data, &mut Replacing(&self.arguments.rewrite));
        }
        true
    }

    /// Waits until it is this packet's turn. Time that goes back waits for nothing.
    fn wait(&mut self, time: Timestamp) {
        let (begun, first) = *self.begun.get_or_insert((Instant::now(), time));
        if self.arguments.topspeed {
            return;
        }
        let speed = self.arguments.speed.unwrap_or(1.0);
        let due = Duration::from_nanos((time.since(first).max(0) as f64 / speed) as u64);
        if let Some(left) = due.checked_sub(begun.elapsed()) {
            std::thread::sleep(left);
        }
    }

    fn say(&self) {
        if let Some((begun, _)) = self.begun {
            let (bytes, took) = (size_text(self.sent_bytes), span_text(begun.elapsed()));
            terminal::notice(format_args!("sent {bytes} in {took}"));
        }
        if self.completed > 0 {
            let count = thousands(self.completed);
            terminal::notice(format_args!(
                "{count} packets got the checksums that their sender had left to its hardware"
            ));
        }
        if let (packets @ 1.., segments) = self.split {
            terminal::notice(format_args!(
                "{} packets that are longer than the interface takes, made so by offloading, were sent as {} segments",
                thousands(packets),
                thousands(segments)
            ));
        }
        for (count, why) in [
            (self.cut, "they were cut short when they were captured (--pad fills them with zeros)"),
            (
                self.too_long,
                "they are longer than the interface takes, and no TCP segments that could be cut: raise its MTU",
            ),
            (self.unfit, "their link layer has no form on the interface"),
        ] {
            if count > 0 {
                terminal::warning(format_args!("{} packets were not sent: {why}", thousands(count)));
            }
        }
    }
}

/// Bytes of a network packet that an interface takes.
fn mtu(interface: &str) -> usize {
    let said = std::fs::read_to_string(format!("/sys/class/net/{interface}/mtu"));
    said.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(MTU)
}

/// The first pair that fits counts.
struct Replacing<'a>(&'a [Replaced]);

impl Replacing<'_> {
    fn address(&self, address: Address) -> Address {
        let value = u128::from_be_bytes(address.0);
        for pair in self.0 {
            let Replaced::Network(old, new) = pair else { continue };
            let mask = u128::MAX.checked_shl(128 - u32::from(old.bits)).unwrap_or(0);
            if value & mask == u128::from_be_bytes(old.address.0) {
                return Address((u128::from_be_bytes(new.address.0) | value & !mask).to_be_bytes());
            }
        }
        address
    }
}

impl Mapping for Replacing<'_> {
    fn v4(&mut self, address: [u8; 4]) -> [u8; 4] {
        self.address(Address::v4(address)).as_v4().unwrap_or(address)
    }

    fn v6(&mut self, address: [u8; 16]) -> [u8; 16] {
        self.address(Address::v6(address)).0
    }

    fn mac(&mut self, address: Mac) -> Mac {
        let replaced = self.0.iter().find_map(|pair| match pair {
            Replaced::Mac(old, new) if *old == address => Some(*new),
            _ => None,
        });
        replaced.unwrap_or(address)
    }
}
