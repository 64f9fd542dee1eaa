//! Captures as lists of packets, to hold one reader against another.

use std::path::{Path, PathBuf};
use std::process::Command;

use packet::capture::{PcapWriter, Reader, Resolution};
use packet::{LinkType, Packet, PacketDirection, Timestamp};

/// A packet with all that must survive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Whole {
    pub(crate) time: i64,
    pub(crate) wire_bytes: u32,
    pub(crate) link_type: u16,
    pub(crate) data: Vec<u8>,
}

/// A pcap file of packets that were captured whole.
pub(crate) fn capture_of(link_type: LinkType, packets: impl IntoIterator<Item = (Timestamp, Vec<u8>)>) -> Vec<u8> {
    let mut writer = PcapWriter::new(Vec::new(), link_type, 0, Resolution::NANOSECONDS);
    for (time, data) in packets {
        let packet = Packet {
            time,
            wire_bytes: data.len() as u32,
            data: &data,
            interface: 0,
            direction: PacketDirection::Unknown,
            arrival: None,
        };
        writer.packet(&packet).expect("written");
    }
    writer.finish().expect("written")
}

/// The packets of a capture in memory.
pub(crate) fn packets_of(bytes: &[u8]) -> Vec<Whole> {
    let mut reader = Reader::new(bytes).expect("a capture");
    let mut packets = Vec::new();
    while let Ok(Some((packet, interfaces))) = reader.next_with_interfaces() {
        packets.push(Whole {
            time: packet.time.0,
            wire_bytes: packet.wire_bytes,
            link_type: interfaces[packet.interface as usize].link_type.0,
            data: packet.data.to_vec(),
        });
    }
    packets
}

/// What tcpdump reads from a capture.
pub(crate) struct AsTcpdump {
    pub(crate) packets: Vec<Whole>,
    /// It came to the end, and not only to something that it does not take (a second link type, say).
    pub(crate) is_whole: bool,
}

/// What tcpdump reads from a capture; `None` if it refuses it.
pub(crate) fn as_tcpdump_reads(path: &Path) -> Option<AsTcpdump> {
    let output = Command::new("tcpdump")
        .args(["--time-stamp-precision=nano", "-w", "-", "-r"])
        .arg(path)
        .output()
        .expect("tcpdump runs");
    let is_whole = output.status.success();
    (output.stdout.len() > 24).then(|| AsTcpdump { packets: packets_of(&output.stdout), is_whole })
}

/// The first packet that differs. libpcap cuts packets to the snaplen that the capture's header names, even where more
/// of them is there, and overflows where a record claims more than a million microseconds.
pub(crate) fn first_difference(found: &[Whole], libpcap: &AsTcpdump) -> Option<String> {
    let same = |found: &Whole, theirs: &Whole| {
        let plain = Whole { data: theirs.data.clone(), time: theirs.time, ..found.clone() };
        let overflow = (found.time - theirs.time) % (1 << 32) == 0;
        plain == *theirs && overflow && found.data.starts_with(&theirs.data)
    };
    if found.len() < libpcap.packets.len() || (libpcap.is_whole && found.len() > libpcap.packets.len()) {
        return Some(format!("{} packets instead of {}", found.len(), libpcap.packets.len()));
    }
    let libpcap = &libpcap.packets;
    let index = found.iter().zip(libpcap).position(|(found, theirs)| !same(found, theirs))?;
    Some(format!("packet {}: {:?}\ninstead of {:?}", index + 1, found[index], libpcap[index]))
}

/// Every capture below a folder, by its ending.
pub(crate) fn all_captures(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|ending| ["pcap", "pcapng", "cap"].iter().any(|known| ending == *known))
            {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}
