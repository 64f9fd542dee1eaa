//! Indicators in payload, wherever they stand in it.

use std::collections::HashMap;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use packet::decode::Transport;
use packet::{Headers, Packet};

use super::{Kind, Watchlist};
use crate::investigation::captured;
use crate::{At, FileId};

/// Sides of flows, and files, whose last bytes are remembered; beyond, all are forgotten.
const TAILS_MAX: usize = 1 << 16;
/// Bytes that are remembered of each: what a name, an address or a hash may have begun with.
const TAIL_BYTES: usize = 255;

/// Looks for indicators in payload, without regard to case, over the bounds of packets that follow one another.
pub struct Search {
    automaton: AhoCorasick,
    /// For each pattern, the indicator's place in its list, and what it is.
    patterns: Vec<(usize, Kind)>,
    tails: HashMap<(u64, bool), Tail>,
    files: HashMap<FileId, (At, Tail)>,
}

/// The end of what was said.
#[derive(Clone, Debug, Default)]
struct Tail {
    /// Sequence number of what follows it.
    next: u32,
    bytes: Vec<u8>,
}

impl Search {
    /// For everything in a list that can stand in payload: all but prefixes and fingerprints of what was said.
    ///
    /// `None` if there is nothing of that, or more than can be looked for.
    pub fn new(list: &Watchlist) -> Option<Self> {
        let mut patterns = Vec::new();
        let mut texts: Vec<&str> = Vec::new();
        for (place, one) in list.listed().iter().enumerate() {
            let indicator = &one.indicator;
            let is_said = !matches!(indicator.kind, Kind::Prefix | Kind::Ja3 | Kind::Ja4);
            if is_said && indicator.value.len() >= 4 {
                patterns.push((place, indicator.kind));
                texts.push(&indicator.value);
            }
        }
        if texts.is_empty() {
            return None;
        }
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(&texts)
            .ok()?;
        Some(Self { automaton, patterns, tails: HashMap::new(), files: HashMap::new() })
    }

    /// Looks into the payload of a packet; each place of the list that is found is told once.
    pub(super) fn payload(
        &mut self,
        flow: u64,
        from_client: bool,
        packet: &Packet<'_>,
        headers: &Headers,
        tell: &mut dyn FnMut(usize),
    ) {
        let data = captured(packet.data, headers);
        if data.is_empty() {
            return;
        }
        let is_udp = matches!(headers.transport, Transport::Udp);
        let sequence = match headers.transport {
            Transport::Tcp { seq, .. } => seq,
            _ => 0,
        };
        if self.tails.len() >= TAILS_MAX {
            self.tails.clear();
        }
        let tail = self.tails.entry((flow, from_client)).or_default();
        if is_udp || tail.next != sequence {
            tail.bytes.clear();
        }
        find(&self.automaton, &self.patterns, tail, data, tell);
        tail.next = sequence.wrapping_add(headers.payload_bytes);
    }

    pub(super) fn file_start(&mut self, file: FileId, at: At) {
        if self.files.len() >= TAILS_MAX {
            self.files.clear();
        }
        self.files.insert(file, (at, Tail::default()));
    }

    pub(super) fn file_data(&mut self, file: FileId, data: &[u8], tell: &mut dyn FnMut(At, usize)) {
        if let Some((at, tail)) = self.files.get_mut(&file) {
            find(&self.automaton, &self.patterns, tail, data, &mut |place| tell(*at, place));
        }
    }

    pub(super) fn file_break(&mut self, file: FileId) {
        if let Some((_, tail)) = self.files.get_mut(&file) {
            tail.bytes.clear();
        }
    }

    pub(super) fn file_end(&mut self, file: FileId) {
        self.files.remove(&file);
    }
}

/// Finds what ends in `data`, and remembers its end. What ended before it was told before.
fn find(
    automaton: &AhoCorasick,
    patterns: &[(usize, Kind)],
    tail: &mut Tail,
    data: &[u8],
    tell: &mut dyn FnMut(usize),
) {
    let before = tail.bytes.len();
    let whole: std::borrow::Cow<'_, [u8]> = match before {
        0 => data.into(),
        _ => [tail.bytes.as_slice(), data].concat().into(),
    };
    let mut told: Vec<usize> = Vec::new();
    for found in automaton.find_overlapping_iter(whole.as_ref()) {
        let Some((place, kind)) = patterns.get(found.pattern().as_usize()) else { continue };
        let stands_alone = is_bounded(&whole, found.start(), found.end(), *kind);
        if found.end() > before && stands_alone && !told.contains(place) {
            told.push(*place);
            tell(*place);
        }
    }
    let rest = whole.len().saturating_sub(TAIL_BYTES);
    tail.bytes = whole.get(rest..).unwrap_or_default().to_vec();
}

/// Whether a find is not a part of something longer: `1.2.3.4` in `11.2.3.45`.
fn is_bounded(data: &[u8], start: usize, end: usize, kind: Kind) -> bool {
    let before = start.checked_sub(1).and_then(|place| data.get(place)).copied();
    let (after, beyond) = (data.get(end).copied(), data.get(end + 1).copied());
    let is_word = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    match kind {
        Kind::Domain => {
            let goes_on = is_word(after) || after == Some(b'-') || (after == Some(b'.') && is_word(beyond));
            !is_word(before) && before != Some(b'-') && !goes_on
        }
        Kind::Address => {
            let goes_on = is_word(after) || (after == Some(b'.') && is_word(beyond));
            !is_word(before) && before != Some(b'.') && !goes_on
        }
        Kind::Url | Kind::UserAgent => true,
        _ => !is_word(before) && !is_word(after),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicators::read;

    #[test]
    fn only_what_stands_alone_is_found() {
        let list = Watchlist::new(read("evil.example\n203.0.113.7\nd41d8cd98f00b204e9800998ecf8427e\n").indicators);
        let search = Search::new(&list).unwrap();
        let check = |pieces: &[&str], expected: &[usize]| {
            let (mut tail, mut found) = (Tail::default(), Vec::new());
            for piece in pieces {
                find(&search.automaton, &search.patterns, &mut tail, piece.as_bytes(), &mut |place| found.push(place));
            }
            assert_eq!(found, expected, "{pieces:?}");
        };
        check(&["x http://www.EVIL.example/ y"], &[0]);
        check(&["notevil.example evil.example.org evil.examples"], &[]);
        check(&["ends with evil.example."], &[0]);
        check(&["http://ev", "il.exam", "ple/"], &[0]);
        check(&["1203.0.113.7 203.0.113.77 203.0.113.7.1"], &[]);
        check(&["ip=203.0.113.7:80"], &[1]);
        check(&["hash D41D8CD98F00B204E9800998ECF8427E, again d41d8cd98f00b204e9800998ecf8427e"], &[2]);
        check(&["evil.example", " evil.example"], &[0, 0]);
    }
}
