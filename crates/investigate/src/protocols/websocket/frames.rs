//! Frames of one side (RFC 6455, section 5.2), unmasked as they pass.

use packet::Cursor;

/// Header, length and mask.
const HEADER_BYTES_MAX: usize = 14;

/// What a frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opcode {
    Continuation,
    Text,
    Binary,
    /// Close, ping, pong.
    Control,
}

/// What the next bytes are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Nothing,
    /// A frame begins.
    Begin {
        opcode: Opcode,
        is_compressed: bool,
    },
    /// Bytes of a frame were unmasked; of the last one of a message the last bytes, or none.
    Data {
        is_control: bool,
        is_last: bool,
    },
    Malformed,
}

#[derive(Default)]
pub(super) struct Frames {
    held: Vec<u8>,
    frame: Option<Frame>,
}

#[derive(Clone, Copy)]
struct Frame {
    left: u64,
    mask: [u8; 4],
    /// Which byte of the mask is next.
    place: usize,
    is_control: bool,
    is_final: bool,
}

impl Frames {
    /// Takes some of the next bytes; says how many.
    pub(super) fn next(&mut self, rest: &[u8], unmasked: &mut Vec<u8>) -> (usize, Next) {
        let Some(frame) = &mut self.frame else { return self.header(rest) };
        let taken = usize::try_from(frame.left).unwrap_or(usize::MAX).min(rest.len());
        for byte in rest.iter().take(taken) {
            unmasked.push(byte ^ frame.mask[frame.place & 3]);
            frame.place += 1;
        }
        frame.place &= 3;
        frame.left -= taken as u64;
        (taken, self.passed())
    }

    /// Whether a frame has come to its end, which was not told yet.
    pub(super) fn has_ended(&self) -> bool {
        self.frame.is_some_and(|frame| frame.left == 0)
    }

    /// Bytes are missing; says whether they were of a control frame, if they were of one frame.
    pub(super) fn gap(&mut self, bytes: u64) -> Option<bool> {
        let frame = self.frame.as_mut().filter(|frame| frame.left > bytes)?;
        frame.left -= bytes;
        frame.place = (frame.place + (bytes & 3) as usize) & 3;
        Some(frame.is_control)
    }

    fn passed(&mut self) -> Next {
        let Some(Frame { left, is_control, is_final, .. }) = self.frame else { return Next::Nothing };
        if left == 0 {
            self.frame = None;
        }
        Next::Data { is_control, is_last: left == 0 && is_final && !is_control }
    }

    fn header(&mut self, rest: &[u8]) -> (usize, Next) {
        let before = self.held.len();
        self.held.extend(rest.iter().take(HEADER_BYTES_MAX - before));
        let Some((begin, frame, bytes)) = read(&self.held) else {
            let is_possible = self.held.first().is_none_or(|first| first & 0x30 == 0);
            return (self.held.len() - before, if is_possible { Next::Nothing } else { Next::Malformed });
        };
        // A header that is whole has used at least one byte of this piece.
        let taken = bytes.saturating_sub(before);
        self.held.clear();
        if self.frame.is_none() {
            self.frame = Some(frame);
        }
        (taken, begin)
    }
}

/// A header, if it is whole: what begins, and its length.
fn read(held: &[u8]) -> Option<(Next, Frame, usize)> {
    let mut cursor = Cursor::new(held);
    let [first, second] = cursor.array()?;
    let left = match second & 0x7f {
        126 => u64::from(cursor.u16()?),
        127 => cursor.u64()?,
        length => u64::from(length),
    };
    let mask = if second & 0x80 != 0 { cursor.array()? } else { [0; 4] };
    let opcode = match first & 0x0f {
        0 => Opcode::Continuation,
        1 => Opcode::Text,
        2 => Opcode::Binary,
        8..=10 => Opcode::Control,
        _ => {
            return Some((
                Next::Malformed,
                Frame { left: 0, mask, place: 0, is_control: true, is_final: true },
                held.len(),
            ));
        }
    };
    let begin = match first & 0x30 {
        0 => Next::Begin { opcode, is_compressed: first & 0x40 != 0 },
        _ => Next::Malformed,
    };
    let is_control = opcode == Opcode::Control;
    let frame = Frame { left, mask, place: 0, is_control, is_final: first & 0x80 != 0 };
    Some((begin, frame, held.len() - cursor.len()))
}
