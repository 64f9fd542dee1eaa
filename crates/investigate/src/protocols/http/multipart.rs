//! Bodies of several parts, taken apart as they pass (RFC 2046, section 5.1): forms with files, ranges of a file.

use memchr::memmem;

use super::disposition::{filename, parameter};
use super::message::Range;
use super::{Headers, content_type};
use crate::{At, Body as Form, Ends, FileId, FileStart, Sink};

/// Parts that become files.
const PARTS_MAX: u32 = 1000;
/// Headers of a part.
const HEADER_BYTES_MAX: usize = 16 << 10;
/// What a boundary line may have behind the boundary.
const PADDING_BYTES_MAX: usize = 1024;

/// A body of several parts.
pub(super) struct Multipart {
    /// A line end, two dashes, the boundary.
    delimiter: Vec<u8>,
    /// What parts have in common.
    common: FileStart,
    state: State,
    /// What could not be understood yet.
    held: Vec<u8>,
    parts: u32,
}

enum State {
    /// Before the first boundary.
    Preamble,
    /// Behind a boundary, on its line.
    Line,
    Header,
    /// In a part, which becomes a file with its first byte.
    Awaited(Box<FileStart>),
    /// A file, and what is to come of it where its headers tell that.
    Part(FileId, Option<u64>),
    Done,
}

impl Multipart {
    /// Takes what belongs to the parts of it from the body as a whole.
    pub(super) fn new(boundary: &str, whole: &mut FileStart) -> Self {
        let is_ranges = whole.mime.as_deref() == Some("multipart/byteranges");
        let common = FileStart {
            protocol: whole.protocol,
            name: whole.name.clone().filter(|_| is_ranges),
            sender: whole.sender,
            joins: whole.joins.take(),
            ..FileStart::default()
        };
        let delimiter = [b"\n--", boundary.as_bytes()].concat();
        // The first boundary may stand at the very start, where no line ends.
        Self { delimiter, common, state: State::Preamble, held: vec![b'\n'], parts: 0 }
    }

    pub(super) fn data(&mut self, at: At, bytes: &[u8], sink: &mut dyn Sink) {
        if matches!(self.state, State::Done) {
            return;
        }
        if self.held.is_empty() {
            return self.work(at, bytes, sink);
        }
        let mut held = std::mem::take(&mut self.held);
        held.extend_from_slice(bytes);
        self.work(at, &held, sink);
    }

    pub(super) fn gap(&mut self, at: At, bytes: u64, sink: &mut dyn Sink) {
        let held = std::mem::take(&mut self.held);
        self.content(at, &held, sink);
        self.begin(at, sink);
        match self.state {
            // It reaches into other parts.
            State::Part(file, Some(left)) if bytes > left => {
                sink.file_gap(file, Form::Plain, left);
                sink.file_end(file, Ends::CutOff);
                self.state = State::Preamble;
            }
            State::Part(file, left) => {
                sink.file_gap(file, Form::Plain, bytes);
                self.state = State::Part(file, left.map(|left| left.saturating_sub(bytes)));
            }
            State::Done | State::Preamble | State::Awaited(_) => {}
            State::Line | State::Header => self.state = State::Preamble,
        }
    }

    pub(super) fn end(&mut self, sink: &mut dyn Sink) {
        if let State::Part(file, _) = std::mem::replace(&mut self.state, State::Done) {
            sink.file_end(file, Ends::CutOff);
        }
    }

    fn work(&mut self, at: At, mut rest: &[u8], sink: &mut dyn Sink) {
        loop {
            let taken = match self.state {
                State::Done => return,
                State::Preamble | State::Awaited(_) | State::Part(..) => self.until_boundary(at, rest, sink),
                State::Line => self.line(rest),
                State::Header => self.header(at, rest, sink),
            };
            match taken.and_then(|taken| rest.get(taken..)) {
                Some(behind) => rest = behind,
                None => return,
            }
        }
    }

    /// What stands before the next boundary; if there is none, what could begin one is held.
    fn until_boundary(&mut self, at: At, rest: &[u8], sink: &mut dyn Sink) -> Option<usize> {
        let Some(found) = memmem::find(rest, &self.delimiter) else {
            let (content, held) = rest.split_at(rest.len() - self.possible_delimiter_bytes(rest));
            self.content(at, content, sink);
            self.held = held.to_vec();
            return None;
        };
        let content = rest.get(..found).unwrap_or_default();
        self.content(at, content.strip_suffix(b"\r").unwrap_or(content), sink);
        if let State::Part(file, left) = std::mem::replace(&mut self.state, State::Line) {
            sink.file_end(file, if left.unwrap_or(0) == 0 { Ends::Whole } else { Ends::CutOff });
        }
        Some(found + self.delimiter.len())
    }

    fn line(&mut self, rest: &[u8]) -> Option<usize> {
        if rest.starts_with(b"--") {
            self.state = State::Done;
            return None;
        }
        match memchr::memchr(b'\n', rest) {
            Some(end) => {
                self.state = State::Header;
                Some(end + 1)
            }
            None if rest.len() > PADDING_BYTES_MAX => {
                self.state = State::Done;
                None
            }
            None => {
                self.held = rest.to_vec();
                None
            }
        }
    }

    fn header(&mut self, at: At, rest: &[u8], sink: &mut dyn Sink) -> Option<usize> {
        let Some(bytes) = header_bytes(rest) else {
            if rest.len() > HEADER_BYTES_MAX {
                sink.oddity(at, "endless headers of a part");
                self.state = State::Done;
            } else {
                self.held = rest.to_vec();
            }
            return None;
        };
        self.parts += 1;
        if self.parts > PARTS_MAX {
            sink.oddity(at, "too many parts in a body");
            self.state = State::Done;
            return None;
        }
        let headers = Headers::of_lines(rest.get(..bytes).unwrap_or_default());
        self.state = State::Awaited(Box::new(self.start(&headers)));
        Some(bytes)
    }

    fn start(&self, headers: &Headers<'_>) -> FileStart {
        let mut start = self.common.clone();
        if let Some(disposition) = headers.text("content-disposition") {
            start.name = filename(&disposition).or_else(|| parameter(&disposition, "name")).or(start.name);
        }
        start.mime = headers.text("content-type").map(|value| content_type(&value).0);
        match headers.text("content-range").and_then(|value| Range::of(&value)) {
            Some(range) => range.apply(&mut start),
            None => start.joins = None,
        }
        start
    }

    fn content(&mut self, at: At, bytes: &[u8], sink: &mut dyn Sink) {
        if bytes.is_empty() {
            return;
        }
        self.begin(at, sink);
        if let State::Part(file, left) = &mut self.state {
            sink.file_data(*file, Form::Plain, bytes);
            *left = left.map(|left| left.saturating_sub(bytes.len() as u64));
        }
    }

    /// A part that was awaited is there.
    fn begin(&mut self, at: At, sink: &mut dyn Sink) {
        if let State::Awaited(start) = &mut self.state {
            let start = std::mem::take(&mut **start);
            let bytes = start.wire_size.or(start.size);
            self.state = State::Part(sink.file_start(at, start), bytes);
        }
    }

    /// How many of the last bytes could be the start of a line end and a boundary.
    fn possible_delimiter_bytes(&self, rest: &[u8]) -> usize {
        let tail = rest.get(rest.len().saturating_sub(self.delimiter.len())..).unwrap_or(rest);
        let begins = |start: &usize| tail.get(*start..).is_some_and(|tail| self.delimiter.starts_with(tail));
        let line_ends = memchr::memchr_iter(b'\n', tail);
        let start = line_ends.into_iter().find(begins).unwrap_or(tail.len());
        let with_return = rest.len() - (tail.len() - start);
        let has_return = rest.get(..with_return).is_some_and(|before| before.ends_with(b"\r"));
        tail.len() - start + usize::from(has_return)
    }
}

/// The length of headers with the empty line behind them.
fn header_bytes(rest: &[u8]) -> Option<usize> {
    let empty = [&b"\r\n"[..], b"\n"].into_iter().find(|line| rest.starts_with(line)).map(<[u8]>::len);
    empty.or_else(|| super::headers::end_of_lines(rest))
}
