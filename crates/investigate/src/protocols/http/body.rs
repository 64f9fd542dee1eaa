//! A body on its way to a file: its encoding undone, its parts taken apart.

use super::multipart::Multipart;
use crate::encoding::{Decoding, Undecodable};
use crate::{At, Body as Form, Ends, FileId, FileStart, Sink};

/// The body of a message; without a byte there is no file.
pub(crate) struct Body {
    progress: Progress,
    decoding: Option<Decoding>,
    parts: Option<Multipart>,
}

enum Progress {
    Awaited(Box<FileStart>),
    Begun(FileId),
    Ended,
}

impl Body {
    /// A body that has not begun. `coding` is its list of content encodings, `boundary` that of a multipart type.
    pub(super) fn new(mut start: FileStart, coding: &str, boundary: Option<String>) -> Self {
        let parts = boundary.map(|boundary| Multipart::new(&boundary, &mut start));
        let decoding = Decoding::of(coding);
        Self { progress: Progress::Awaited(Box::new(start)), decoding, parts }
    }

    /// The next bytes, as they were transferred.
    pub(crate) fn data(&mut self, at: At, bytes: &[u8], sink: &mut dyn Sink) {
        let Some(file) = self.begin(at, bytes.first().copied(), sink) else { return };
        let Some(decoding) = &mut self.decoding else {
            sink.file_data(file, Form::Plain, bytes);
            if let Some(parts) = &mut self.parts {
                parts.data(at, bytes, sink);
            }
            return;
        };
        sink.file_data(file, Form::Wire, bytes);
        let parts = &mut self.parts;
        let decoded = decoding.decode(bytes, &mut |plain| {
            sink.file_data(file, Form::Plain, plain);
            if let Some(parts) = parts {
                parts.data(at, plain, sink);
            }
        });
        if let Err(trouble) = decoded {
            self.give_up(file, trouble, at, sink);
        }
    }

    /// Bytes that are missing.
    pub(crate) fn gap(&mut self, at: At, bytes: u64, sink: &mut dyn Sink) {
        let Some(file) = self.begin(at, None, sink).filter(|_| bytes > 0) else { return };
        let is_encoded = self.decoding.is_some();
        if is_encoded {
            sink.file_gap(file, Form::Wire, bytes);
        }
        sink.file_gap(file, Form::Plain, if is_encoded { u64::MAX } else { bytes });
        if let Some(decoding) = &mut self.decoding {
            decoding.stop();
        }
        if let Some(parts) = &mut self.parts {
            parts.gap(at, if is_encoded { u64::MAX } else { bytes }, sink);
        }
    }

    /// Nothing more comes.
    pub(crate) fn end(&mut self, at: At, ends: Ends, sink: &mut dyn Sink) {
        if let Some(parts) = &mut self.parts {
            parts.end(sink);
        }
        if let Progress::Begun(file) = std::mem::replace(&mut self.progress, Progress::Ended) {
            if ends == Ends::Whole && self.decoding.as_ref().is_some_and(Decoding::is_unfinished) {
                sink.oddity(at, "encoded body ends early");
            }
            sink.file_end(file, ends);
        }
    }

    fn begin(&mut self, at: At, first: Option<u8>, sink: &mut dyn Sink) -> Option<FileId> {
        match &mut self.progress {
            Progress::Begun(file) => Some(*file),
            Progress::Ended => None,
            Progress::Awaited(start) => {
                // Some servers name an encoding and send the body as it is.
                self.decoding.take_if(|decoding| first.is_some_and(|first| !decoding.can_begin_with(first)));
                let mut start = std::mem::take(&mut **start);
                start.is_encoded = self.decoding.is_some();
                if !start.is_encoded && !start.is_piece {
                    start.size = start.size.or(start.wire_size.take());
                }
                let file = sink.file_start(at, start);
                self.progress = Progress::Begun(file);
                Some(file)
            }
        }
    }

    fn give_up(&mut self, file: FileId, trouble: Undecodable, at: At, sink: &mut dyn Sink) {
        sink.oddity(at, trouble.words());
        sink.file_gap(file, Form::Plain, u64::MAX);
        if let Some(parts) = &mut self.parts {
            parts.gap(at, u64::MAX, sink);
        }
    }
}
