//! Files put together from what is told of them.

use proptest::prelude::*;

use super::*;
use crate::{At, Body, Ends, FileId, FileStart};

const TEXT: &[u8] = b"0123456789";

fn at(flow: u64) -> At {
    At { flow, ..At::default() }
}

fn range(offset: u64, joins: &str) -> FileStart {
    FileStart {
        offset,
        size: Some(TEXT.len() as u64),
        joins: Some(joins.to_owned()),
        is_piece: true,
        ..FileStart::default()
    }
}

/// Tells of one transfer, whole.
fn tell(collector: &mut Collector, file: u64, start: FileStart, bytes: &[u8]) {
    collector.start(FileId(file), at(file), start);
    collector.data(FileId(file), Body::Plain, bytes);
    collector.end(FileId(file), Ends::Whole);
}

fn finished(mut collector: Collector) -> Vec<FoundFile> {
    collector.finish();
    collector.take_found()
}

#[test]
fn ranges_in_any_order_are_one_file() {
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [1, 0, 2]] {
        let mut collector = Collector::new(NoStore);
        for (file, place) in order.into_iter().enumerate() {
            let (from, to) = [(0, 4), (4, 7), (7, 10)][place];
            tell(&mut collector, file as u64, range(from as u64, "url"), &TEXT[from..to]);
        }
        let found = finished(collector);
        let (pieces, wholes): (Vec<_>, Vec<_>) = found.iter().partition(|file| file.is_piece);
        assert_eq!((pieces.len(), wholes.len()), (3, 1), "{order:?}");
        assert_eq!((wholes[0].hashes, wholes[0].pieces, wholes[0].wire), (Some(Hashes::of(TEXT)), 3, None));
        let wire = pieces.iter().map(|piece| piece.wire.and_then(|wire| wire.hashes));
        let expected = order.map(|place| Some(Hashes::of([&TEXT[0..4], &TEXT[4..7], &TEXT[7..10]][place])));
        assert!(wire.eq(expected), "{order:?}");
    }
}

#[test]
fn a_single_range_is_told_once() {
    let mut collector = Collector::new(NoStore);
    tell(&mut collector, 1, range(3, "url"), &TEXT[3..5]);
    let found = finished(collector);
    let [file] = found.as_slice() else { panic!("{found:?}") };
    assert!(file.is_piece && file.hashes.is_none() && file.content.is_some());
    assert_eq!(file.wire.and_then(|wire| wire.hashes), Some(Hashes::of(&TEXT[3..5])));
    let missing = [Missing { offset: 0, bytes: Some(3) }, Missing { offset: 5, bytes: Some(5) }];
    assert_eq!((file.missing.as_slice(), file.there), (&missing[..], 2));
}

#[test]
fn a_download_that_broke_off_is_taken_up() {
    let whole = || FileStart { is_piece: false, ..range(0, "url") };
    let mut collector = Collector::new(NoStore);
    collector.start(FileId(1), at(1), whole());
    collector.data(FileId(1), Body::Plain, &TEXT[..6]);
    collector.end(FileId(1), Ends::CutOff);
    tell(&mut collector, 2, range(6, "url"), &TEXT[6..]);
    let found = finished(collector);
    let whole = found.iter().find(|file| !file.is_piece).expect("the whole");
    assert_eq!((whole.hashes, whole.flow, whole.pieces), (Some(Hashes::of(TEXT)), 1, 2));
}

#[test]
fn each_whole_download_is_one_of_its_own() {
    let whole = || FileStart { is_piece: false, ..range(0, "url") };
    let mut collector = Collector::new(NoStore);
    tell(&mut collector, 1, whole(), TEXT);
    collector.start(FileId(2), at(2), whole());
    collector.start(FileId(3), at(3), whole());
    for piece in TEXT.chunks(3) {
        collector.data(FileId(2), Body::Plain, piece);
        collector.data(FileId(3), Body::Plain, piece);
    }
    collector.end(FileId(3), Ends::Whole);
    collector.end(FileId(2), Ends::Whole);
    let found = finished(collector);
    assert_eq!(found.iter().map(|file| file.flow).collect::<Vec<_>>(), [1, 3, 2]);
    assert!(found.iter().all(|file| file.hashes == Some(Hashes::of(TEXT)) && file.wire.is_none()));
}

#[test]
fn blocks_may_come_in_any_order() {
    let mut collector = Collector::new(NoStore);
    collector.start(FileId(1), at(1), FileStart { size: Some(10), ..FileStart::default() });
    for from in [5, 0, 5] {
        collector.seek(FileId(1), from);
        collector.data(FileId(1), Body::Plain, &TEXT[from as usize..from as usize + 5]);
    }
    collector.end(FileId(1), Ends::CutOff);
    let found = finished(collector);
    assert_eq!((found[0].hashes, found[0].is_complete()), (Some(Hashes::of(TEXT)), true));
}

#[test]
fn both_forms_are_hashed() {
    let mut collector = Collector::new(NoStore);
    collector.start(FileId(1), at(1), FileStart { is_encoded: true, ..FileStart::default() });
    collector.data(FileId(1), Body::Wire, b"MDEyMw==");
    collector.data(FileId(1), Body::Plain, b"0123");
    collector.end(FileId(1), Ends::Whole);
    let found = finished(collector);
    assert_eq!(found[0].hashes, Some(Hashes::of(b"0123")));
    assert_eq!(found[0].wire.and_then(|wire| wire.hashes), Some(Hashes::of(b"MDEyMw==")));
    assert_eq!(found[0].size, Some(4));
}

#[test]
fn what_is_missing_has_no_hash() {
    let mut collector = Collector::new(NoStore);
    collector.start(FileId(1), at(1), FileStart::default());
    collector.data(FileId(1), Body::Plain, b"01");
    collector.gap(FileId(1), Body::Plain, 3);
    collector.data(FileId(1), Body::Plain, b"56");
    collector.end(FileId(1), Ends::Whole);
    collector.start(FileId(2), at(2), FileStart { size: Some(100), ..FileStart::default() });
    collector.data(FileId(2), Body::Plain, b"head");
    collector.end(FileId(2), Ends::CutOff);
    collector.start(FileId(3), at(3), FileStart::default());
    collector.data(FileId(3), Body::Plain, b"x");
    let found = finished(collector);
    assert!(found.iter().all(|file| file.hashes.is_none() && !file.is_complete()));
    assert_eq!((found[0].size, found[0].missing.as_slice()), (Some(7), &[Missing { offset: 2, bytes: Some(3) }][..]));
    assert!(!found[0].is_head_only() && found[1].is_head_only());
    assert_eq!(found[2].missing, [Missing { offset: 1, bytes: None }]);
}

/// What there is of a file of its own, told in any way: never a hash of what is not there.
fn check_anything(told: &[(u8, u64, u8)]) {
    let mut collector = Collector::new(NoStore);
    for (kind, file, value) in told {
        let id = FileId(*file);
        let body = if value & 1 == 0 { Body::Plain } else { Body::Wire };
        match kind % 8 {
            0 | 1 => {
                let joins = (value & 4 != 0).then(|| "one".to_owned());
                let (is_encoded, is_piece, size) = (value & 8 != 0, value & 16 != 0, (value & 32 != 0).then_some(200));
                let offset = u64::from(value & 64);
                collector.start(
                    id,
                    at(*file),
                    FileStart { joins, is_encoded, is_piece, size, offset, ..FileStart::default() },
                );
            }
            2 | 3 => collector.data(id, body, &vec![*value; usize::from(*value)]),
            4 => collector.gap(id, body, u64::from(*value)),
            5 => collector.gap(id, body, u64::MAX),
            6 => collector.seek(id, u64::from(*value)),
            _ => collector.end(id, if value & 2 == 0 { Ends::Whole } else { Ends::CutOff }),
        }
    }
    for file in finished(collector) {
        if file.is_piece {
            assert_eq!(file.hashes, None, "{file:?}");
            continue;
        }
        assert_eq!(file.hashes.is_some() || file.is_unhashed, file.is_complete(), "{file:?}");
        assert!(!file.is_complete() || file.size == Some(file.there), "{file:?}");
    }
}

proptest! {
    #[test]
    fn anything_can_be_told(told in proptest::collection::vec((any::<u8>(), 0u64..4, any::<u8>()), 0..60)) {
        check_anything(&told);
    }
}
