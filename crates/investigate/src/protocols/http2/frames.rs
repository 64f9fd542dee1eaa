//! Frames of one side (RFC 9113, section 4), put together from pieces. DATA passes through; other frames come whole.

use packet::Cursor;

/// What every HTTP/2 connection's client says first (section 3.4).
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Frames other than DATA that are longer are passed over.
const FRAME_BYTES_MAX: usize = 64 << 10;
const HEADER_BYTES: usize = 9;

pub(super) const END_STREAM: u8 = 0x1;
pub(super) const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;

/// Kinds of frames that matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Data,
    Headers,
    Reset,
    Settings,
    PushPromise,
    Continuation,
    Other,
}

/// A frame's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) kind: Kind,
    pub(super) flags: u8,
    pub(super) stream: u32,
    bytes: usize,
}

/// Where one side stands.
#[derive(Default)]
pub(super) struct Frames {
    place: Place,
    held: Vec<u8>,
}

#[derive(Default)]
enum Place {
    /// Before the preface, of which so many bytes are there.
    Preface(usize),
    #[default]
    Header,
    Payload(Frame),
    /// In DATA: bytes of the body, then of the padding.
    Data {
        frame: Frame,
        left: usize,
        padding: usize,
    },
    Skip(usize),
}

/// What the next bytes are.
pub(super) enum Next<'a> {
    /// Nothing that can be told yet.
    Nothing,
    /// Bytes of a stream's body, the last ones of it if the frame says so.
    Data { stream: u32, bytes: &'a [u8], ends: bool },
    /// A whole frame, without its padding.
    Frame { frame: Frame, payload: Vec<u8> },
    /// It is not HTTP/2.
    Malformed,
}

impl Frames {
    /// Those of a client, which begins with the preface.
    pub(super) fn with_preface() -> Self {
        Self { place: Place::Preface(0), held: Vec::new() }
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.held.capacity()
    }

    /// Takes some of the next bytes; says how many.
    pub(super) fn next<'a>(&mut self, rest: &'a [u8]) -> (usize, Next<'a>) {
        match &mut self.place {
            Place::Preface(seen) => {
                let wanted = PREFACE.get(*seen..).unwrap_or_default();
                let bytes = wanted.len().min(rest.len());
                if rest.get(..bytes) != wanted.get(..bytes) {
                    return (0, Next::Malformed);
                }
                *seen += bytes;
                if *seen == PREFACE.len() {
                    self.place = Place::Header;
                }
                (bytes, Next::Nothing)
            }
            Place::Header => {
                let taken = self.hold(rest, HEADER_BYTES);
                let Some(frame) = Frame::read(&self.held) else { return (taken, Next::Nothing) };
                self.held.clear();
                self.place = match frame {
                    Frame { kind: Kind::Other, bytes, .. } => Place::Skip(bytes),
                    Frame { kind: Kind::Data, flags, bytes, .. } if flags & PADDED == 0 => {
                        return (taken, self.begin_data(frame, bytes, 0));
                    }
                    frame if frame.kind != Kind::Data && frame.bytes > FRAME_BYTES_MAX => {
                        return (taken, Next::Malformed);
                    }
                    frame => Place::Payload(frame),
                };
                (taken, Next::Nothing)
            }
            Place::Payload(frame) => {
                let frame = *frame;
                let wanted = if frame.kind == Kind::Data { 1 } else { frame.bytes };
                let taken = self.hold(rest, wanted);
                if self.held.len() < wanted {
                    return (taken, Next::Nothing);
                }
                let payload = std::mem::take(&mut self.held);
                self.place = Place::Header;
                if frame.kind != Kind::Data {
                    let Some(payload) = frame.without_padding(&payload) else { return (taken, Next::Malformed) };
                    return (taken, Next::Frame { frame, payload: payload.to_vec() });
                }
                let padding = usize::from(payload.first().copied().unwrap_or(0));
                match frame.bytes.checked_sub(padding + 1) {
                    Some(left) => (taken, self.begin_data(frame, left, padding)),
                    None => (taken, Next::Malformed),
                }
            }
            Place::Data { frame, left, padding } => {
                let (frame, taken) = (*frame, (*left).min(rest.len()));
                *left -= taken;
                let is_last = *left == 0;
                if is_last {
                    self.place = Place::Skip(*padding);
                }
                let bytes = rest.get(..taken).unwrap_or_default();
                (taken, Next::Data { stream: frame.stream, bytes, ends: is_last && frame.flags & END_STREAM != 0 })
            }
            Place::Skip(left) => {
                let taken = (*left).min(rest.len());
                *left -= taken;
                if *left == 0 {
                    self.place = Place::Header;
                }
                (taken, Next::Nothing)
            }
        }
    }

    /// Bytes are missing. If they were all of one body, says of which stream, and whether they ended it.
    pub(super) fn gap(&mut self, bytes: u64) -> Option<Option<(u32, bool)>> {
        let bytes = usize::try_from(bytes).ok()?;
        match &mut self.place {
            Place::Data { frame, left, padding } if *left >= bytes => {
                *left -= bytes;
                let (frame, is_last) = (*frame, *left == 0);
                if is_last {
                    self.place = Place::Skip(*padding);
                }
                Some(Some((frame.stream, is_last && frame.flags & END_STREAM != 0)))
            }
            Place::Skip(left) if *left >= bytes => {
                *left -= bytes;
                if *left == 0 {
                    self.place = Place::Header;
                }
                Some(None)
            }
            _ => None,
        }
    }

    /// DATA of no bytes still may end a stream.
    fn begin_data(&mut self, frame: Frame, left: usize, padding: usize) -> Next<'static> {
        self.place = if left > 0 { Place::Data { frame, left, padding } } else { Place::Skip(padding) };
        match left == 0 && frame.flags & END_STREAM != 0 {
            true => Next::Data { stream: frame.stream, bytes: &[], ends: true },
            false => Next::Nothing,
        }
    }

    fn hold(&mut self, rest: &[u8], wanted: usize) -> usize {
        let taken = wanted.saturating_sub(self.held.len()).min(rest.len());
        self.held.extend_from_slice(rest.get(..taken).unwrap_or_default());
        taken
    }
}

impl Frame {
    fn read(header: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::new(header);
        let [high, middle, low] = cursor.array()?;
        let kind = match cursor.u8()? {
            0 => Kind::Data,
            1 => Kind::Headers,
            3 => Kind::Reset,
            4 => Kind::Settings,
            5 => Kind::PushPromise,
            9 => Kind::Continuation,
            _ => Kind::Other,
        };
        let flags = cursor.u8()?;
        let stream = cursor.u32()? & 0x7fff_ffff;
        let bytes = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
        Some(Self { kind, flags, stream, bytes })
    }

    /// HEADERS and PUSH_PROMISE can have padding, HEADERS a priority before their block.
    fn without_padding<'a>(&self, payload: &'a [u8]) -> Option<&'a [u8]> {
        if !matches!(self.kind, Kind::Headers | Kind::PushPromise) {
            return Some(payload);
        }
        let mut cursor = Cursor::new(payload);
        let padding = if self.flags & PADDED != 0 { usize::from(cursor.u8()?) } else { 0 };
        if self.kind == Kind::Headers && self.flags & PRIORITY != 0 {
            cursor.skip(5)?;
        }
        cursor.take(cursor.len().checked_sub(padding)?)
    }
}
