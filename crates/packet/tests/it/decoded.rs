//! Captures, decoded.

use packet::capture::Reader;
use packet::{Headers, decode};
use std::fs::File;
use std::path::Path;

/// The headers of every packet of a capture, up to where it is damaged.
pub(crate) fn headers(path: &Path) -> Vec<Headers> {
    let mut all = Vec::new();
    let Ok(mut reader) = Reader::new(File::open(path).expect("capture")) else { return all };
    while let Ok(Some((packet, interfaces))) = reader.next_with_interfaces() {
        let link_type = interfaces[packet.interface as usize].link_type;
        all.push(decode(link_type, packet.data, packet.wire_bytes));
    }
    all
}
