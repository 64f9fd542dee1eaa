//! Capture files: pcap and pcapng, read and written.
//!
//! [`Reader`] takes any of them from a [`std::io::Read`]; [`PcapngWriter`] and [`PcapWriter`] make them. [`block`] puts
//! single pcapng blocks into memory and finds them again: it is what a tape's segments are made of.
//! [`convert_to_sll2`] and [`convert_to_ethernet`] bring packets of several link types to one.

pub mod block;
mod convert;
mod endian;
mod error;
mod format;
mod pcap;
mod reader;
mod section;
mod sniff;
mod source;
mod statistics;
mod window;
mod writer;

pub use convert::{Unconvertible, convert_to_ethernet, convert_to_sll2};
pub use endian::Endian;
pub use error::{Corruption, Error};
pub use format::{Compression, Format, Kind, Resolution};
pub use pcap::PcapWriter;
pub use reader::{Reader, fuzz_reader};
pub use sniff::Foreign;
pub use statistics::Statistics;
pub use writer::PcapngWriter;

use crate::LinkType;

/// Most bytes that a packet of a link type can sanely have captured: libpcap's `max_snaplen_for_dlt` (pcap-common.c,
/// 1.10), Wireshark's `wtap_max_snaplen_for_encap`. A record that claims more is corrupt.
pub fn captured_bytes_max(link_type: LinkType) -> u32 {
    const STANDARD: u32 = 256 * 1024;
    const MIB: u32 = 1024 * 1024;
    match link_type.0 {
        // USB_LINUX, USB_LINUX_MMAPPED, DBUS, USBPCAP
        189 | 220 | 231 | 249 => 128 * MIB,
        // EBHSCR
        279 => 8 * MIB,
        _ => STANDARD,
    }
}

/// The link type that a file's number stands for.
fn file_link_type(number: u16) -> LinkType {
    match number {
        // DLT_RAW of most systems and of OpenBSD, which some programs write as they are.
        12 | 14 => LinkType::RAW,
        other => LinkType(other),
    }
}
