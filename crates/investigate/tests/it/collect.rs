//! A sink that keeps what it is told.

use investigate::{At, Body, Ends, Expected, Field, FileId, FileStart, Sink};
use packet::Address;

/// Everything that was found, in the order in which it was.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    pub(crate) protocols: Vec<(At, &'static str)>,
    pub(crate) facts: Vec<(At, Field, String)>,
    pub(crate) resolved: Vec<(At, String, Address)>,
    pub(crate) files: Vec<File>,
    pub(crate) expected: Vec<(At, Expected)>,
    pub(crate) oddities: Vec<(At, &'static str)>,
}

/// A file as it was told.
#[derive(Debug, Default)]
pub(crate) struct File {
    pub(crate) at: At,
    pub(crate) start: FileStart,
    /// Pieces of the plain body, with where each begins.
    pub(crate) plain: Vec<(u64, Vec<u8>)>,
    pub(crate) wire: Vec<u8>,
    pub(crate) gap_bytes: u64,
    pub(crate) ends: Option<Ends>,
    position: u64,
}

impl Collected {
    /// What was told of a field, in order.
    pub(crate) fn texts(&self, field: Field) -> Vec<&str> {
        self.facts.iter().filter(|(_, of, _)| *of == field).map(|(_, _, text)| text.as_str()).collect()
    }

    fn file(&mut self, file: FileId) -> &mut File {
        let file = &mut self.files[usize::try_from(file.0).expect("a file that was started")];
        assert_eq!(file.ends, None, "told of a file that has ended: {file:?}");
        file
    }
}

impl File {
    /// The plain body, without its gaps.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.plain.iter().flat_map(|(_, bytes)| bytes.iter().copied()).collect()
    }
}

impl Sink for Collected {
    fn protocol(&mut self, at: At, name: &'static str) {
        self.protocols.push((at, name));
    }

    fn fact(&mut self, at: At, field: Field, text: &str) {
        self.facts.push((at, field, text.to_owned()));
    }

    fn resolved(&mut self, at: At, name: &str, address: Address) {
        self.resolved.push((at, name.to_owned(), address));
    }

    fn file_start(&mut self, at: At, start: FileStart) -> FileId {
        let position = start.offset;
        self.files.push(File { at, start, position, ..File::default() });
        FileId(self.files.len() as u64 - 1)
    }

    fn file_data(&mut self, file: FileId, body: Body, bytes: &[u8]) {
        let file = self.file(file);
        match body {
            Body::Wire => file.wire.extend_from_slice(bytes),
            Body::Plain => {
                file.plain.push((file.position, bytes.to_owned()));
                file.position += bytes.len() as u64;
            }
        }
    }

    fn file_gap(&mut self, file: FileId, body: Body, bytes: u64) {
        let file = self.file(file);
        file.gap_bytes = file.gap_bytes.saturating_add(bytes);
        if body == Body::Plain {
            file.position = file.position.saturating_add(bytes);
        }
    }

    fn file_seek(&mut self, file: FileId, offset: u64) {
        self.file(file).position = offset;
    }

    fn file_end(&mut self, file: FileId, ends: Ends) {
        self.file(file).ends = Some(ends);
    }

    fn expect(&mut self, at: At, expected: Expected) {
        self.expected.push((at, expected));
    }

    fn oddity(&mut self, at: At, what: &'static str) {
        self.oddities.push((at, what));
    }
}
