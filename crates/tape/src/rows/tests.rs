use std::fs::File;
use std::io::Write;

use flow::{ConnState, Direction, EndReason, FlowId, FlowPart, History, Lane, LaneSet};
use packet::decode::{Tunnel, Vlans};
use packet::{Address, FlowKey, Mac, Timestamp};
use rustix::fs::{MemfdFlags, memfd_create};

use super::{FlowFile, FramePlace, Metadata, Rowless, RowsError, Stored, write};
use crate::format::state::Position;

/// Parts that between them have every value that a column can have, null and empty included.
fn parts() -> Vec<FlowPart> {
    let tunnels =
        [None, Some(Tunnel::Vxlan(7)), Some(Tunnel::IpIp), Some(Tunnel::Erspan(9)), Some(Tunnel::MacInMac(0))];
    let histories = ["", "ShADadFf", "^hA"];
    (0..200_u64)
        .map(|number| {
            let byte = number as u8;
            let mut part = Stored::blank().part;
            let mac = (!byte.is_multiple_of(3)).then_some(Mac([2, 0, 0, 0, 0, byte]));
            let src = match byte % 4 {
                0 => Address::v4([192, 0, 2, byte]),
                1 => Address::v6([byte; 16]),
                2 => super::fields::hardware(mac),
                _ => Address([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 1, 2, 3, byte]),
            };
            part.flow_id = FlowId(u64::MAX - number);
            part.key = FlowKey {
                src,
                dest: Address::v4([255; 4]),
                src_port: 8,
                dest_port: 65_535,
                proto: [1, 6, 17, 200][usize::from(byte % 4)],
                ip_version: [4, 6, 0, 6][usize::from(byte % 4)],
                one_way: byte.is_multiple_of(2),
            };
            part.start = Timestamp(i64::MIN + number as i64);
            part.first = Timestamp(-(number as i64));
            part.end = Timestamp(i64::MAX);
            (part.first_arrival, part.last_arrival) = (1000 - number, u64::MAX);
            (part.pkts_toserver, part.pkts_toclient) = (number, u64::MAX);
            (part.bytes_toserver, part.bytes_toclient) = (number << 40, 1);
            (part.wire_segments, part.captured_bytes) = (3, number);
            (part.tcp_flags_ts, part.tcp_flags_tc) = (byte, 255);
            part.conn_state = ConnState::ALL[number as usize % ConnState::ALL.len()];
            part.history = History::parse(histories[number as usize % 3]).unwrap();
            part.start_seen = byte.is_multiple_of(2);
            part.end_reason = EndReason::ALL.get(number as usize % 6).copied();
            part.direction = [Direction::Inbound, Direction::External][number as usize % 2];
            part.proven = byte.is_multiple_of(3);
            let mut vlans = Vlans::default();
            (0..byte % 5).for_each(|id| vlans.push(u16::from(id) * 1000));
            part.vlan = vlans;
            part.tunnel = tunnels[number as usize % tunnels.len()];
            let outer = [Address::v4([192, 0, 2, 1]), Address::v6([number as u8; 16])];
            part.outer = part.tunnel.filter(|_| number % 3 > 0).map(|_| outer);
            part.in_iface = u32::from(byte % 3);
            (part.src_mac, part.dest_mac) = (mac, Some(Mac([byte; 6])));
            part.lanes = Lane::ALL.into_iter().take(1 + number as usize % 5).collect::<LaneSet>();
            part
        })
        .collect()
}

fn metadata() -> Metadata {
    let place = |segment, uoffset| FramePlace { lane: Some(Lane::Client), segment, uoffset };
    Metadata {
        tape: "00112233445566778899aabbccddeeff".into(),
        sensor: "web-1".into(),
        interfaces: vec!["eth0".into(), String::new()],
        frames: vec![place(1, 300), place(u64::MAX, u64::MAX)],
        rowless: vec![Rowless {
            lane: Lane::Junk,
            first: Position { segment: 3, uoffset: 4 },
            last: Position { segment: 5, uoffset: u64::MAX },
        }],
        clock_ns: 7_000_000_000,
        ..Metadata::default()
    }
}

fn written() -> Vec<u8> {
    write(Vec::new(), &parts(), &[(0, 0), (199, 1), (199, 0), (0, 0), (4_000_000, 1)], &metadata()).unwrap()
}

fn read(bytes: &[u8]) -> Result<(Metadata, Vec<Stored>), RowsError> {
    let mut file = File::from(memfd_create("flows", MemfdFlags::CLOEXEC).unwrap());
    file.write_all(bytes).unwrap();
    let file = FlowFile::of(file)?;
    let mut rows = Vec::new();
    for group in 0..file.row_groups() {
        rows.extend(file.read(group)?);
    }
    Ok((file.metadata().clone(), rows))
}

#[test]
fn what_is_written_is_read() {
    let (found, rows) = read(&written()).unwrap();
    assert_eq!(found, metadata());
    let mut expected = parts();
    expected.sort_by_key(|part| part.first_arrival);
    for (row, part) in rows.iter().zip(&expected) {
        assert_eq!(row.part, *part);
        assert_eq!(row.in_iface.as_deref(), (part.in_iface == 0).then_some("eth0"));
        let frames: &[u32] = match part.flow_id.0 {
            u64::MAX => &[0],
            id if id == u64::MAX - 199 => &[0, 1],
            _ => &[],
        };
        assert_eq!(row.frames, frames);
    }
    assert_eq!(rows.len(), expected.len());
}

#[test]
fn single_rows_are_those_of_the_whole() {
    // Several pages.
    let many: Vec<FlowPart> = (0..30).flat_map(|_| parts()).collect();
    let locations: Vec<(u32, u32)> = (0..many.len() as u32).map(|part| (part, part % 2)).collect();
    let bytes = write(Vec::new(), &many, &locations, &metadata()).unwrap();
    let file = FlowFile::open(bytes::Bytes::from(bytes)).unwrap();
    let all = file.read(0).unwrap();
    assert_eq!(all.len(), many.len());
    let last = all.len() as u32 - 1;
    for numbers in
        [vec![], vec![0], vec![last], vec![0, 1, 2, 2047, 2048, 4095, 4096, last], (0..=last).step_by(7).collect()]
    {
        let expected: Vec<Stored> = numbers.iter().map(|number: &u32| all[*number as usize].clone()).collect();
        assert_eq!(file.read_rows(&numbers).unwrap(), expected);
    }
    assert!(matches!(file.read_rows(&[last + 1]), Err(RowsError::Missing(_))));
}

#[test]
fn a_period_without_flows_is_a_file() {
    let bytes = write(Vec::new(), &[], &[], &metadata()).unwrap();
    assert_eq!(read(&bytes).unwrap(), (metadata(), Vec::new()));
}

#[test]
fn damaged_files_are_errors_or_other_rows() {
    let whole = written();
    for cut in (0..whole.len()).step_by(997) {
        assert!(read(&whole[..cut]).is_err(), "cut at {cut}");
    }
    let mut state = 1_u64;
    for _ in 0..3000 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mut bad = whole.clone();
        let at = (state >> 20) as usize % bad.len();
        bad[at] ^= 1 << (state >> 60 & 7);
        let _ = read(&bad);
    }
}
