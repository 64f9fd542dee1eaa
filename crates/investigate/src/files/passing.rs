//! Hashes of files that come whole and in order, for whoever has no room for the others.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use crate::{Body, Ends, FileId, FileStart};

/// Files on their way at once.
const PASSING_MAX: usize = 4 << 10;

/// Hashes files as they pass, and keeps nothing of them: what comes out of order or not to its end has no hash, and of a
/// range it is that of the range.
///
/// What it is told is what a [`crate::Sink`] is told; [`Collector`](super::Collector) puts the others together too.
#[derive(Default)]
pub struct Passing {
    files: HashMap<FileId, File>,
    /// How many of them each flow has.
    flows: HashMap<u64, u32>,
}

/// A file that has passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// The flow that brought it.
    pub flow: u64,
    /// SHA-256 of it, and of what was transferred where that is something else.
    pub sha256: Vec<[u8; 32]>,
    /// Nothing of it was missing, nor of what was transferred.
    pub is_whole: bool,
}

struct File {
    flow: u64,
    /// The file; of a range there is none.
    plain: Option<Form>,
    /// What is transferred, where that is something else.
    wire: Option<Form>,
}

/// One form of a file's body.
struct Form {
    hasher: Sha256,
    bytes: u64,
    size: Option<u64>,
    is_broken: bool,
}

impl Passing {
    /// A file begins; false if it has no hash for sure.
    pub fn start(&mut self, file: FileId, flow: u64, start: &FileStart) -> bool {
        if self.files.len() >= PASSING_MAX || (start.offset > 0 && !start.is_piece) {
            return false;
        }
        let plain = (!start.is_piece).then(|| Form::new(start.size));
        let wire = (start.is_encoded || start.is_piece).then(|| Form::new(start.wire_size));
        self.files.insert(file, File { flow, plain, wire });
        *self.flows.entry(flow).or_default() += 1;
        true
    }

    /// The next bytes of a file.
    pub fn data(&mut self, file: FileId, body: Body, bytes: &[u8]) {
        if let Some(form) = self.form(file, body) {
            form.bytes += bytes.len() as u64;
            form.hasher.update(bytes);
        }
    }

    /// Bytes of a file are missing.
    pub fn gap(&mut self, file: FileId, body: Body) {
        if let Some(form) = self.form(file, body) {
            form.is_broken = true;
        }
    }

    /// The next bytes of a file stand at this offset of it.
    pub fn seek(&mut self, file: FileId, offset: u64) {
        if let Some(form) = self.form(file, Body::Plain) {
            form.is_broken |= offset != form.bytes;
        }
    }

    /// Nothing more comes of a file.
    pub fn end(&mut self, file: FileId, ends: Ends) -> Option<Passed> {
        let File { flow, plain, wire } = self.files.remove(&file)?;
        if let Some(count) = self.flows.get_mut(&flow) {
            *count -= 1;
            if *count == 0 {
                self.flows.remove(&flow);
            }
        }
        let is_encoded = wire.is_some();
        let to_its_end = ends == Ends::Whole;
        let plain = plain.and_then(|form| form.finish(|bytes, size| size.map_or(to_its_end, |size| bytes >= size)));
        let wire = wire.and_then(|form| form.finish(|bytes, size| to_its_end && size.is_none_or(|size| bytes >= size)));
        let is_whole = plain.is_some() && wire.is_some() == is_encoded;
        Some(Passed { flow, sha256: plain.into_iter().chain(wire).collect(), is_whole })
    }

    /// Whether a flow has a file on its way.
    pub fn is_in(&self, flow: u64) -> bool {
        self.flows.contains_key(&flow)
    }

    /// A flow has ended; true if it had a file on its way.
    pub fn end_flow(&mut self, flow: u64) -> bool {
        let is_in = self.flows.remove(&flow).is_some();
        if is_in {
            self.files.retain(|_, file| file.flow != flow);
        }
        is_in
    }

    fn form(&mut self, file: FileId, body: Body) -> Option<&mut Form> {
        let file = self.files.get_mut(&file)?;
        let form = match (body, &mut file.plain) {
            (Body::Plain, Some(plain)) => Some(plain),
            _ => file.wire.as_mut(),
        };
        form.filter(|form| !form.is_broken)
    }
}

impl Form {
    fn new(size: Option<u64>) -> Self {
        Self { hasher: Sha256::new(), bytes: 0, size, is_broken: false }
    }

    /// The hash, if what there is of it, in bytes, is all by what is known of its size.
    fn finish(self, is_all: impl Fn(u64, Option<u64>) -> bool) -> Option<[u8; 32]> {
        (!self.is_broken && is_all(self.bytes, self.size)).then(|| self.hasher.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::{Hashes, Hex};

    /// What passes of a file in these steps: its hashes, and whether it was whole.
    fn check(start: FileStart, steps: &[Step], ends: Ends, hashed: &[&[u8]], is_whole: bool) {
        let mut passing = Passing::default();
        assert!(passing.start(FileId(3), 7, &start) && passing.is_in(7));
        for step in steps {
            match *step {
                Step::Data(body, bytes) => passing.data(FileId(3), body, bytes),
                Step::Gap(body) => passing.gap(FileId(3), body),
                Step::Seek(offset) => passing.seek(FileId(3), offset),
            }
        }
        let passed = passing.end(FileId(3), ends).expect("it was on its way");
        let expected: Vec<[u8; 32]> = hashed.iter().map(|bytes| Hashes::of(bytes).sha256).collect();
        assert_eq!(passed, Passed { flow: 7, sha256: expected, is_whole }, "{start:?}");
        assert!(!passing.is_in(7) && !passing.end_flow(7));
    }

    enum Step {
        Data(Body, &'static [u8]),
        Gap(Body),
        Seek(u64),
    }

    #[test]
    fn only_what_is_whole_and_in_order_has_a_hash() {
        use Body::{Plain, Wire};
        use Step::{Data, Gap, Seek};
        let sized = |bytes| FileStart { size: Some(bytes), ..FileStart::default() };
        let range = FileStart { is_piece: true, offset: 5, size: Some(9), wire_size: Some(3), ..FileStart::default() };
        let encoded = || FileStart { is_encoded: true, wire_size: Some(2), ..FileStart::default() };
        check(FileStart::default(), &[Data(Plain, b"ab"), Data(Plain, b"c")], Ends::Whole, &[b"abc"], true);
        check(FileStart::default(), &[Data(Plain, b"abc")], Ends::CutOff, &[], false);
        check(sized(3), &[Data(Plain, b"a"), Seek(1), Data(Plain, b"bc")], Ends::CutOff, &[b"abc"], true);
        check(sized(4), &[Data(Plain, b"abc")], Ends::Whole, &[], false);
        check(sized(2), &[Data(Plain, b"a"), Gap(Plain), Data(Plain, b"bc")], Ends::Whole, &[], false);
        check(sized(2), &[Data(Plain, b"a"), Seek(2), Data(Plain, b"c")], Ends::Whole, &[], false);
        check(range, &[Data(Plain, b"abc")], Ends::Whole, &[b"abc"], false);
        check(encoded(), &[Data(Wire, b"xy"), Data(Plain, b"abc")], Ends::Whole, &[b"abc", b"xy"], true);
        check(encoded(), &[Data(Wire, b"xy"), Data(Plain, b"a"), Gap(Plain)], Ends::Whole, &[b"xy"], false);
    }

    #[test]
    fn later_parts_and_too_many_files_have_none() {
        let mut passing = Passing::default();
        let (whole, later) = (FileStart::default(), FileStart { offset: 1, ..FileStart::default() });
        assert!(!passing.start(FileId(0), 1, &later));
        for number in 0..PASSING_MAX as u64 {
            assert!(passing.start(FileId(number), number / 2, &whole));
        }
        assert!(!passing.start(FileId(u64::MAX), 1, &whole));
        assert!(passing.end_flow(1) && !passing.is_in(1) && passing.end(FileId(2), Ends::Whole).is_none());
        assert!(passing.start(FileId(u64::MAX), 1, &whole));
        let passed = passing.end(FileId(u64::MAX), Ends::Whole).expect("it was on its way");
        // sha256sum < /dev/null
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Hex(&passed.sha256[0]).to_string(), empty);
    }
}
