//! Modbus over TCP: which units are asked to do what (MODBUS Messaging on TCP/IP Implementation Guide 1.0b).

use packet::Cursor;

use super::cutter::{Length, Talk, Talking};
use super::{Opening, Probe, Recognised, Step};
use crate::{At, Field, Side, Sink};

pub(crate) const RECOGNISED: Recognised =
    Recognised { name: "modbus", probe, begin: |_| Box::new(Talking::new(Modbus::default())) };

/// Transaction, protocol, length.
const HEADER_BYTES: usize = 6;
const MESSAGE_BYTES_MAX: u16 = 254;
/// Different units and functions that are told of one conversation.
const TOLD_MAX: usize = 256;

#[derive(Default)]
struct Modbus {
    told: Vec<(u8, u8)>,
}

impl Talk for Modbus {
    const KEPT_BYTES_MAX: usize = 512;

    fn length(&self, _side: Side, head: &[u8]) -> Length {
        let mut cursor = Cursor::new(head);
        match (cursor.u16(), cursor.u16(), cursor.u16()) {
            (_, Some(0), Some(length @ 2..=MESSAGE_BYTES_MAX)) => Length::Whole(HEADER_BYTES + usize::from(length)),
            (_, _, None) => Length::More,
            _ => Length::Broken,
        }
    }

    fn message(&mut self, _side: Side, at: At, message: &[u8], _is_whole: bool, sink: &mut dyn Sink) -> Step {
        const REFUSED: u8 = 0x80;
        let Some([unit, function]) = message.get(HEADER_BYTES..).and_then(<[u8]>::first_chunk::<2>) else {
            return Step::Go;
        };
        if self.told.len() < TOLD_MAX && !self.told.contains(&(*unit, *function)) {
            self.told.push((*unit, *function));
            let refused = if function & REFUSED != 0 { " (refused)" } else { "" };
            sink.fact(at, Field::Detail, &format!("function={} unit={unit}{refused}", function & !REFUSED));
        }
        Step::Go
    }
}

/// A protocol of zero and a length that fits the message, on its port.
fn probe(opening: &Opening<'_>) -> Probe {
    const PORT: u16 = 502;
    let said = if opening.client.is_empty() { opening.server } else { opening.client };
    if !opening.is_stream || opening.server_port != PORT {
        return Probe::No;
    }
    let mut cursor = Cursor::new(said);
    match (cursor.u16(), cursor.u16(), cursor.u16()) {
        (_, Some(0), Some(length @ 2..=MESSAGE_BYTES_MAX)) if cursor.len() >= usize::from(length).min(2) => Probe::Yes,
        (_, Some(0), Some(2..=MESSAGE_BYTES_MAX)) | (_, _, None) => Probe::More,
        _ => Probe::No,
    }
}
