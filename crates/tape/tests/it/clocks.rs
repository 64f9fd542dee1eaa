//! Clocks that are set while a tape is recorded: a flow's row is whole all the same, and comes once.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use packet::capture::PcapngWriter;
use packet::capture::block::Section;
use packet::{Interface, LinkType, PacketDirection, Timestamp};
use tape::question::{Query, Source, flows, flows_in_any_order};

use crate::built_tape::{Cut, Owned, build, index};
use crate::question::CUT;

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400 * SECOND;

/// A UDP packet from one of ours.
fn datagram(time: i64, port: u16) -> Owned {
    let mut data = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
    data.extend([0x45, 0, 0, 32, 0, 1, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 1, 198, 51, 100, 7]);
    data.extend(port.to_be_bytes());
    data.extend([0, 53, 0, 12, 0, 0, 1, 2, 3, 4]);
    let wire_bytes = data.len() as u32;
    Owned { time: Timestamp(time), wire_bytes, data, interface: 0, direction: PacketDirection::Unknown }
}

/// A thousand flows of a packet each, a fifth of a second apart, and one with a packet in every hundred; behind the
/// packets whose numbers are in `steps` the clock is set by so much.
fn packets(steps: &[(usize, i64)]) -> Vec<Owned> {
    let mut time = 1_700_000_000 * SECOND;
    let mut packets = Vec::new();
    for number in 0..1000_u16 {
        time += SECOND / 5;
        packets.push(datagram(time, 10_000 + number));
        if number % 100 == 0 {
            packets.push(datagram(time + 1, 9));
        }
        time += steps.iter().find(|(at, _)| *at == usize::from(number)).map_or(0, |(_, step)| *step);
    }
    packets
}

/// Packets of each flow by its port, and how often it came.
fn counts(source: &Source, query: &Query, any_order: bool) -> BTreeMap<u16, Vec<u64>> {
    let mut counts: BTreeMap<u16, Vec<u64>> = BTreeMap::new();
    let mut sink = |flow: &tape::question::Flow| {
        counts.entry(flow.row.src_port).or_default().push(flow.row.pkts_toserver);
        ControlFlow::Continue(())
    };
    let answer = if any_order { flows_in_any_order(source, query, &mut sink) } else { flows(source, query, &mut sink) };
    answer.unwrap();
    counts
}

#[test]
fn rows_are_whole_when_clocks_are_set() {
    let interface =
        Interface { link_type: LinkType::ETHERNET, snaplen: 0, name: Some("eth0".into()), description: None };
    let interfaces = vec![interface.clone()];
    for steps in [&[][..], &[(350, 2 * DAY)], &[(350, -2 * DAY)], &[(150, 3 * DAY), (650, -5 * DAY)]] {
        let packets = packets(steps);
        let directory = tempfile::tempdir().unwrap();
        let cut = Cut { checkpoint_packets: 11, frame_bytes: 1000, segment_frames: 3, ..CUT };
        let (tape, path) = (directory.path().join("tape"), directory.path().join("capture.pcapng"));
        std::fs::create_dir(&tape).unwrap();
        build(&tape, &interfaces, &packets, cut);
        index(&tape);
        let mut writer = PcapngWriter::new(std::fs::File::create(&path).unwrap(), &Section::default());
        writer.interface(&interface, None).unwrap();
        (1..).zip(&packets).for_each(|(arrival, packet)| writer.packet(&packet.packet(arrival)).unwrap());
        writer.flush().unwrap();
        let (tape, capture) = (Source::tape(&tape), Source::captures([path]));
        // The last of the packets of the flow that goes on, and all that came before the first step.
        let times = [None, Some(packets[808].time), Some(packets[100].time)];
        for (from, to) in times.into_iter().flat_map(|from| [(from, None), (None, from)]) {
            let query = Query { from, to, ..Query::default() };
            let expected = counts(&capture, &query, false);
            assert!(expected.values().all(|rows| rows.len() == 1), "{steps:?}");
            assert_eq!(counts(&tape, &query, false), expected, "{steps:?} {query:?}");
            assert_eq!(counts(&tape, &query, true), expected, "{steps:?} {query:?}");
        }
        assert_eq!(counts(&tape, &Query::default(), true)[&9], [10], "{steps:?}");
    }
}
