//! Messages that are deflated one by one, by one window or a fresh one each (RFC 7692, permessage-deflate).

use flate2::{Decompress, FlushDecompress};

use super::budget::Room;
use super::{BOMB_BYTES_MIN, BOMB_RATIO_MAX, OUTPUT_BYTES, Undecodable};

/// What a window of 32 KiB with its tables takes.
const INFLATE_BYTES: usize = 48 << 10;
/// What every message ends with, and what is not sent of it (section 7.2.2).
const TAIL: &[u8] = &[0, 0, 0xff, 0xff];

/// The messages of one side.
pub(crate) struct Messages {
    inflate: Decompress,
    _room: Room,
    keeps_window: bool,
    wire_bytes: u64,
    plain_bytes: u64,
}

impl Messages {
    /// `keeps_window`: a message may refer to those before it.
    pub(crate) fn new(keeps_window: bool) -> Result<Self, Undecodable> {
        let room = Room::take(INFLATE_BYTES)?;
        Ok(Self { inflate: Decompress::new(false), _room: room, keeps_window, wire_bytes: 0, plain_bytes: 0 })
    }

    /// The next bytes of a message.
    pub(crate) fn decode(&mut self, mut wire: &[u8], plain: &mut dyn FnMut(&[u8])) -> Result<(), Undecodable> {
        self.wire_bytes += wire.len() as u64;
        let limit = BOMB_BYTES_MIN.max(self.wire_bytes.saturating_mul(BOMB_RATIO_MAX));
        let mut output = [0; OUTPUT_BYTES];
        loop {
            let (read_before, written_before) = (self.inflate.total_in(), self.inflate.total_out());
            let decoded = self.inflate.decompress(wire, &mut output, FlushDecompress::Sync);
            decoded.map_err(|_| Undecodable::Malformed)?;
            let read = usize::try_from(self.inflate.total_in() - read_before).unwrap_or(wire.len());
            let written = usize::try_from(self.inflate.total_out() - written_before).unwrap_or(0);
            wire = wire.get(read..).unwrap_or_default();
            plain(output.get(..written).unwrap_or_default());
            self.plain_bytes += written as u64;
            if self.plain_bytes > limit {
                return Err(Undecodable::Bomb);
            }
            if written < output.len() && (wire.is_empty() || read == 0) {
                return Ok(());
            }
        }
    }

    /// A message has ended.
    pub(crate) fn end(&mut self, plain: &mut dyn FnMut(&[u8])) -> Result<(), Undecodable> {
        let decoded = self.decode(TAIL, plain);
        (self.wire_bytes, self.plain_bytes) = (0, 0);
        if !self.keeps_window {
            self.inflate.reset(false);
        }
        decoded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_messages_of_the_rfc() {
        // RFC 7692, sections 7.2.3.1 and 7.2.3.2: "Hello", and the same again, which refers to the first.
        let first = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
        let again = [0xf2, 0x00, 0x11, 0x00, 0x00];
        let mut messages = Messages::new(true).expect("room");
        for wire in [&first[..], &again] {
            let mut plain = Vec::new();
            messages.decode(wire, &mut |bytes| plain.extend_from_slice(bytes)).expect("valid");
            messages.end(&mut |bytes| plain.extend_from_slice(bytes)).expect("valid");
            assert_eq!(plain, b"Hello");
        }
    }
}
