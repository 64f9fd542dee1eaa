//! Any bytes for any protocol.

use packet::{Address, Cursor};

use super::{KNOWN, Opening, Parties, Step};
use crate::{At, Body, Ends, Expected, Field, FileId, FileStart, Side, Sink};

/// Feeds any bytes to one protocol: the first byte picks it, the second the port of the server; then come pieces, each
/// with its side, whether it is missing, and its length.
pub fn fuzz_protocols(data: &[u8]) {
    let mut cursor = Cursor::new(data);
    let (Some(pick), Some(port)) = (cursor.u8(), cursor.u8()) else { return };
    let Some(recognised) = KNOWN.get(usize::from(pick) % KNOWN.len().max(1)) else { return };
    for is_stream in [true, false] {
        (recognised.probe)(&Opening {
            client: cursor.rest(),
            server: cursor.rest().get(1..).unwrap_or_default(),
            first: Side::Client,
            client_port: 40_000,
            server_port: u16::from(port),
            is_stream,
        });
    }
    let parties = Parties { client_port: 40_000, server_port: u16::from(port), is_stream: true, ..Parties::default() };
    let mut protocol = (recognised.begin)(&parties);
    while let Some(head) = cursor.u16() {
        let side = if head & 0x8000 == 0 { Side::Client } else { Side::Server };
        let bytes = usize::from(head & 0x3fff).min(cursor.len());
        let step = if head & 0x4000 == 0 {
            protocol.data(side, At::default(), cursor.take(bytes).unwrap_or_default(), &mut Nowhere)
        } else {
            protocol.gap(side, At::default(), u64::from(head & 0x3fff), &mut Nowhere)
        };
        if let Step::Turns(used) = step {
            assert!(used <= bytes, "turned after its piece");
        }
        if step != Step::Go {
            return;
        }
        assert!(protocol.held_bytes() < 16 << 20, "holds on to more than it may");
    }
    for side in Side::BOTH {
        protocol.end(side, At::default(), Ends::CutOff, &mut Nowhere);
    }
}

/// Takes everything, and keeps nothing.
struct Nowhere;

impl Sink for Nowhere {
    fn protocol(&mut self, _at: At, _name: &'static str) {}

    fn fact(&mut self, _at: At, _field: Field, _text: &str) {}

    fn resolved(&mut self, _at: At, _name: &str, _address: Address) {}

    fn file_start(&mut self, _at: At, _start: FileStart) -> FileId {
        FileId(0)
    }

    fn file_data(&mut self, _file: FileId, _body: Body, _bytes: &[u8]) {}

    fn file_gap(&mut self, _file: FileId, _body: Body, _bytes: u64) {}

    fn file_seek(&mut self, _file: FileId, _offset: u64) {}

    fn file_end(&mut self, _file: FileId, _ends: Ends) {}

    fn expect(&mut self, _at: At, _expected: Expected) {}

    fn oddity(&mut self, _at: At, _what: &'static str) {}
}
