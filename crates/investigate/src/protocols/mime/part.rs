//! One part of a mail, on its way to become a file.

use super::transfer::Transfer;
use super::uuencode::{Uuencode, begin};
use crate::protocols::line::Lines;
use crate::{At, Body, Ends, FileId, FileStart, Sink};

/// A line `begin MODE NAME` is not longer.
const BEGIN_BYTES_MAX: usize = 300;

/// Decodes it and hands it on in both forms; a uuencoded file within a text is told beside it.
#[derive(Debug)]
pub(crate) struct Part {
    start: FileStart,
    transfer: Transfer,
    file: Option<FileId>,
    plain: Vec<u8>,
    uuencoded: Option<Uuencoded>,
    has_start: bool,
}

/// A search through a text for uuencoded files.
#[derive(Debug)]
struct Uuencoded {
    lines: Lines,
    current: Option<(FileId, Uuencode)>,
}

impl Part {
    /// A part that begins as `start` says, unless its start may be missing.
    pub(crate) fn new(transfer: Transfer, start: FileStart, has_start: bool) -> Self {
        let is_encoded = transfer.is_encoded();
        let is_text = start.mime.as_deref() == Some("text/plain") && !is_encoded;
        let uuencoded = is_text.then(|| Uuencoded { lines: Lines::new(BEGIN_BYTES_MAX), current: None });
        let start = FileStart { is_encoded, ..start };
        Self { start, transfer, file: None, plain: Vec::new(), uuencoded, has_start }
    }

    /// The next bytes, as they were transferred.
    pub(crate) fn data(&mut self, at: At, data: &[u8], sink: &mut dyn Sink) {
        let file = self.file(at, sink);
        if !self.transfer.is_encoded() {
            sink.file_data(file, Body::Plain, data);
            if let Some(uuencoded) = &mut self.uuencoded {
                uuencoded.data(at, data, &self.start, sink);
            }
            return;
        }
        sink.file_data(file, Body::Wire, data);
        self.transfer.decode(data, &mut self.plain);
        self.hand_on(file, sink);
    }

    /// Bytes are missing.
    pub(crate) fn gap(&mut self, at: At, bytes: u64, sink: &mut dyn Sink) {
        let file = self.file(at, sink);
        if self.transfer.is_encoded() {
            sink.file_gap(file, Body::Wire, bytes);
        }
        let missing = self.transfer.gap(bytes, &mut self.plain);
        self.hand_on(file, sink);
        sink.file_gap(file, Body::Plain, missing);
        if let Some(uuencoded) = &mut self.uuencoded {
            uuencoded.gap(bytes, sink);
        }
    }

    /// Nothing more comes. A part without content is no file, unless it has a name.
    pub(crate) fn end(mut self, at: At, ends: Ends, sink: &mut dyn Sink) {
        if self.file.is_none() && self.start.name.is_none() {
            return;
        }
        let file = self.file(at, sink);
        self.transfer.finish(&mut self.plain);
        self.hand_on(file, sink);
        sink.file_end(file, if self.has_start { ends } else { Ends::CutOff });
        if let Some((file, _)) = self.uuencoded.and_then(|uuencoded| uuencoded.current) {
            sink.file_end(file, Ends::CutOff);
        }
    }

    fn file(&mut self, at: At, sink: &mut dyn Sink) -> FileId {
        *self.file.get_or_insert_with(|| sink.file_start(at, self.start.clone()))
    }

    fn hand_on(&mut self, file: FileId, sink: &mut dyn Sink) {
        if !self.plain.is_empty() {
            sink.file_data(file, Body::Plain, &self.plain);
            self.plain.clear();
        }
    }
}

impl Uuencoded {
    fn data(&mut self, at: At, data: &[u8], text: &FileStart, sink: &mut dyn Sink) {
        let mut rest = data;
        while !rest.is_empty() {
            let (taken, line) = self.lines.take(rest);
            let (piece, after) = rest.split_at_checked(taken).unwrap_or((rest, &[]));
            rest = after;
            if let Some((file, decoder)) = &mut self.current {
                let mut plain = Vec::new();
                decoder.decode(piece, &mut plain);
                sink.file_data(*file, Body::Plain, &plain);
                if decoder.is_ended() {
                    sink.file_end(*file, Ends::Whole);
                    self.current = None;
                }
            } else if let Some(name) = line.and_then(begin) {
                let start = FileStart { name: Some(name), mime: None, ..text.clone() };
                self.current = Some((sink.file_start(at, start), Uuencode::begun()));
            }
        }
    }

    fn gap(&mut self, bytes: u64, sink: &mut dyn Sink) {
        self.lines.gap();
        if let Some((file, decoder)) = &mut self.current {
            sink.file_gap(*file, Body::Plain, decoder.gap(bytes));
        }
    }
}
