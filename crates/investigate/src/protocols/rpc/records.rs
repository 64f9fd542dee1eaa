//! Records of ONC RPC in a stream (RFC 5531 11): the beginning of each is looked at, file data in it is passed on.

use crate::protocols::intake::Payload;
use crate::{At, Side, Sink};

/// What is kept of a record before file data is found in it.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// What is looked at first.
const HEAD_BYTES: usize = 256;

/// A longer fragment is none; servers offer 1 MiB of data.
const FRAGMENT_BYTES_MAX: u32 = 16 << 20;

/// A fragment's mark, a call or reply as far as its version or verifier.
const MARK_BYTES: usize = 24;

/// What the beginning of a record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Too little to say.
    More,
    /// File data: where it begins, how long it is.
    Payload { start: usize, bytes: u64 },
    /// Nothing more in this record matters.
    Done,
}

/// Looks at records.
pub(super) trait Reader {
    /// The beginning of a record, or the whole of it.
    fn record(&mut self, side: Side, at: At, head: &[u8], is_whole: bool, sink: &mut dyn Sink) -> Found;

    /// File data.
    fn payload(&mut self, side: Side, payload: Payload<'_>, sink: &mut dyn Sink);

    /// The file data of a record has ended.
    fn payload_end(&mut self, side: Side, sink: &mut dyn Sink);
}

/// One side of the stream.
#[derive(Debug)]
pub(super) struct Records {
    mark: Vec<u8>,
    /// Bytes of the fragment that are to come.
    left: u64,
    is_last: bool,
    head: Vec<u8>,
    wanted: usize,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Head,
    Payload(u64),
    /// Up to the record's end.
    Skip,
    /// After a gap: up to what looks like a record's start.
    Seek,
}

impl Default for Records {
    fn default() -> Self {
        Self { mark: Vec::new(), left: 0, is_last: false, head: Vec::new(), wanted: HEAD_BYTES, stage: Stage::Head }
    }
}

impl Records {
    /// The next bytes.
    pub(super) fn data(&mut self, reader: &mut dyn Reader, side: Side, at: At, data: &[u8], sink: &mut dyn Sink) {
        let mut rest = data;
        while !rest.is_empty() {
            if self.stage == Stage::Seek {
                return self.seek(reader, side, at, rest, sink);
            }
            if self.left == 0 {
                let taken = (4 - self.mark.len()).min(rest.len());
                self.mark.extend_from_slice(rest.get(..taken).unwrap_or_default());
                rest = rest.get(taken..).unwrap_or_default();
                if let Some(mark) = self.mark.first_chunk::<4>().copied() {
                    self.mark.clear();
                    self.fragment(reader, (side, at), u32::from_be_bytes(mark), sink);
                }
                continue;
            }
            let taken = usize::try_from(self.left).map_or(rest.len(), |left| left.min(rest.len()));
            let (piece, after) = rest.split_at_checked(taken).unwrap_or((rest, &[]));
            rest = after;
            self.left -= taken as u64;
            self.within(reader, (side, at), piece, sink);
            if self.left == 0 && self.is_last {
                self.end_record(reader, (side, at), sink);
            }
        }
    }

    /// Bytes are missing.
    pub(super) fn gap(&mut self, reader: &mut dyn Reader, side: Side, at: At, bytes: u64, sink: &mut dyn Sink) {
        if self.stage == Stage::Seek {
            self.head.clear();
            return;
        }
        let within = bytes.min(self.left);
        self.left -= within;
        match self.stage {
            Stage::Payload(payload) => {
                let missing = payload.min(within);
                reader.payload(side, Payload::Missing(missing), sink);
                self.stage = Stage::Payload(payload - missing);
                if payload == missing {
                    reader.payload_end(side, sink);
                    self.stage = Stage::Skip;
                }
            }
            _ if within > 0 => self.stage = Stage::Skip,
            _ => {}
        }
        if bytes > within {
            *self = Self { stage: Stage::Seek, ..Self::default() };
        } else if self.left == 0 && self.is_last {
            self.end_record(reader, (side, at), sink);
        }
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.head.capacity()
    }

    fn fragment(&mut self, reader: &mut dyn Reader, who: (Side, At), mark: u32, sink: &mut dyn Sink) {
        const LAST: u32 = 1 << 31;
        let bytes = mark & !LAST;
        if bytes > FRAGMENT_BYTES_MAX {
            *self = Self { stage: Stage::Seek, ..Self::default() };
            return;
        }
        self.left = u64::from(bytes);
        self.is_last = mark & LAST != 0;
        if bytes == 0 && self.is_last {
            self.end_record(reader, who, sink);
        }
    }

    /// Bytes of the record.
    fn within(&mut self, reader: &mut dyn Reader, (side, at): (Side, At), data: &[u8], sink: &mut dyn Sink) {
        let mut rest = data;
        while !rest.is_empty() {
            match self.stage {
                Stage::Head => {
                    let taken = self.wanted.saturating_sub(self.head.len()).min(rest.len());
                    self.head.extend_from_slice(rest.get(..taken).unwrap_or_default());
                    rest = rest.get(taken..).unwrap_or_default();
                    if self.head.len() >= self.wanted {
                        self.look(reader, (side, at), false, sink);
                    }
                }
                Stage::Payload(payload) => {
                    let taken = usize::try_from(payload).map_or(rest.len(), |payload| payload.min(rest.len()));
                    reader.payload(side, Payload::Bytes(rest.get(..taken).unwrap_or_default()), sink);
                    rest = rest.get(taken..).unwrap_or_default();
                    self.stage = Stage::Payload(payload - taken as u64);
                    if payload == taken as u64 {
                        reader.payload_end(side, sink);
                        self.stage = Stage::Skip;
                    }
                }
                Stage::Skip | Stage::Seek => return,
            }
        }
    }

    fn look(&mut self, reader: &mut dyn Reader, (side, at): (Side, At), is_whole: bool, sink: &mut dyn Sink) {
        match reader.record(side, at, &self.head, is_whole, sink) {
            Found::More if !is_whole && self.wanted < HEAD_BYTES_MAX => self.wanted *= 2,
            Found::More | Found::Done => self.stage = Stage::Skip,
            Found::Payload { start, bytes } => {
                let head = std::mem::take(&mut self.head);
                self.stage = Stage::Payload(bytes);
                if bytes == 0 {
                    reader.payload_end(side, sink);
                    self.stage = Stage::Skip;
                }
                self.within(reader, (side, at), head.get(start..).unwrap_or_default(), sink);
            }
        }
    }

    fn end_record(&mut self, reader: &mut dyn Reader, who: (Side, At), sink: &mut dyn Sink) {
        if self.stage == Stage::Head {
            self.look(reader, who, true, sink);
        }
        if let Stage::Payload(missing) = self.stage {
            reader.payload(who.0, Payload::Missing(missing), sink);
            reader.payload_end(who.0, sink);
        }
        self.head.clear();
        self.head.shrink_to(HEAD_BYTES);
        self.wanted = HEAD_BYTES;
        self.stage = Stage::Head;
    }

    fn seek(&mut self, reader: &mut dyn Reader, side: Side, at: At, data: &[u8], sink: &mut dyn Sink) {
        self.head.extend_from_slice(data);
        let mut seen = std::mem::take(&mut self.head);
        match seen.windows(MARK_BYTES).position(is_record) {
            Some(start) => {
                *self = Self::default();
                let rest = seen.split_off(start);
                self.data(reader, side, at, &rest, sink);
            }
            None => {
                let kept = seen.len().min(MARK_BYTES - 1);
                self.head = seen.split_off(seen.len() - kept);
            }
        }
    }
}

/// Whether a record begins here: its mark, a number, then a call of version 2 or an accepted reply.
pub(super) fn is_record(bytes: &[u8]) -> bool {
    let word = |at: usize| bytes.get(at..).and_then(|rest| rest.first_chunk().copied().map(u32::from_be_bytes));
    let Some(mark) = word(0) else { return false };
    let length = mark & !(1 << 31);
    (20..=FRAGMENT_BYTES_MAX).contains(&length) && bytes.get(4..).is_some_and(is_message)
}

/// Whether these are the first 20 bytes of a call or reply.
pub(super) fn is_message(bytes: &[u8]) -> bool {
    let word = |at: usize| bytes.get(at..).and_then(|rest| rest.first_chunk().copied().map(u32::from_be_bytes));
    match (word(4), word(8), word(12), word(16)) {
        // A call of version 2: the program and its version follow.
        (Some(0), Some(2), Some(program), Some(version)) => (100_000..0x6000_0000).contains(&program) && version < 64,
        // An accepted reply: its verifier's flavor and length follow.
        (Some(1), Some(0), Some(flavor), Some(length)) => flavor <= 6 && length <= 400,
        _ => false,
    }
}
