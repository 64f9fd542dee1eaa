//! A connection that carries nothing but a file, as another one announced (FTP's data connection).

use crate::protocols::{Parties, Protocol, Step};
use crate::sink::{Body, Expected, FileId, FileStart};
use crate::{At, Ends, Side, Sink};

/// All that one side says is the file.
pub(crate) struct Announced {
    parties: Parties,
    start: FileStart,
    sender: Option<Side>,
    file: Option<FileId>,
}

impl Announced {
    pub(crate) fn new(parties: &Parties) -> Self {
        Self { parties: *parties, start: FileStart::default(), sender: None, file: None }
    }

    /// The file, if this side sends it.
    fn file(&mut self, side: Side, at: At, sink: &mut dyn Sink) -> Option<FileId> {
        if *self.sender.get_or_insert(side) != side {
            return None;
        }
        let start = || FileStart { sender: Some(side), ..self.start.clone() };
        Some(*self.file.get_or_insert_with(|| sink.file_start(at, start())))
    }
}

impl Protocol for Announced {
    fn expected(&mut self, _at: At, expected: &Expected, _sink: &mut dyn Sink) {
        let named = self.parties.side_of(expected.address, expected.port);
        self.sender =
            expected.is_sender.and_then(|is_sender| named.map(|side| if is_sender { side } else { side.other() }));
        self.start = expected.file.clone();
    }

    fn data(&mut self, side: Side, at: At, data: &[u8], sink: &mut dyn Sink) -> Step {
        if let Some(file) = self.file(side, at, sink) {
            sink.file_data(file, Body::Plain, data);
        }
        Step::Go
    }

    fn gap(&mut self, side: Side, at: At, bytes: u64, sink: &mut dyn Sink) -> Step {
        if let Some(file) = self.file(side, at, sink) {
            sink.file_gap(file, Body::Plain, bytes);
        }
        Step::Go
    }

    fn end(&mut self, side: Side, at: At, ends: Ends, sink: &mut dyn Sink) {
        if self.sender == Some(side)
            && let Some(file) = self.file(side, at, sink)
        {
            sink.file_end(file, ends);
        }
    }
}
