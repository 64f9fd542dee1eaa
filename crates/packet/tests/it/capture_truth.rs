//! Every capture of the corpus against what is known of it.

use std::fs::File;
use std::path::Path;

use packet::capture::{Endian, Error, Kind, Reader, Resolution};
use packet::{Interface, LinkType};
use serde_json::Value;

use crate::shared_captures::{folder, truth};

/// A packet that outlives its reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) nanoseconds: i64,
    pub(crate) wire_bytes: u32,
    pub(crate) link_type: LinkType,
    pub(crate) data: Vec<u8>,
}

/// All that a reader gets out of a file.
pub(crate) struct Read {
    pub(crate) packets: Vec<Kept>,
    pub(crate) interfaces: Vec<Interface>,
    pub(crate) kind: Option<(Kind, Endian)>,
    pub(crate) resolutions: Vec<Resolution>,
    pub(crate) error: Option<Error>,
}

pub(crate) fn read(path: &Path) -> Read {
    let mut read =
        Read { packets: Vec::new(), interfaces: Vec::new(), kind: None, resolutions: Vec::new(), error: None };
    let mut reader = match Reader::new(File::open(path).expect("capture")) {
        Ok(reader) => reader,
        Err(error) => return Read { error: Some(error), ..read },
    };
    loop {
        match reader.next_with_interfaces() {
            Ok(Some((packet, interfaces))) => read.packets.push(Kept {
                nanoseconds: packet.time.0,
                wire_bytes: packet.wire_bytes,
                link_type: interfaces[packet.interface as usize].link_type,
                data: packet.data.to_vec(),
            }),
            Ok(None) => break,
            Err(error) => {
                read.error = Some(error);
                break;
            }
        }
        let resolution = reader.format().resolution;
        if !read.resolutions.contains(&resolution) {
            read.resolutions.push(resolution);
        }
    }
    assert!(matches!(reader.next(), Ok(None)), "nothing follows the end: {}", path.display());
    read.interfaces = reader.interfaces().to_vec();
    read.kind = Some((reader.format().kind, reader.format().endian));
    read
}

#[test]
fn captures_hold_what_the_truth_says() {
    let Some(folder) = folder() else { return };
    for row in truth(&folder, "captures.jsonl") {
        let name = row["pcap"].as_str().expect("name");
        let read = read(&folder.join(name));
        if name.ends_with("linktype-reserved-field-not-zero.pcap") {
            // libpcap 1.10.3 takes the reserved bits for a part of the link type; later ones and tshark refuse the
            // file, and it holds no packet.
            assert!(matches!(read.error, Some(Error::Unsupported { .. })), "{name}: {:?}", read.error);
            continue;
        }
        check_capture(name, &row, &read);
    }
}

fn check_capture(name: &str, row: &Value, read: &Read) {
    let number = |field: &str| row[field].as_u64().unwrap_or_else(|| panic!("{name}: {field}"));
    assert_eq!(read.packets.len() as u64, number("packets"), "{name}: {:?}", read.error);
    assert_eq!(read.packets.iter().map(|packet| packet.data.len() as u64).sum::<u64>(), number("bytes"), "{name}");
    let wire_bytes: u64 = read.packets.iter().map(|packet| u64::from(packet.wire_bytes)).sum();
    assert_eq!(wire_bytes, number("wire_bytes"), "{name}");
    let nanoseconds = |packet: &Kept| packet.nanoseconds;
    assert_eq!(read.packets.first().map(nanoseconds), row["first_ns"].as_i64(), "{name}");
    assert_eq!(read.packets.last().map(nanoseconds), row["last_ns"].as_i64(), "{name}");

    let (kind, endian) = match (row["format"].as_str(), row["endian"].as_str()) {
        (Some("pcapng"), Some(endian)) => (Kind::Pcapng, endian),
        (_, Some(endian)) => (Kind::Pcap, endian),
        other => panic!("{name}: {other:?}"),
    };
    let endian = if endian == "big" { Endian::Big } else { Endian::Little };
    assert_eq!(read.kind, Some((kind, endian)), "{name}");
    // Interfaces that are described in a row leave only the last one's resolution to be seen.
    let expected: Vec<_> = row["tsres"].as_array().expect("tsres").iter().filter_map(Value::as_u64).collect();
    for resolution in &read.resolutions {
        assert!(expected.contains(&u64::from(resolution.0)), "{name}: {resolution:?}");
    }

    let mut link_types: Vec<_> = read.interfaces.iter().map(|interface| u64::from(interface.link_type.0)).collect();
    link_types.sort_unstable();
    link_types.dedup();
    let expected: Vec<_> =
        row["linktype_nums"].as_array().expect("link types").iter().filter_map(Value::as_u64).collect();
    assert_eq!(link_types, expected, "{name}");
    // The reader has no libpcap fault of its own to follow: it must end cleanly where libpcap and tshark do.
    let cut = row.get("container_error").is_some();
    assert_eq!(read.error.is_some(), cut, "{name}: {:?}", read.error);
}

#[test]
fn formats_are_read_or_refused_as_expected() {
    let Some(folder) = folder() else { return };
    for row in truth(&folder, "formats.jsonl") {
        let name = row["pcap"].as_str().expect("name");
        let found = read(&folder.join(name));
        let base = row["base"].as_str().map(|base| read(&folder.join(base)));
        check_format(name, &row, &found, base.as_ref());
    }
}

fn check_format(name: &str, row: &Value, found: &Read, base: Option<&Read>) {
    let expect = row["expect"].as_str().expect("expect");
    if name.ends_with(".xz") {
        // xz is optional in the truth; it is refused with the way to read it.
        let message = found.error.as_ref().map(Error::to_string).unwrap_or_default();
        assert!(message.contains("xz -dc"), "{message}");
        return;
    }
    if let Some(packets) = row["packets"].as_u64() {
        assert_eq!(found.packets.len() as u64, packets, "{name}: {:?}", found.error);
    }
    // libpcap refuses these two, tshark reads them. tshark is the better evidence: their packets are whole, a recorder
    // of versions and snaplens that differ is no damage, and refusing would lose what can be read.
    let libpcap_alone_refuses = ["pcap-invalid-version-2.pcap", "ldap/gap-data-missing.pcapng"];
    let whole =
        !matches!(expect, "partial" | "reject") || libpcap_alone_refuses.iter().any(|file| name.ends_with(file));
    assert_eq!(found.error.is_none(), whole, "{name}: {:?}", found.error);
    assert_eq!(found.kind.is_none(), expect == "reject", "{name}: {:?}", found.error);
    let Some(base) = base else { return };
    match expect {
        "same" => assert_eq!(found.packets, base.packets, "{name}"),
        "same-1us" => {
            for (found, base) in found.packets.iter().zip(&base.packets) {
                assert!((found.nanoseconds - base.nanoseconds).abs() <= 1000, "{name}");
                assert_eq!((found.wire_bytes, &found.data), (base.wire_bytes, &base.data), "{name}");
            }
        }
        "same-frames" | "opaque" => {
            for (found, base) in found.packets.iter().zip(&base.packets) {
                assert_eq!((found.wire_bytes, &found.data), (base.wire_bytes, &base.data), "{name}");
            }
        }
        "same-flows" => {
            for (found, base) in found.packets.iter().zip(&base.packets) {
                assert!(base.data.ends_with(&found.data), "{name}");
            }
        }
        "partial" => {
            for (found, base) in found.packets.iter().zip(&base.packets) {
                assert_eq!(found, base, "{name}");
            }
        }
        _ => {}
    }
}

/// The counters are those that tshark 4.0.17 shows for the statistics block.
#[test]
fn the_statistics_of_an_interface_are_kept() {
    let Some(folder) = folder() else { return };
    let file = File::open(folder.join("variants/a/ftp-active-rich.pcapng")).expect("capture");
    let mut reader = Reader::new(file).expect("capture");
    while reader.next().expect("good").is_some() {}
    let statistics = reader.statistics().first().expect("an interface");
    assert_eq!((statistics.received, statistics.dropped_interface), (Some(54), Some(7)));
    assert_eq!(reader.interfaces()[0].name.as_deref(), Some("eth0"));
}

/// The counts of bytes are those that tcpdump 4.99.3 gives for the same files (without the headers it read before).
#[test]
fn errors_say_what_and_where() {
    let Some(folder) = folder() else { return };
    let check = |name: &str, expected: &str| {
        let message = read(&folder.join("variants/a").join(name)).error.map(|error| error.to_string());
        assert!(message.as_ref().is_some_and(|message| message.contains(expected)), "{name}: {message:?}");
    };
    check("ftp-active-empty.pcap", "the file is empty");
    check(
        "ftp-active-short-header.pcap",
        "cut off at byte 0 inside a file header, 17 of 24 bytes are there; 0 packets",
    );
    check("ftp-active-badmagic.pcap", "of an unknown format, not a pcap or pcapng capture: give a pcap or pcapng");
    check("ftp-active-bom.pcapng", "corrupt at byte 0: a section header has the byte-order magic 0x11223344");
    check("ftp-active-cut-header.pcap", "byte 2173 inside a record header, 7 of 16 bytes are there; 23 packets");
    check("ftp-active-cut-body.pcap", "byte 2173 inside a record, 25 of 82 bytes are there; 23 packets");
    check("ftp-active-tail-garbage.pcap", "byte 4493 inside a record header, 3 of 16 bytes are there; 47 packets");
    check("ftp-active-huge-caplen.pcap", "byte 2173: a packet claims 2147483647 captured bytes, more than the 262144");
    check("ftp-active-cut.pcapng", "byte 2612 inside a block, 21 of 100 bytes are there; 23 packets");
    check("ftp-active-bad-length.pcapng", "byte 2612: a block of type 0x6 claims a length of 13 bytes; 23 packets");
    check("ftp-active-trailer.pcapng", "byte 2612: a block has 100 bytes by its start and 104 by its end; 23 packets");
    check("ftp-active-bad-iface.pcapng", "byte 2612: a packet on interface 5, but only 1 are described in its section");
    check("ftp-active-no-idb.pcapng", "byte 28: a packet on interface 0, but only 0 are described in its section");
    check(
        "ftp-active-gz-cut.pcap.gz",
        "the gzip stream cannot be read on after 4345 bytes of its content and 46 packets",
    );
    check("ftp-active-xz.pcap.xz", "this is an xz file, not a pcap or pcapng capture: decompress it first: xz -dc");
}
