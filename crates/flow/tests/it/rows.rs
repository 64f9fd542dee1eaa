//! What stands in a flow's row.

use crate::conversation::{ACK, Bench, FIN, OTHER, OURS, RST, SECOND, SYN, config, key};
use flow::{ConnState, Direction, EndReason, FlowRow, FrameRef, Kept, Lane, LaneSet, Seen};
use packet::decode::{Fragment, Transport, Tunnel};
use packet::{Address, Headers, Mac, Timestamp};

/// The rows of one period, in the order of their beginnings.
fn rows(bench: &mut Bench) -> Vec<FlowRow> {
    let mut rows: Vec<FlowRow> = bench.table.checkpoint().parts.iter().map(FlowRow::from).collect();
    rows.sort_by(FlowRow::by_start);
    rows
}

/// Segments: from the client or not, and their flags; one with `D` added has a byte of data.
fn check_state(segments: &[(bool, u8)], state: ConnState, history: &str) {
    let mut bench = Bench::new(config());
    let client = key(6, (OURS, 40_000), (OTHER, 80));
    let mut next = [100_u32, 900];
    for (from_client, flags) in segments.iter().copied() {
        let (end, peer) = if from_client { (0, 1) } else { (1, 0) };
        let payload_bytes = u32::from(flags & DATA != 0);
        let flags = flags & !DATA;
        let key = if from_client { client } else { client.reversed() };
        bench.tcp(key, flags, next[end], next[peer], payload_bytes);
        next[end] += payload_bytes + u32::from(flags & SYN != 0) + u32::from(flags & FIN != 0);
    }
    let rows = rows(&mut bench);
    assert_eq!(rows.len(), 1, "{segments:?}");
    assert_eq!((rows[0].conn_state, rows[0].history.to_string().as_str()), (state, history), "{segments:?}");
    assert_eq!(rows[0].key(), client, "{segments:?}");
}

const DATA: u8 = 0x80;

/// The states as Zeek's documentation words them (scripts/base/protocols/conn/main.zeek, `conn_state`).
#[test]
fn connection_states_are_those_of_zeek() {
    let (syn, syn_ack, ack) = ((true, SYN), (false, SYN | ACK), (true, ACK));
    let (fin, fin_back) = ((true, FIN | ACK), (false, FIN | ACK));
    let (reset, reset_back) = ((true, RST), (false, RST));
    let open = [syn, syn_ack, ack];
    let after_open = |segments: &[(bool, u8)]| [&open, segments].concat();
    check_state(&[syn], ConnState::S0, "S");
    check_state(&[syn, syn_ack], ConnState::S1, "Sh");
    check_state(&open, ConnState::S1, "ShA");
    check_state(&[syn, (false, RST | ACK)], ConnState::Rej, "Sr");
    check_state(&after_open(&[fin]), ConnState::S2, "ShAF");
    check_state(&after_open(&[fin_back]), ConnState::S3, "ShAf");
    check_state(&after_open(&[fin, fin_back, ack]), ConnState::SF, "ShAFf");
    check_state(
        &after_open(&[(true, ACK | DATA), (false, ACK), (false, ACK | DATA), fin_back, fin]),
        ConnState::SF,
        "ShADadfF",
    );
    check_state(&after_open(&[reset]), ConnState::Rsto, "ShAR");
    check_state(&after_open(&[reset_back]), ConnState::Rstr, "ShAr");
    check_state(&[syn, reset], ConnState::Rstos0, "SR");
    check_state(&[syn_ack, reset_back], ConnState::Rstrh, "^hr");
    check_state(&[syn, fin], ConnState::SH, "SF");
    check_state(&[syn_ack, fin_back], ConnState::Shr, "^hf");
    check_state(&[ack], ConnState::Oth, "A");
    check_state(&[(false, ACK | DATA), ack], ConnState::Oth, "^dA");
    // A reset after both had closed changes nothing.
    check_state(&after_open(&[fin, fin_back, reset_back]), ConnState::SF, "ShAFfr");
}

fn headers(transport: Transport) -> Headers {
    Headers { transport, payload_bytes: 10, ..Headers::default() }
}

#[test]
fn the_path_is_that_of_the_first_packet_from_client_to_server() {
    let mut bench = Bench::new(config());
    let mut answer = headers(Transport::Udp);
    answer.key = Some(key(17, (OTHER, 53), (OURS, 40_000)));
    (answer.src_mac, answer.dest_mac) = (Some(Mac([1; 6])), Some(Mac([2; 6])));
    answer.vlans.push(7);
    answer.vlans.push(8);
    answer.tunnel = Some(Tunnel::GtpU(99));
    bench.send(&answer, 60);
    let row = rows(&mut bench).remove(0);
    assert_eq!((row.src_mac, row.dest_mac), (answer.dest_mac, answer.src_mac));
    assert_eq!((row.vlan.as_slice(), row.tunnel), (&[7, 8][..], answer.tunnel));
    assert_eq!((row.dest_port, row.start_seen, row.direction), (53, false, Direction::Outbound));
    assert_eq!((row.pkts_toserver, row.pkts_toclient, row.bytes_toclient), (0, 1, 60));
}

/// Seen on a container's bridge first, then in the tunnel that the bridge's packets travel in.
#[test]
fn a_tunnel_is_noted_whenever_it_comes() {
    let mut bench = Bench::new(config());
    let mut packet = headers(Transport::Udp);
    packet.key = Some(key(17, (OURS, 40_000), (OTHER, 53)));
    packet.src_mac = Some(Mac([1; 6]));
    bench.send(&packet, 60);
    packet.tunnel = Some(Tunnel::Vxlan(7));
    packet.src_mac = Some(Mac([9; 6]));
    bench.send(&packet, 110);
    let row = rows(&mut bench).remove(0);
    assert_eq!((row.tunnel, row.src_mac), (packet.tunnel, Some(Mac([1; 6]))));
    packet.tunnel = None;
    bench.send(&packet, 60);
    assert_eq!(rows(&mut bench).remove(0).tunnel, Some(Tunnel::Vxlan(7)));
}

/// One IPv4 header in another, in Ethernet.
fn ip_in_ip(outer: [u8; 2]) -> Vec<u8> {
    let [from, to] = outer;
    let ip = |bytes: u8, proto: u8, addresses: [u8; 8]| {
        [&[0x45, 0, 0, bytes, 0, 1, 0x40, 0, 64, proto, 0, 0][..], &addresses[..]].concat()
    };
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
    frame.extend(ip(52, 4, [192, 0, 2, from, 192, 0, 2, to]));
    frame.extend(ip(32, 17, [10, 0, 0, 1, 198, 51, 100, 7]));
    frame.extend([0x9c, 0x40, 0, 53, 0, 12, 0, 0, 1, 2, 3, 4]);
    frame
}

/// Addresses may be used again in other tunnels: what filters see on the outside is known of each part.
#[test]
fn a_part_is_in_tunnels_between_the_same_ends() {
    let mut bench = Bench::new(config());
    let pair = |one: u8, other: u8| Some([one, other].map(|last| Address::v4([192, 0, 2, last])));
    let check = |bench: &mut Bench, expected: &[(Option<[Address; 2]>, u64)]| {
        let mut parts = bench.table.checkpoint().parts;
        parts.sort_by_key(|part| part.first_arrival);
        let found: Vec<_> = parts.iter().map(|part| (part.outer, part.pkts_toserver)).collect();
        assert_eq!(found, expected);
        assert!(parts.iter().all(|part| part.flow_id == parts[0].flow_id && part.tunnel == Some(Tunnel::IpIp)));
    };
    for outer in [[1, 2], [2, 1], [1, 3], [1, 2], [1, 2]] {
        bench.send_frame(&ip_in_ip(outer));
    }
    check(&mut bench, &[(pair(1, 2), 4), (pair(1, 3), 1)]);
    bench.send_frame(&ip_in_ip([4, 3]));
    check(&mut bench, &[(pair(3, 4), 1)]);
    for number in 0..2000 {
        bench.send_frame(&ip_in_ip([1, (number % 9) as u8 + 2]));
    }
    let of_each = |number: u64| (pair(1, number as u8 + 2), (2000_u64 - number).div_ceil(9));
    check(&mut bench, &(0..9).map(of_each).collect::<Vec<_>>());
    bench.send_frame(&ip_in_ip([1, 2]));
    check(&mut bench, &[(pair(1, 2), 1)]);
}

/// What does not fit beside the others ends, and nobody makes more parts of one flow than these.
#[test]
fn parts_in_tunnels_between_many_ends_are_bounded() {
    let mut bench = Bench::new(config());
    let pairs = || (1..=60_u8).flat_map(|one| (one + 1..=60).map(move |other| [one, other]));
    for outer in pairs().chain(pairs()) {
        bench.send_frame(&ip_in_ip(outer));
    }
    let sent = 2 * pairs().count() as u64;
    let parts = bench.table.checkpoint().parts;
    assert_eq!(parts.len(), 1 + 1024 + 1);
    let of_unknown: Vec<u64> =
        parts.iter().filter(|part| part.outer.is_none()).map(|part| part.pkts_toserver).collect();
    assert_eq!(of_unknown.len(), 1);
    assert_eq!(parts.iter().map(|part| part.pkts_toserver).sum::<u64>(), sent);
    bench.send_frame(&ip_in_ip([1, 2]));
    let parts = bench.table.checkpoint().parts;
    assert_eq!(parts.len(), 1);
    assert!(parts[0].outer.is_some());
}

/// Where packets of a part are is said once for each frame, however often its flow goes on with another one; a packet that
/// was parked meanwhile counts to its own.
#[test]
fn a_part_that_waits_has_its_packets() {
    let mut bench = Bench::new(config());
    let mut first = None;
    for number in 0..1000_u32 {
        let seen = bench.send_frame(&ip_in_ip([1, 2 + number as u8 % 2]));
        match first {
            None => first = Some(seen.slot),
            Some(_) => bench.table.placed(seen.slot, Lane::Client, FrameRef(number / 500), 66),
        }
    }
    let [first, last] = [first.unwrap(), bench.send_frame(&ip_in_ip([1, 3])).slot];
    bench.table.placed(first, Lane::Junk, FrameRef(7), 40);
    bench.table.placed(last, Lane::Client, FrameRef(1), 66);
    let period = bench.table.checkpoint();
    let locations = |part: u32| {
        let of_part = period.locations.iter().filter(move |location| location.part == part);
        of_part.map(|location| location.frame).collect::<Vec<_>>()
    };
    let mut found: Vec<_> = (0..)
        .zip(&period.parts)
        .map(|(number, part)| (part.first_arrival, part.lanes, part.captured_bytes, locations(number)))
        .collect();
    found.sort_by_key(|part| part.0);
    let lanes = |lanes: &[Lane]| LaneSet::from_iter(lanes.iter().copied());
    let expected = [
        (0, lanes(&[Lane::Client, Lane::Junk]), 499 * 66 + 40, vec![0, 1, 7]),
        (1, lanes(&[Lane::Client]), 501 * 66, vec![0, 1]),
    ];
    assert_eq!(found, expected);
}

/// As on a mirror port, where routing lies between the two, and in GTP-U, where each direction has an identifier.
#[test]
fn vlans_and_identifiers_do_not_part_a_flow() {
    let mut bench = Bench::new(config());
    let mut packet = headers(Transport::Udp);
    packet.key = Some(key(17, (OURS, 40_000), (OTHER, 53)));
    packet.vlans.push(10);
    packet.tunnel = Some(Tunnel::GtpU(1));
    bench.send(&packet, 60);
    let mut reply = headers(Transport::Udp);
    reply.key = Some(key(17, (OTHER, 53), (OURS, 40_000)));
    reply.vlans.push(20);
    reply.tunnel = Some(Tunnel::GtpU(2));
    bench.send(&reply, 70);
    let rows = rows(&mut bench);
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].pkts_toserver, rows[0].pkts_toclient), (1, 1));
    assert_eq!((rows[0].vlan.as_slice(), rows[0].tunnel), (&[10][..], Some(Tunnel::GtpU(1))));
}

#[test]
fn frames_without_ip_are_flows_of_their_addresses() {
    let mut bench = Bench::new(config());
    let mut frame = headers(Transport::None);
    (frame.src_mac, frame.dest_mac, frame.ether_type) = (Some(Mac([1; 6])), Some(Mac([2; 6])), 0x88cc);
    let seen = bench.send(&frame, 60);
    (frame.src_mac, frame.dest_mac) = (frame.dest_mac, frame.src_mac);
    bench.send(&frame, 70);
    frame.ether_type = 0x88f7;
    bench.send(&frame, 70);
    assert_eq!(seen.place, flow::Place::Lane(Lane::Transit));
    let rows = rows(&mut bench);
    let [lldp, ptp] = &rows[..] else { panic!("two flows: {rows:?}") };
    assert_eq!((lldp.ether_type(), lldp.pkts_toserver, lldp.pkts_toclient), (Some(0x88cc), 1, 1));
    assert_eq!((ptp.ether_type(), ptp.community_id(), ptp.direction), (Some(0x88f7), None, Direction::External));
}

#[test]
fn later_fragments_count_to_the_flow_of_the_first() {
    let mut bench = Bench::new(config());
    let mut fragment = headers(Transport::Udp);
    fragment.key = Some(key(17, (OURS, 5000), (OTHER, 5001)));
    fragment.fragment = Some(Fragment { id: 1, offset: 0, more: true });
    let first = bench.send(&fragment, 1500);
    fragment.key = Some(key(17, (OURS, 0), (OTHER, 0)));
    fragment.transport = Transport::None;
    fragment.fragment = Some(Fragment { id: 1, offset: 1480, more: false });
    assert_eq!(bench.send(&fragment, 500).slot, first.slot);
    assert_eq!(rows(&mut bench)[0].bytes_toserver, 2000);
}

#[test]
fn icmp_has_types_and_codes() {
    let mut bench = Bench::new(config());
    let mut echo = key(1, (OURS, 8), (OTHER, 0));
    let mut unreachable = key(1, (OTHER, 3), (OURS, 1));
    unreachable.one_way = true;
    bench.other(echo, Transport::Icmp { kind: 8, code: 0 }, 10);
    echo = echo.reversed();
    bench.other(echo, Transport::Icmp { kind: 0, code: 0 }, 10);
    bench.other(unreachable, Transport::Icmp { kind: 3, code: 1 }, 10);
    let rows = rows(&mut bench);
    let types: Vec<_> = rows.iter().map(|row| (row.icmp_type(), row.icmp_code(), row.pkts_toclient)).collect();
    assert_eq!(types, [(Some(8), Some(0), 1), (Some(3), Some(1), 0)]);
}

#[test]
fn rows_say_how_much_is_kept() {
    let check = |placed: &[(Lane, u32)], available: LaneSet, expected| {
        let mut bench = Bench::new(config());
        let ours = key(17, (OURS, 5000), (OTHER, 5001));
        for (frame, (lane, kept_bytes)) in placed.iter().enumerate() {
            let Seen { slot, .. } = bench.other(ours, Transport::Udp, 1000 - 42);
            bench.table.placed(slot, *lane, FrameRef(frame as u32), *kept_bytes);
        }
        let row = rows(&mut bench).remove(0);
        assert_eq!(row.kept(available), expected, "{placed:?} {available:?}");
    };
    let both = [(Lane::Client, 1000), (Lane::Bulk, 1000)];
    check(&both, LaneSet::ALL, Kept::Full);
    check(&both, LaneSet::from_iter([Lane::Client]), Kept::Head);
    check(&both, LaneSet::from_iter([Lane::Junk]), Kept::None);
    check(&[(Lane::Client, 1000), (Lane::Bulk, 96)], LaneSet::ALL, Kept::Head);
    check(&[(Lane::Client, 96), (Lane::Bulk, 96)], LaneSet::ALL, Kept::Headers);
    check(&[(Lane::Client, 1000)], LaneSet::from_iter([Lane::Client]), Kept::Full);
}

#[test]
fn a_row_settles_when_it_was_silent_too_long() {
    let mut bench = Bench::new(config());
    bench.other(key(17, (OURS, 5000), (OTHER, 5001)), Transport::Udp, 10);
    let row = rows(&mut bench).remove(0);
    let settled = |seconds: i64| {
        let mut row = row.clone();
        row.settle(Timestamp(row.end.0 + seconds * SECOND));
        row.end_reason
    };
    assert_eq!((settled(59), settled(61)), (None, Some(EndReason::Idle)));
}
