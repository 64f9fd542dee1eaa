//! Mails taken apart as they come (RFC 5322, RFC 2045, RFC 2046): the mail itself and each of its parts become files.

mod base64;
mod headers;
mod part;
mod quoted;
#[cfg(test)]
mod tests;
mod transfer;
mod uuencode;

pub(crate) use base64::Base64;
pub(crate) use headers::{Entity, tell};
pub(crate) use part::Part;
pub(crate) use transfer::Transfer;

use self::headers::Holds;
use crate::{At, Body, Ends, FileId, FileStart, Side, Sink};

/// Header fields of one mail or part that are read; what goes beyond is passed over.
const HEADER_BYTES_MAX: usize = 64 << 10;

/// Multiparts within one another; those within are one part.
const NESTED_MAX: usize = 32;

/// Mails within one another; those within are one part.
const DEPTH_MAX: u8 = 5;

/// A longer line is no boundary.
const BOUNDARY_LINE_BYTES_MAX: usize = 512;

/// A mail on its way, in pieces of any size, dots already undone.
#[derive(Debug)]
pub(crate) struct Message {
    file: FileId,
    start: FileStart,
    depth: u8,
    boundaries: Vec<Boundary>,
    stage: Stage,
    header: Header,
    /// A line that may be a boundary, as far as it has come.
    candidate: Vec<u8>,
    /// The end of the line before, which belongs to a boundary that follows (RFC 2046 5.1.1).
    held: &'static [u8],
    is_line_start: bool,
}

#[derive(Debug)]
struct Boundary {
    /// With its leading dashes.
    line: Vec<u8>,
    is_digest: bool,
}

#[derive(Debug)]
enum Stage {
    Header,
    Part(Box<Part>),
    Message(Transfer, Box<Message>),
    /// Before the first boundary, or after the last.
    Between,
}

/// A header block, as far as it has come.
#[derive(Debug, Default)]
struct Header {
    block: Vec<u8>,
    line_bytes: usize,
    is_cut: bool,
    /// Its end, and what follows, may have gone with what is missing.
    has_gap: bool,
}

impl Message {
    /// A mail that `sender` sends over `protocol`.
    pub(crate) fn begin(at: At, protocol: &'static str, sender: Side, sink: &mut dyn Sink) -> Self {
        let start = FileStart {
            protocol,
            mime: Some("message/rfc822".to_owned()),
            sender: Some(sender),
            ..FileStart::default()
        };
        Self::within(at, 0, start, sink)
    }

    fn within(at: At, depth: u8, start: FileStart, sink: &mut dyn Sink) -> Self {
        Self {
            file: sink.file_start(at, start.clone()),
            start,
            depth,
            boundaries: Vec::new(),
            stage: Stage::Header,
            header: Header::default(),
            candidate: Vec::new(),
            held: b"",
            is_line_start: true,
        }
    }

    /// The next bytes.
    pub(crate) fn data(&mut self, at: At, data: &[u8], sink: &mut dyn Sink) {
        if data.is_empty() {
            return;
        }
        sink.file_data(self.file, Body::Plain, data);
        for piece in data.split_inclusive(|&byte| byte == b'\n') {
            self.piece(at, piece, sink);
        }
    }

    /// So many bytes are missing.
    pub(crate) fn gap(&mut self, at: At, bytes: u64, sink: &mut dyn Sink) {
        sink.file_gap(self.file, Body::Plain, bytes);
        self.flush(at, sink);
        self.is_line_start = false;
        match &mut self.stage {
            Stage::Part(part) => part.gap(at, bytes, sink),
            Stage::Message(transfer, message) => {
                let mut plain = Vec::new();
                let missing = transfer.gap(bytes, &mut plain);
                message.data(at, &plain, sink);
                message.gap(at, missing, sink);
            }
            Stage::Header => {
                self.header.line_bytes += 1;
                self.header.has_gap = true;
            }
            Stage::Between => {}
        }
    }

    /// Bytes that it holds on to, about.
    pub(crate) fn held_bytes(&self) -> usize {
        let within = match &self.stage {
            Stage::Message(_, message) => message.held_bytes(),
            Stage::Part(_) => size_of::<Part>(),
            Stage::Header | Stage::Between => 0,
        };
        self.header.block.capacity() + self.boundaries.len() * BOUNDARY_LINE_BYTES_MAX + within
    }

    /// Nothing more comes.
    pub(crate) fn end(mut self, at: At, ends: Ends, sink: &mut dyn Sink) {
        let candidate = std::mem::take(&mut self.candidate);
        if !self.is_boundary(at, &candidate, sink) {
            self.content(at, &candidate, sink);
        }
        if matches!(self.stage, Stage::Header) && !self.header.block.is_empty() {
            self.header.block.extend_from_slice(b"\r\n\r\n");
            self.read_header(at, sink);
        }
        self.flush(at, sink);
        self.end_part(at, ends, sink);
        sink.file_end(self.file, ends);
    }

    /// A line, or a part of one; only its last byte can be a line feed.
    fn piece(&mut self, at: At, piece: &[u8], sink: &mut dyn Sink) {
        let is_end = piece.last() == Some(&b'\n');
        let is_candidate = !self.boundaries.is_empty() && (self.is_line_start || !self.candidate.is_empty());
        if !is_candidate || (self.candidate.is_empty() && !may_be_boundary(piece)) {
            self.content(at, piece, sink);
        } else {
            self.candidate.extend_from_slice(piece);
            if is_end || !may_be_boundary(&self.candidate) {
                let line = std::mem::take(&mut self.candidate);
                if !self.is_boundary(at, &line, sink) {
                    self.content(at, &line, sink);
                }
            }
        }
        self.is_line_start = is_end;
    }

    /// Whether a line is a boundary, innermost first; if it is, the part before it has ended.
    fn is_boundary(&mut self, at: At, line: &[u8], sink: &mut dyn Sink) -> bool {
        let line = line.trim_ascii_end();
        if !line.starts_with(b"--") {
            return false;
        }
        let closes = |boundary: &Boundary| line.strip_prefix(boundary.line.as_slice()) == Some(b"--");
        let found = self.boundaries.iter().rposition(|boundary| boundary.line == line || closes(boundary));
        let Some(level) = found else { return false };
        let is_close = self.boundaries.get(level).is_some_and(closes);
        self.held = b"";
        if matches!(self.stage, Stage::Header) {
            self.header = Header::default();
        }
        self.end_part(at, Ends::Whole, sink);
        self.boundaries.truncate(if is_close { level } else { level + 1 });
        self.stage = if is_close { Stage::Between } else { Stage::Header };
        true
    }

    /// Bytes that are no boundary.
    fn content(&mut self, at: At, bytes: &[u8], sink: &mut dyn Sink) {
        match &self.stage {
            Stage::Header => {
                if self.header.ends_with(bytes, at, sink) {
                    self.read_header(at, sink);
                }
            }
            Stage::Between => {}
            Stage::Part(_) | Stage::Message(..) if self.boundaries.is_empty() => self.body(at, bytes, sink),
            Stage::Part(_) | Stage::Message(..) => {
                if self.held == b"\r" && bytes == b"\n" {
                    self.held = b"\r\n";
                    return;
                }
                self.release(at, sink);
                let (text, end) = split_line_end(bytes);
                self.body(at, text, sink);
                self.held = end;
            }
        }
    }

    fn body(&mut self, at: At, bytes: &[u8], sink: &mut dyn Sink) {
        if bytes.is_empty() {
            return;
        }
        match &mut self.stage {
            Stage::Part(part) => part.data(at, bytes, sink),
            Stage::Message(transfer, message) if transfer.is_encoded() => {
                let mut plain = Vec::new();
                transfer.decode(bytes, &mut plain);
                message.data(at, &plain, sink);
            }
            Stage::Message(_, message) => message.data(at, bytes, sink),
            Stage::Header | Stage::Between => {}
        }
    }

    /// Hands on the end of the line before, since no boundary followed.
    fn release(&mut self, at: At, sink: &mut dyn Sink) {
        let held = std::mem::take(&mut self.held);
        self.body(at, held, sink);
    }

    fn flush(&mut self, at: At, sink: &mut dyn Sink) {
        let candidate = std::mem::take(&mut self.candidate);
        if !candidate.is_empty() {
            self.content(at, &candidate, sink);
        }
        self.release(at, sink);
    }

    fn read_header(&mut self, at: At, sink: &mut dyn Sink) {
        let header = std::mem::take(&mut self.header);
        if self.depth == 0 && self.boundaries.is_empty() {
            tell(&header.block, at, sink);
        }
        let is_digest = self.boundaries.last().is_some_and(|boundary| boundary.is_digest);
        let entity = Entity::read(&header.block, is_digest);
        let start = FileStart { name: entity.name, mime: Some(entity.mime), ..self.start.clone() };
        self.stage = match entity.holds {
            Holds::Parts { boundary, is_digest } if self.boundaries.len() < NESTED_MAX => {
                let line = [b"--", boundary.as_slice()].concat();
                self.boundaries.push(Boundary { line, is_digest });
                Stage::Between
            }
            Holds::Message if self.depth < DEPTH_MAX => {
                let message = Self::within(at, self.depth + 1, start, sink);
                Stage::Message(entity.transfer, Box::new(message))
            }
            Holds::Content => Stage::Part(Box::new(Part::new(entity.transfer, start, !header.has_gap))),
            Holds::Parts { .. } | Holds::Message => {
                sink.oddity(at, "a mail nested too deeply");
                Stage::Part(Box::new(Part::new(entity.transfer, start, !header.has_gap)))
            }
        };
    }

    fn end_part(&mut self, at: At, ends: Ends, sink: &mut dyn Sink) {
        match std::mem::replace(&mut self.stage, Stage::Between) {
            Stage::Part(part) => part.end(at, ends, sink),
            Stage::Message(mut transfer, mut message) => {
                let mut plain = Vec::new();
                transfer.finish(&mut plain);
                message.data(at, &plain, sink);
                message.end(at, ends, sink);
            }
            Stage::Header | Stage::Between => {}
        }
    }
}

impl Header {
    /// Takes a line, or a part of one; true when it was the empty line that ends the block.
    fn ends_with(&mut self, bytes: &[u8], at: At, sink: &mut dyn Sink) -> bool {
        let (text, end) = split_line_end(bytes);
        self.line_bytes += text.len();
        let is_last = end.ends_with(b"\n") && self.line_bytes == 0;
        if (!self.is_cut && self.block.len() + bytes.len() <= HEADER_BYTES_MAX) || is_last {
            self.block.extend_from_slice(bytes);
        } else if !self.is_cut {
            self.is_cut = true;
            self.block.extend_from_slice(b"\r\n");
            sink.oddity(at, "a mail with more than 64 KiB of header fields");
        }
        if end.ends_with(b"\n") {
            self.line_bytes = 0;
        }
        is_last
    }
}

fn may_be_boundary(line: &[u8]) -> bool {
    line.len() <= BOUNDARY_LINE_BYTES_MAX && (line.starts_with(b"--") || line == b"-")
}

fn split_line_end(bytes: &[u8]) -> (&[u8], &'static [u8]) {
    for end in [&b"\r\n"[..], b"\n", b"\r"] {
        if let Some(text) = bytes.strip_suffix(end) {
            return (text, end);
        }
    }
    (bytes, b"")
}
