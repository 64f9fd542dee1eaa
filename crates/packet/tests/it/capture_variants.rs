//! What is rare in captures: built by hand from the formats' definitions.

use packet::capture::block::{Block, Blocks, Section, write_interface_block, write_section_header};
use packet::capture::{Endian, Error, Kind, PcapWriter, PcapngWriter, Reader, Resolution, Statistics};
use packet::{Interface, LinkType, Packet, PacketDirection, Timestamp};
use proptest::prelude::*;

pub(crate) fn interface(link_type: LinkType) -> Interface {
    Interface { link_type, snaplen: 0, name: None, description: None }
}

pub(crate) fn packet(data: &[u8]) -> Packet<'_> {
    Packet {
        time: Timestamp(1_700_000_000_123_456_789),
        wire_bytes: data.len() as u32,
        data,
        interface: 0,
        direction: PacketDirection::Unknown,
        arrival: None,
    }
}

/// Seconds, ticks, captured and wire bytes of the packets of a capture; the fault that ended it.
fn lengths(capture: &[u8]) -> (Vec<(i64, usize, u32)>, Option<Error>) {
    let mut reader = match Reader::new(capture) {
        Ok(reader) => reader,
        Err(error) => return (Vec::new(), Some(error)),
    };
    let mut packets = Vec::new();
    loop {
        match reader.next() {
            Ok(Some(packet)) => packets.push((packet.time.0, packet.data.len(), packet.wire_bytes)),
            Ok(None) => return (packets, None),
            Err(error) => return (packets, Some(error)),
        }
    }
}

/// A little-endian pcap of one record with the given fields.
fn pcap(minor: u16, network: u32, record: [u32; 4], data_bytes: usize) -> Vec<u8> {
    let mut capture = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0];
    capture.extend_from_slice(&minor.to_le_bytes());
    capture.extend_from_slice(&[0; 8]);
    capture.extend_from_slice(&65535u32.to_le_bytes());
    capture.extend_from_slice(&network.to_le_bytes());
    for field in record {
        capture.extend_from_slice(&field.to_le_bytes());
    }
    capture.resize(capture.len() + data_bytes, 0x55);
    capture
}

/// The rules of libpcap's sf-pcap.c and of pcap-savefile(5).
#[test]
fn pcap_records() {
    let check = |capture: &[u8], expected: Option<(i64, usize, u32)>| {
        let (packets, error) = lengths(capture);
        assert_eq!(packets.first().copied(), expected, "{error:?}");
        assert_eq!(error.is_some(), expected.is_none(), "{error:?}");
    };
    // Lengths: wire first before 2.3, the smaller one captured in 2.3, captured first since.
    check(&pcap(2, 1, [1, 2, 90, 60], 60), Some((1_000_002_000, 60, 90)));
    check(&pcap(3, 1, [1, 2, 90, 60], 60), Some((1_000_002_000, 60, 90)));
    check(&pcap(3, 1, [1, 2, 60, 90], 60), Some((1_000_002_000, 60, 90)));
    check(&pcap(4, 1, [1, 2, 60, 90], 60), Some((1_000_002_000, 60, 90)));
    // More captured than there was: both as they are.
    check(&pcap(4, 1, [1, 2, 60, 50], 60), Some((1_000_002_000, 60, 50)));
    check(&pcap(4, 1, [1, 2, 0, 50], 0), Some((1_000_002_000, 0, 50)));
    // Microseconds beyond a second are carried; seconds are unsigned.
    check(&pcap(4, 1, [1, 2_500_000, 1, 1], 1), Some((3_500_000_000, 1, 1)));
    check(&pcap(4, 1, [u32::MAX, u32::MAX, 1, 1], 1), Some((4_294_967_295_000_000_000 + 4_294_967_295_000, 1, 1)));
    // 256 KiB and not a byte more; USB, D-Bus and USBPcap may have 128 MiB.
    check(&pcap(4, 1, [0, 0, 262_144, 262_144], 262_144), Some((0, 262_144, 262_144)));
    check(&pcap(4, 1, [0, 0, 262_145, 262_145], 262_145), None);
    check(&pcap(4, 249, [0, 0, 3_000_000, 3_000_000], 3_000_000), Some((0, 3_000_000, 3_000_000)));
    check(&pcap(4, 231, [0, 0, 0x0800_0001, 1], 100), None);
    // Checksum length bits are ignored, reserved bits refused.
    check(&pcap(4, 0x2400_0001, [0, 0, 1, 1], 1), Some((0, 1, 1)));
    check(&pcap(4, 0x0001_0001, [0, 0, 1, 1], 1), None);
}

#[test]
fn every_interface_of_every_section_is_numbered_through() {
    let mut capture = Vec::new();
    for section in 0..3 {
        let mut writer = PcapngWriter::new(Vec::new(), &Section::default());
        for number in 0..400 {
            let name = Some(format!("s{section}i{number}"));
            let number = writer.interface(&Interface { name, ..interface(LinkType::RAW) }, None).expect("memory");
            writer.packet(&Packet { interface: number, ..packet(&[0x45]) }).expect("memory");
        }
        capture.extend(writer.finish().expect("memory"));
    }
    let mut reader = Reader::new(&capture[..]).expect("capture");
    for expected in 0..1200 {
        let packet = reader.next().expect("good").expect("packet");
        assert_eq!(packet.interface, expected);
    }
    assert!(matches!(reader.next(), Ok(None)));
    assert_eq!(reader.interfaces()[807].name.as_deref(), Some("s2i7"));
    assert_eq!(reader.interfaces().len(), 1200);
}

#[test]
fn statistics_and_texts_come_back() {
    let section = Section { hardware: None, os: Some("Linux 6.1".into()), application: Some("wiretape".into()) };
    let statistics = Statistics {
        start: Some(Timestamp(1)),
        end: Some(Timestamp(1_700_000_000_000_000_001)),
        received: Some(10),
        dropped_interface: Some(2),
        filter_accepted: None,
        dropped_system: Some(0),
        delivered: Some(u64::MAX),
    };
    let described = Interface {
        link_type: LinkType::ETHERNET,
        snaplen: 96,
        name: Some("eth0".into()),
        description: Some("ключ".into()),
    };
    let mut writer = PcapngWriter::new(Vec::new(), &section);
    writer.interface(&described, Some("tcp port 80")).expect("memory");
    writer.statistics(0, Timestamp(77), &statistics).expect("memory");
    assert!(matches!(
        writer.packet(&Packet { interface: 1, ..packet(&[]) }),
        Err(Error::UnknownInterface { interface: 1 })
    ));
    let capture = writer.finish().expect("memory");

    let mut reader = Reader::new(&capture[..]).expect("capture");
    assert!(matches!(reader.next(), Ok(None)));
    assert_eq!(reader.interfaces(), std::slice::from_ref(&described));
    assert_eq!(reader.statistics(), [statistics]);
    assert_eq!(reader.format().resolution, Resolution::NANOSECONDS);
    let blocks: Vec<_> = Blocks::new(&capture).map(|(_, block)| block).collect();
    let statistics = Block::Statistics { interface: 0, time: Timestamp(77), statistics };
    assert_eq!(blocks, [Block::Section, Block::Interface(described), statistics]);
}

#[test]
fn an_option_holds_at_most_64_kib_of_text() {
    let mut bytes = Vec::new();
    write_section_header(&mut bytes, &Section { os: Some("ж".repeat(40_000)), ..Section::default() });
    write_interface_block(&mut bytes, &Interface { name: Some("x".repeat(70_000)), ..interface(LinkType::RAW) }, None);
    assert_eq!(Blocks::new(&bytes).count(), 2);
    let mut reader = Reader::new(&bytes[..]).expect("capture");
    assert!(matches!(reader.next(), Ok(None)));
    assert_eq!(reader.interfaces().len(), 1);
}

/// A packet of each kind of writer comes back as it was; pcap keeps neither direction nor arrival.
fn round_trip(capture: &[u8], expected: &[Packet<'_>]) {
    let mut reader = Reader::new(capture).expect("capture");
    assert_eq!(reader.format().endian, Endian::Little);
    let pcapng = reader.format().kind == Kind::Pcapng;
    for packet in expected {
        let expected =
            if pcapng { *packet } else { Packet { direction: PacketDirection::Unknown, arrival: None, ..*packet } };
        assert_eq!(reader.next().expect("good"), Some(expected));
    }
    assert!(matches!(reader.next(), Ok(None)));
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        packets in prop::collection::vec(
            (prop::collection::vec(any::<u8>(), 0..2000), 0..4_294_967_296_000_000_000i64, any::<u32>(), any::<Option<u64>>(), 0..3u8),
            0..30,
        ),
    ) {
        let packets: Vec<_> = packets
            .iter()
            .map(|(data, time, wire_bytes, arrival, direction)| Packet {
                time: Timestamp(*time),
                wire_bytes: *wire_bytes,
                data,
                interface: 0,
                direction: [PacketDirection::Unknown, PacketDirection::Inbound, PacketDirection::Outbound][usize::from(*direction)],
                arrival: *arrival,
            })
            .collect();
        let mut pcapng = PcapngWriter::new(Vec::new(), &Section::default());
        pcapng.interface(&interface(LinkType::ETHERNET), None).expect("memory");
        let mut pcap = PcapWriter::new(Vec::new(), LinkType::ETHERNET, 0, Resolution::NANOSECONDS);
        for packet in &packets {
            pcapng.packet(packet).expect("memory");
            pcap.packet(packet).expect("memory");
        }
        round_trip(&pcapng.finish().expect("memory"), &packets);
        round_trip(&pcap.finish().expect("memory"), &packets);
    }
}
