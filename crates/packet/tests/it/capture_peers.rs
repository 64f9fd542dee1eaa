//! Against tcpdump and tshark: what they read of the same files, and what they read of files written here.

use std::fs;

use packet::capture::block::Section;
use packet::capture::{PcapWriter, PcapngWriter, Reader, Resolution, Statistics};
use packet::{Interface, LinkType, Packet, PacketDirection, Timestamp};

use crate::capture_truth::{Kept, Read, read};
use crate::capture_variants::{interface, packet};
use crate::shared_captures::{folder, run, truth};

/// What tcpdump reads of a capture at "nano" or "micro" precision, and if that is all of it.
fn tcpdump(capture: Vec<u8>, precision: &str) -> Option<(Vec<Kept>, bool)> {
    let precision = format!("--time-stamp-precision={precision}");
    let (output, content) = run("tcpdump", &[&precision, "-r", "-", "-w", "-"], capture)?;
    let mut reader = match Reader::new(&output[..]) {
        Ok(reader) => reader,
        Err(_) => return Some((Vec::new(), false)),
    };
    let link_type = reader.interfaces()[0].link_type;
    let mut packets = Vec::new();
    while let Ok(Some(packet)) = reader.next() {
        let (nanoseconds, wire_bytes) = (packet.time.0, packet.wire_bytes);
        packets.push(Kept { nanoseconds, wire_bytes, link_type, data: packet.data.to_vec() });
    }
    Some((packets, content))
}

#[test]
fn tcpdump_reads_the_same_packets() {
    let Some(folder) = folder() else { return };
    let rows = ["captures.jsonl", "formats.jsonl"].map(|name| truth(&folder, name));
    let mut compared = 0;
    for row in rows.iter().flatten() {
        let name = row["pcap"].as_str().expect("name");
        let bytes = fs::read(folder.join(name)).expect("capture");
        let Read { packets: found, interfaces, resolutions, .. } = read(&folder.join(name));
        // Microseconds beyond 4.2 s in a record overflow in libpcap when it makes nanoseconds of them.
        let precision = if resolutions == [Resolution::MICROSECONDS] { "micro" } else { "nano" };
        let Some((expected, content)) = tcpdump(bytes, precision) else { return };
        if content {
            assert_eq!(found.len(), expected.len(), "{name}");
        }
        assert!(found.len() >= expected.len(), "{name}");
        for (mut found, expected) in found.into_iter().zip(expected) {
            // libpcap cuts at the snaplen of the file header, so that a caller's buffer of that size serves. tshark
            // gives all bytes, and so does this crate: they are in the file, and they are evidence.
            if expected.data.len() as u64 == interfaces.first().map_or(0, |first| u64::from(first.snaplen)) {
                found.data.truncate(expected.data.len());
            }
            assert_eq!(found, expected, "{name}");
            compared += 1;
        }
    }
    assert!(compared > 10_000, "{compared} packets compared");
}

/// tshark's fields of each packet, a line each.
pub(crate) fn tshark(capture: &[u8], fields: &[&str]) -> Option<Vec<String>> {
    tshark_with(capture, &[], fields)
}

/// As `tshark`, with arguments of the test's own.
pub(crate) fn tshark_with(capture: &[u8], options: &[&str], fields: &[&str]) -> Option<Vec<String>> {
    let mut arguments = vec!["-n", "-r", "-", "-T", "fields"];
    arguments.extend(options);
    for field in fields {
        arguments.extend(["-e", field]);
    }
    let (output, content) = run("tshark", &arguments, capture.to_vec())?;
    assert!(content, "tshark is content");
    Some(String::from_utf8(output).expect("text").lines().map(str::to_owned).collect())
}

#[test]
pub(crate) fn tshark_reads_what_is_written() {
    let mut writer = PcapngWriter::new(Vec::new(), &Section { os: Some("Linux".into()), ..Section::default() });
    let named = |name: &str| Interface {
        name: Some(name.into()),
        description: Some("uplink".into()),
        snaplen: 262_144,
        ..interface(LinkType::ETHERNET)
    };
    writer.interface(&named("eth0"), Some("not port 22")).expect("memory");
    writer.interface(&named("eth1"), None).expect("memory");
    let mut expected = Vec::new();
    for number in 0..500u32 {
        let data = vec![number as u8; 14 + number as usize];
        let direction = [PacketDirection::Unknown, PacketDirection::Inbound, PacketDirection::Outbound];
        let time = Timestamp(1_700_000_000_000_000_000 + i64::from(number) * 1_000_000_007);
        let direction = direction[number as usize % 3];
        let arrival = (number % 2 == 0).then_some(u64::from(number) << 33);
        let wire_bytes = data.len() as u32 + number % 5;
        writer
            .packet(&Packet { time, wire_bytes, data: &data, interface: number % 2, direction, arrival })
            .expect("memory");
        let shown_direction = match direction {
            PacketDirection::Unknown => "",
            PacketDirection::Inbound => "0x00000001",
            PacketDirection::Outbound => "0x00000002",
        };
        expected.push(format!(
            "{}.{:09}\t{wire_bytes}\t{}\teth{}\t{shown_direction}\t{}",
            time.0 / 1_000_000_000,
            time.0 % 1_000_000_000,
            data.len(),
            number % 2,
            arrival.map(|arrival| arrival.to_string()).unwrap_or_default(),
        ));
    }
    let statistics = Statistics { received: Some(500), dropped_interface: Some(3), ..Statistics::default() };
    writer.statistics(0, Timestamp(1_700_000_600_000_000_000), &statistics).expect("memory");
    let capture = writer.finish().expect("memory");
    let fields = [
        "frame.time_epoch",
        "frame.len",
        "frame.cap_len",
        "frame.interface_name",
        "frame.packet_flags",
        "frame.packet_id",
    ];
    let Some(found) = tshark(&capture, &fields) else { return };
    assert_eq!(found, expected);
}

#[test]
fn tcpdump_reads_what_is_written() {
    let packets: Vec<Vec<u8>> = (0..300usize).map(|bytes| vec![bytes as u8; bytes * 7]).collect();
    let check = |capture: Vec<u8>, step: i64| {
        let Some((found, content)) = tcpdump(capture, "nano") else { return };
        assert!(content);
        let expected: Vec<_> = packets
            .iter()
            .map(|data| Kept {
                nanoseconds: 1_700_000_000_123_456_789 / step * step,
                wire_bytes: data.len() as u32,
                link_type: LinkType::ETHERNET,
                data: data.clone(),
            })
            .collect();
        assert_eq!(found, expected);
    };
    for (resolution, step) in [(Resolution::NANOSECONDS, 1), (Resolution::MICROSECONDS, 1000)] {
        let mut pcap = PcapWriter::new(Vec::new(), LinkType::ETHERNET, 0, resolution);
        packets.iter().for_each(|data| pcap.packet(&packet(data)).expect("memory"));
        check(pcap.finish().expect("memory"), step);
    }
    let mut pcapng = PcapngWriter::new(Vec::new(), &Section::default());
    pcapng.interface(&interface(LinkType::ETHERNET), None).expect("memory");
    packets.iter().for_each(|data| pcapng.packet(&packet(data)).expect("memory"));
    check(pcapng.finish().expect("memory"), 1);
}
