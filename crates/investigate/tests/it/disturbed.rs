//! Every capture again as networks disturb it: segments twice, out of order, overlapping, lost. What was told is told
//! again; of what is lost, nothing says that it is whole.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use investigate::{Ends, Field, Investigation, Limits, Side};
use packet::decode::Transport;
use packet::{Headers, Packet, Timestamp, decode};

use crate::captures::{Keying, each_packet};
use crate::collect::{Collected, File};
use crate::shared::{every_capture, folder};

const SYN: u8 = 0x02;
const SYN_FIN_RST: u8 = 0x07;

/// Bytes that two pieces of a segment share.
const OVERLAP_BYTES: u32 = 3;

/// Bytes of a segment that come alone.
const SINGLE_BYTES_MAX: u32 = 600;

/// Of segments with payload, one in so many is lost.
const LOST_ONE_IN: usize = 7;

/// A packet with what was decoded of it.
#[derive(Clone, Debug)]
struct Decoded {
    flow: u64,
    side: Side,
    headers: Headers,
    time: Timestamp,
    wire_bytes: u32,
    data: Vec<u8>,
}

impl Decoded {
    /// Whether it is a segment that carries something, all of which is there, and says nothing else.
    fn is_data(&self) -> bool {
        let carries = matches!(self.headers.transport, Transport::Tcp { flags, .. } if flags & SYN_FIN_RST == 0);
        let end = u64::from(self.headers.payload_offset) + u64::from(self.headers.payload_bytes);
        carries && self.headers.payload_bytes > 1 && end <= self.data.len() as u64
    }

    fn is_syn(&self) -> bool {
        matches!(self.headers.transport, Transport::Tcp { flags, .. } if flags & SYN != 0)
    }

    /// Its payload from `start` to `end` alone.
    fn piece(&self, start: u32, end: u32) -> Self {
        let mut piece = self.clone();
        piece.headers.payload_offset += start;
        piece.headers.payload_bytes = end - start;
        if let Transport::Tcp { seq, .. } = &mut piece.headers.transport {
            *seq = seq.wrapping_add(start);
        }
        piece
    }
}

#[test]
fn segments_that_come_twice_tell_the_same() {
    each_tells_the_same(|packets| {
        let twice = |packet: Decoded| if packet.is_data() { vec![packet.clone(), packet] } else { vec![packet] };
        packets.into_iter().flat_map(twice).collect()
    });
}

#[test]
fn segments_that_overlap_tell_the_same() {
    each_tells_the_same(|packets| {
        let in_two = |packet: Decoded| {
            if !packet.is_data() {
                return vec![packet];
            }
            let (middle, end) = (packet.headers.payload_bytes / 2, packet.headers.payload_bytes);
            vec![packet.piece(0, middle.max(1)), packet.piece(middle.saturating_sub(OVERLAP_BYTES), end)]
        };
        packets.into_iter().flat_map(in_two).collect()
    });
}

/// Who recognises what is spoken has to wait for the rest.
#[test]
fn segments_of_single_bytes_tell_the_same() {
    each_tells_the_same(|packets| {
        let mut begun: HashMap<(u64, Side), u32> = HashMap::new();
        let in_bytes = |packet: Decoded| {
            let count = begun.entry((packet.flow, packet.side)).or_default();
            *count += u32::from(packet.is_data());
            let end = packet.headers.payload_bytes;
            let single = if packet.is_data() && *count <= 3 { end.min(SINGLE_BYTES_MAX) } else { 0 };
            let mut pieces: Vec<Decoded> = (0..single).map(|start| packet.piece(start, start + 1)).collect();
            if single < end || single == 0 {
                pieces.push(if single == 0 { packet } else { packet.piece(single, end) });
            }
            pieces
        };
        packets.into_iter().flat_map(in_bytes).collect()
    });
}

#[test]
fn segments_out_of_order_tell_the_same() {
    each_tells_the_same(|mut packets| {
        // A conversation whose start was not seen begins with the segment that comes first.
        let (mut before, mut begun) = (HashMap::new(), HashSet::new());
        for place in 0..packets.len() {
            let flow = packets[place].flow;
            if packets[place].is_syn() {
                begun.insert((flow, packets[place].side));
            }
            if !begun.contains(&(flow, packets[place].side)) {
                continue;
            }
            // Where the sides take turns, order is what was said first.
            match before.remove(&flow).filter(|earlier: &usize| packets[*earlier].side == packets[place].side) {
                Some(earlier) if packets[place].is_data() => packets.swap(earlier, place),
                _ if packets[place].is_data() => drop(before.insert(flow, place)),
                _ => {}
            }
        }
        packets
    });
}

#[test]
fn what_lacks_segments_is_not_whole() {
    let Some(folder) = folder() else { return };
    let mut files = 0;
    for capture in captures(&folder) {
        let packets = decoded(&capture);
        let whole: HashSet<Vec<u8>> = told(&packets).files.iter().map(File::bytes).collect();
        for lost in 0..LOST_ONE_IN {
            let mut number = 0;
            let is_there = |packet: &&Decoded| {
                number += usize::from(packet.is_data());
                !packet.is_data() || number % LOST_ONE_IN != lost
            };
            let lossy: Vec<Decoded> = packets.iter().filter(is_there).cloned().collect();
            let says_whole = |file: &&File| file.ends == Some(Ends::Whole) && file.gap_bytes == 0;
            for file in told(&lossy).files.iter().filter(says_whole) {
                assert!(whole.contains(&file.bytes()), "{}: {:?} says that it is whole", capture.display(), file.start);
                files += 1;
            }
        }
    }
    assert!(files > 20, "{files} files are whole");
}

fn each_tells_the_same(disturb: impl Fn(Vec<Decoded>) -> Vec<Decoded>) {
    let Some(folder) = folder() else { return };
    let mut differences = Vec::new();
    for capture in captures(&folder) {
        let packets = decoded(&capture);
        let expected = told(&packets);
        let found = told(&disturb(packets));
        differences.extend(difference(&expected, &found).map(|text| format!("{}: {text}", capture.display())));
    }
    assert!(differences.is_empty(), "{} captures differ:\n{}", differences.len(), differences.join("\n"));
}

/// Those of which nothing is changed already.
fn captures(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut captures = every_capture(folder);
    captures.retain(|path| !path.starts_with(folder.join("variants")));
    captures
}

fn decoded(capture: &Path) -> Vec<Decoded> {
    let (mut keying, mut packets) = (Keying::default(), Vec::new());
    each_packet(capture, &mut |packet, link_type| {
        let headers = decode(link_type, packet.data, packet.wire_bytes);
        if let Some((flow, side)) = keying.flow(&headers) {
            let (time, wire_bytes, data) = (packet.time, packet.wire_bytes, packet.data.to_vec());
            packets.push(Decoded { flow, side, headers, time, wire_bytes, data });
        }
    });
    packets
}

fn told(packets: &[Decoded]) -> Collected {
    let (mut told, mut investigation) = (Collected::default(), Investigation::new(Limits::default()));
    for Decoded { flow, side, headers, time, wire_bytes, data } in packets {
        let (time, wire_bytes) = (*time, *wire_bytes);
        let packet = Packet { time, wire_bytes, data, interface: 0, direction: Default::default(), arrival: None };
        investigation.packet(*flow, *side, &packet, headers, &mut told);
    }
    investigation.finish(&mut told);
    told
}

fn difference(expected: &Collected, found: &Collected) -> Option<String> {
    let facts = |told: &Collected| {
        let mut facts: Vec<(Field, String)> =
            told.facts.iter().map(|(_, field, text)| (*field, text.clone())).collect();
        facts.sort();
        facts
    };
    let files = |told: &Collected| {
        let mut files: Vec<_> = told
            .files
            .iter()
            .map(|file| (file.start.name.clone(), file.bytes(), file.gap_bytes, file.ends == Some(Ends::Whole)))
            .collect();
        files.sort();
        files
    };
    let (facts, files) = ((facts(expected), facts(found)), (files(expected), files(found)));
    if facts.0 != facts.1 {
        let missing = facts.0.iter().find(|fact| !facts.1.contains(fact));
        let more = facts.1.iter().find(|fact| !facts.0.contains(fact));
        return Some(format!("{} facts are {}: {missing:?} is missing, {more:?} is new", facts.0.len(), facts.1.len()));
    }
    let place = files.0.iter().zip(&files.1).position(|(one, other)| one != other);
    (files.0 != files.1).then(|| {
        let brief = |files: &[(Option<String>, Vec<u8>, u64, bool)]| {
            place
                .and_then(|place| files.get(place))
                .map(|(name, bytes, gap, whole)| (name.clone(), bytes.len(), *gap, *whole))
        };
        format!("{} files are {}: {:?} is {:?}", files.0.len(), files.1.len(), brief(&files.0), brief(&files.1))
    })
}
