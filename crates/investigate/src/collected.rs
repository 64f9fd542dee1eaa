//! A sink that keeps everything, for tests.

use packet::Address;

use crate::protocols::{Parties, Protocol, Step};
use crate::{At, Body, Ends, Expected, Field, FileId, FileStart, Side, Sink};

/// What was told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Collected {
    pub(crate) facts: Vec<(Field, String)>,
    pub(crate) files: Vec<CollectedFile>,
    pub(crate) expected: Vec<Expected>,
    pub(crate) resolved: Vec<(String, Address)>,
    pub(crate) oddities: Vec<&'static str>,
    pub(crate) turned: Option<u64>,
    pub(crate) is_lost: bool,
}

/// A file, with `?` where bytes are missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CollectedFile {
    pub(crate) start: FileStart,
    pub(crate) plain: Vec<u8>,
    pub(crate) wire: Vec<u8>,
    pub(crate) missing: u64,
    pub(crate) ends: Option<Ends>,
    at: u64,
}

/// One thing that happens to a protocol.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Said<'a> {
    Client(&'a [u8]),
    Server(&'a [u8]),
    Gap(Side, u64),
}

impl Collected {
    /// What a protocol tells of a conversation that ends on both sides.
    pub(crate) fn of(mut protocol: Box<dyn Protocol>, script: &[Said<'_>]) -> Self {
        let mut collected = Self::default();
        let at = At::default();
        for said in script {
            let step = match *said {
                Said::Client(data) => protocol.data(Side::Client, at, data, &mut collected),
                Said::Server(data) => protocol.data(Side::Server, at, data, &mut collected),
                Said::Gap(side, bytes) => protocol.gap(side, at, bytes, &mut collected),
            };
            match step {
                Step::Go => {}
                Step::Turns(_) => {
                    collected.turned = Some(0);
                    break;
                }
                Step::Done => break,
                Step::Lost => {
                    collected.is_lost = true;
                    break;
                }
            }
        }
        Side::BOTH.into_iter().for_each(|side| protocol.end(side, at, Ends::CutOff, &mut collected));
        collected
    }

    /// The same, for a stream that is cut at each byte into two pieces, and into single bytes: always the same.
    pub(crate) fn cut_everywhere(begin: fn(&Parties) -> Box<dyn Protocol>, script: &[Said<'_>]) -> Self {
        let whole = Self::of(begin(&Parties::default()), script);
        let bytes = |said: &Said<'_>| match said {
            Said::Client(data) | Said::Server(data) => data.len(),
            Said::Gap(..) => 0,
        };
        for (place, said) in script.iter().enumerate() {
            for cut in 1..bytes(said) {
                let (one, other) = match *said {
                    Said::Client(data) => (Said::Client(&data[..cut]), Said::Client(&data[cut..])),
                    Said::Server(data) => (Said::Server(&data[..cut]), Said::Server(&data[cut..])),
                    Said::Gap(..) => continue,
                };
                let mut pieces = script.to_vec();
                pieces.splice(place..=place, [one, other]);
                assert_eq!(Self::of(begin(&Parties::default()), &pieces), whole, "{said:?} cut at {cut}");
            }
        }
        let mut single = Vec::new();
        for said in script {
            match *said {
                Said::Client(data) => single.extend(data.chunks(1).map(Said::Client)),
                Said::Server(data) => single.extend(data.chunks(1).map(Said::Server)),
                Said::Gap(side, bytes) => single.push(Said::Gap(side, bytes)),
            }
        }
        assert_eq!(Self::of(begin(&Parties::default()), &single), whole, "in single bytes");
        whole
    }

    /// Takes each piece out of a file that the server sends, before the client sends one: the first is right where it is
    /// there, the second is whole.
    pub(crate) fn with_any_gap(
        begin: fn(&Parties) -> Box<dyn Protocol>,
        before: &[Said<'_>],
        (message, file): (&[u8], &[u8]),
        (next, next_file): (&[u8], &str),
    ) {
        let gaps = (0..message.len()).flat_map(|start| (start + 1..=message.len()).map(move |end| (start, end)));
        for (start, end) in gaps {
            let (Some(head), Some(tail)) = (message.get(..start), message.get(end..)) else { continue };
            let gap = Said::Gap(Side::Server, (end - start) as u64);
            let script = [before, &[Said::Server(head), gap, Said::Server(tail), Said::Client(next)]].concat();
            let collected = Self::of(begin(&Parties::default()), &script);
            for found in &collected.files {
                let right = if found.start.sender == Some(Side::Server) { file } else { next_file.as_bytes() };
                let is_right = found.plain.iter().zip(right).all(|(got, right)| got == right || *got == b'?');
                assert!(is_right, "{start}..{end}: {found:?}");
            }
            assert!(collected.named().iter().any(|(_, text)| text == next_file), "{start}..{end}");
        }
    }

    /// All that was told of a field.
    pub(crate) fn all(&self, field: Field) -> Vec<&str> {
        self.facts.iter().filter(|(of, _)| *of == field).map(|(_, text)| text.as_str()).collect()
    }

    /// Name and content of each file.
    pub(crate) fn named(&self) -> Vec<(&str, String)> {
        let name = |file: &CollectedFile| String::from_utf8_lossy(&file.plain).into_owned();
        self.files.iter().map(|file| (file.start.name.as_deref().unwrap_or(""), name(file))).collect()
    }

    fn file(&mut self, file: FileId) -> &mut CollectedFile {
        let file = &mut self.files[usize::try_from(file.0).unwrap()];
        assert_eq!(file.ends, None, "nothing comes after a file's end");
        file
    }
}

impl Sink for Collected {
    fn protocol(&mut self, _at: At, _name: &'static str) {}

    fn fact(&mut self, _at: At, field: Field, text: &str) {
        self.facts.push((field, text.to_owned()));
    }

    fn resolved(&mut self, _at: At, name: &str, address: Address) {
        self.resolved.push((name.to_owned(), address));
    }

    fn file_start(&mut self, _at: At, start: FileStart) -> FileId {
        let at = start.offset;
        self.files.push(CollectedFile { start, at, ..CollectedFile::default() });
        FileId(self.files.len() as u64 - 1)
    }

    fn file_data(&mut self, file: FileId, body: Body, bytes: &[u8]) {
        let file = self.file(file);
        match body {
            Body::Wire => file.wire.extend_from_slice(bytes),
            Body::Plain => {
                let (start, end) = (file.at as usize, file.at as usize + bytes.len());
                if file.plain.len() < end {
                    file.plain.resize(end, b'?');
                }
                file.plain[start..end].copy_from_slice(bytes);
                file.at = end as u64;
            }
        }
    }

    fn file_gap(&mut self, file: FileId, body: Body, bytes: u64) {
        if body == Body::Wire {
            return;
        }
        let file = self.file(file);
        file.at = file.at.saturating_add(bytes);
        file.missing = file.missing.saturating_add(bytes);
    }

    fn file_seek(&mut self, file: FileId, offset: u64) {
        self.file(file).at = offset;
    }

    fn file_end(&mut self, file: FileId, ends: Ends) {
        self.file(file).ends = Some(ends);
    }

    fn expect(&mut self, _at: At, expected: Expected) {
        self.expected.push(expected);
    }

    fn oddity(&mut self, _at: At, what: &'static str) {
        self.oddities.push(what);
    }
}
