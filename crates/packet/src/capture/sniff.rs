//! Telling files by their first bytes.

use super::Compression;

/// Most first bytes that are looked at.
pub(crate) const SNIFF_BYTES: usize = 24;

/// Something that is no capture this crate reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Foreign {
    /// What it is.
    pub what: &'static str,
    /// What to do about it.
    pub advice: &'static str,
}

const DECOMPRESS: &str = "decompress it first, and give the result or pipe it in";
const CONVERT: &str = "convert it first: editcap -F pcapng IN OUT";

/// First bytes, at their offset, of what people give to capture readers by mistake.
const FOREIGN: &[(usize, &[u8], &str, &str)] = &[
    (0, b"\xfd7zXZ\0", "an xz file", "decompress it first: xz -dc FILE | …"),
    (0, b"BZh", "a bzip2 file", "decompress it first: bzip2 -dc FILE | …"),
    (0, b"\x04\x22\x4d\x18", "an lz4 file", "decompress it first: lz4 -dc FILE | …"),
    (0, b"\x89LZO\0", "an lzop file", "decompress it first: lzop -dc FILE | …"),
    (0, b"LZIP", "an lzip file", "decompress it first: lzip -dc FILE | …"),
    (0, b"\x1f\x9d", "a Unix compress file", "decompress it first: zcat FILE | …"),
    (0, b"PK\x03\x04", "a ZIP archive", "unpack it and give the captures in it"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it and give the captures in it"),
    (0, b"Rar!", "a RAR archive", "unpack it and give the captures in it"),
    (0, b"snoop\0\0\0", "a snoop capture", CONVERT),
    (0, b"GMBU", "a Network Monitor capture", CONVERT),
    (0, b"RTSS", "a Network Monitor capture", CONVERT),
    (0, b"TRSNIFF data", "a Sniffer capture", CONVERT),
    (0, b"XCP\0", "a NetXRay capture", CONVERT),
    (0, b"iptrace", "an iptrace capture", CONVERT),
    (0, b"\x1c\x00\x01\xac", "an IXIA lcap capture", CONVERT),
    (0, b"\x1c\x00\x01\xab", "an IXIA lcap capture", CONVERT),
    (0, b"\xa1\xb2\x34\xcd", "a pcap variant of AIX or IXIA", CONVERT),
    (0, b"\xcd\x34\xb2\xa1", "a pcap variant of AIX or IXIA", CONVERT),
    (0, b"age-encryption.org/", "a file sealed with age", "open it first: age -d -i KEY FILE | …"),
    (0, b"PAR1", "a Parquet file", "packets are in .pcapng files"),
    (0, b"\x7fELF", "a program", "give a capture"),
    (0, b"{\"", "JSON", "give the capture it was made from"),
];

const UNKNOWN: Foreign =
    Foreign { what: "of an unknown format", advice: "give a pcap or pcapng capture, plain or in .gz or .zst" };

/// The compression that `first` begins.
pub(crate) fn compression(first: &[u8]) -> Option<Compression> {
    match *first {
        [0x1f, 0x8b, 0x08, ..] => Some(Compression::Gzip),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Compression::Zstd),
        // A skippable frame (RFC 8878, 3.1.2), with which pzstd begins its files.
        [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Compression::Zstd),
        _ => None,
    }
}

/// What a file is that is neither compressed nor a capture.
pub(crate) fn foreign(first: &[u8]) -> Foreign {
    if let Some(&(.., what, advice)) =
        FOREIGN.iter().find(|(offset, magic, ..)| first.get(*offset..).is_some_and(|tail| tail.starts_with(magic)))
    {
        return Foreign { what, advice };
    }
    if first.iter().all(|&byte| byte == 0) {
        return Foreign { what: "nothing but zeros at its start", ..UNKNOWN };
    }
    if first.iter().all(|&byte| matches!(byte, b' '..=b'~' | b'\n' | b'\r' | b'\t')) {
        return Foreign { what: "text", ..UNKNOWN };
    }
    UNKNOWN
}

/// What compressed content is that is wrapped once more than is undone.
pub(crate) const NESTED: Foreign = Foreign { what: "compressed more than twice", advice: DECOMPRESS };
