//! Captures, decoded.

use packet::capture::Reader;
use packet::{Headers, decode};
use std::fs::File;
use std::path::Path;

/// The headers of every packet of a capture, up to where it is damaged.
pub(crate) fn headers(path: &Path) -> Vec<Headers> {
    let mut all = Vec::new();
    let Ok(mut reader) = Reader::new(File::open(path).expect("capture")) else { return all };
    while let Ok(Some(packet)) = reader.next() {
        let (interface, data, wire_bytes) = (packet.interface as usize, packet.data.to_vec(), packet.wire_bytes);
        all.push(decode(reader.interfaces()[interface].link_type, &data, wire_bytes));
    }
    all
}
