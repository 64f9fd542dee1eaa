//! Damaged, endless, slow and malicious inputs.

use std::fs;
use std::io::{self, Read, Write};

use packet::capture::block::Section;
use packet::capture::{Compression, Error, PcapngWriter, Reader, fuzz_reader};
use packet::{LinkType, Packet};
use proptest::prelude::*;

use crate::capture_variants::{interface, packet};
use crate::shared_captures::{folder, truth};

fn capture(packets: usize) -> Vec<u8> {
    let mut writer = PcapngWriter::new(Vec::new(), &Section::default());
    writer.interface(&interface(LinkType::ETHERNET), None).expect("memory");
    for number in 0..packets {
        writer.packet(&Packet { arrival: Some(number as u64), ..packet(&[number as u8; 100]) }).expect("memory");
    }
    writer.finish().expect("memory")
}

fn count(reader: &mut Reader<impl Read>) -> (u64, Option<Error>) {
    loop {
        match reader.next() {
            Ok(Some(_)) => {}
            Ok(None) => return (reader.packets(), None),
            Err(error) => return (reader.packets(), Some(error)),
        }
    }
}

/// Gives one byte at a time, and then the error, if there is one.
struct Drip<'a> {
    bytes: &'a [u8],
    error: Option<i32>,
}

impl Read for Drip<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match (self.bytes.split_first(), self.error) {
            (Some((first, rest)), _) => {
                buffer[0] = *first;
                self.bytes = rest;
                Ok(1)
            }
            (None, Some(number)) => Err(io::Error::from_raw_os_error(number)),
            (None, None) => Ok(0),
        }
    }
}

#[test]
fn a_slow_input_is_read_like_a_fast_one() {
    let capture = capture(50);
    let mut reader = Reader::new(Drip { bytes: &capture, error: None }).expect("capture");
    assert!(matches!(count(&mut reader), (50, None)));
}

#[test]
fn a_packet_is_delivered_as_soon_as_it_has_arrived() {
    // What asks for more than the packet's own bytes meets the error.
    let capture = capture(3);
    let mut reader = Reader::new(Drip { bytes: &capture, error: Some(5) }).expect("capture");
    for _ in 0..3 {
        assert!(matches!(reader.next(), Ok(Some(_))));
    }
    let error = reader.next().expect_err("EIO");
    assert!(matches!(error, Error::Read { packets: 3, offset, .. } if offset == capture.len() as u64), "{error}");
    assert!(matches!(reader.next(), Ok(None)));
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).expect("memory");
    encoder.finish().expect("memory")
}

fn zstd(content: &[u8]) -> Vec<u8> {
    zstd::encode_all(content, 1).expect("memory")
}

#[test]
fn compression_is_undone_twice_and_no_more() {
    let plain = capture(1000);
    let (first, second) = plain.split_at(plain.len() / 3);
    let check = |capture: &[u8], expected: [Option<Compression>; 2]| {
        let mut reader = Reader::new(capture).expect("capture");
        assert_eq!(reader.format().compression, expected);
        assert!(matches!(count(&mut reader), (1000, None)));
    };
    let (gz, zst) = (Some(Compression::Gzip), Some(Compression::Zstd));
    check(&plain, [None, None]);
    check(&gzip(&plain), [gz, None]);
    check(&zstd(&plain), [zst, None]);
    check(&[gzip(first), gzip(second)].concat(), [gz, None]);
    check(&[zstd(first), zstd(second)].concat(), [zst, None]);
    check(&[&[0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 1, 2], &zstd(&plain)[..]].concat(), [zst, None]);
    check(&gzip(&zstd(&plain)), [gz, zst]);
    check(&zstd(&zstd(&plain)), [zst, zst]);
    let nested = Reader::new(&zstd(&gzip(&zstd(&plain)))[..]).err().map(|error| error.to_string());
    assert!(nested.as_ref().is_some_and(|message| message.contains("compressed more than twice")), "{nested:?}");
}

#[test]
fn a_cut_compressed_stream_gives_what_is_before_the_cut() {
    let plain = capture(20_000);
    for compressed in [gzip(&plain), zstd(&plain)] {
        let cut = &compressed[..compressed.len() / 2];
        let mut reader = Reader::new(cut).expect("capture");
        let (packets, error) = count(&mut reader);
        assert!(packets > 1000, "{packets}");
        assert!(matches!(error, Some(Error::Decompress { packets: good, .. }) if good == packets), "{error:?}");
    }
}

#[test]
fn other_files_are_named() {
    let check = |first: &[u8], expected: &str| {
        let message = Reader::new(first).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(message.contains(expected), "{message}");
    };
    check(b"\xfd7zXZ\0\0\x04rest", "xz -dc");
    check(b"BZh91AY&SY", "bzip2 -dc");
    check(b"PK\x03\x04rest of it", "a ZIP archive");
    check(b"snoop\0\0\0\0\0\0\x02", "editcap");
    check(b"age-encryption.org/v1\n", "age -d");
    check(b"12:00:00.000000 IP 10.0.0.1", "this is text");
    check(&[0; 4096], "zeros");
    check(b"", "the file is empty");
    check(&gzip(b""), "the file is empty");
}

#[test]
fn interfaces_without_end_are_refused() {
    struct Endless(Vec<u8>);
    impl Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let bytes = buffer.len().min(self.0.len());
            buffer[..bytes].copy_from_slice(&self.0[..bytes]);
            self.0.rotate_left(bytes);
            Ok(bytes)
        }
    }
    let mut writer = PcapngWriter::new(Vec::new(), &Section::default());
    let described = packet::Interface { name: Some("n".repeat(4000)), ..interface(LinkType::RAW) };
    writer.interface(&described, None).expect("memory");
    let mut reader = Reader::new(Endless(writer.finish().expect("memory"))).expect("capture");
    let error = reader.next().expect_err("too many interfaces");
    assert!(error.to_string().contains("interfaces need more than"), "{error}");
}

#[test]
fn every_cut_and_every_changed_byte_of_the_corpus_is_survived() {
    let Some(folder) = folder() else { return };
    let mut random = 0x9e37_79b9_7f4a_7c15u64;
    for row in truth(&folder, "formats.jsonl") {
        let Ok(capture) = fs::read(folder.join(row["pcap"].as_str().expect("name"))) else { continue };
        let capture = &capture[..capture.len().min(8192)];
        for cut in (0..capture.len()).step_by(61) {
            fuzz_reader(&capture[..cut]);
        }
        for _ in 0..200 {
            let mut changed = capture.to_vec();
            for _ in 0..3 {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                let at = (random >> 8) as usize % changed.len().max(1);
                if let Some(byte) = changed.get_mut(at) {
                    *byte = random as u8;
                }
            }
            fuzz_reader(&changed);
        }
    }
}

proptest! {
    #[test]
    fn hostile_bytes_are_survived(magic in 0..6usize, bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        const MAGIC: [&[u8]; 6] = [
            b"\xd4\xc3\xb2\xa1\x02\0\x04\0",
            b"\xa1\xb2\xcd\x34\0\x02\0\x03",
            b"\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a\x01\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\x1c\0\0\0",
            b"\x0a\x0d\x0d\x0a\0\0\0\x1c\x1a\x2b\x3c\x4d\0\x01\0\0\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\x1c",
            b"\x1f\x8b\x08\0",
            b"\x28\xb5\x2f\xfd",
        ];
        fuzz_reader(&[MAGIC[magic], &bytes].concat());
    }
}
