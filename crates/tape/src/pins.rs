//! What ageing leaves alone for as long as a hold has not looked at it.

use std::collections::BTreeMap;

use packet::Timestamp;

use crate::ageing::{FLOWS_SHELF, KeptFile, SHELVES};

/// What a hold still has to look at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pin {
    /// By shelf: files with smaller numbers are done with.
    pub(crate) first: [u64; SHELVES],
    /// Only files with packets at or after this time.
    pub(crate) from: Option<Timestamp>,
    /// Only files with packets before this time.
    pub(crate) to: Option<Timestamp>,
}

/// The pins of all holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pins(BTreeMap<String, Pin>);

impl Pins {
    /// Sets or removes the pin of a hold.
    pub(crate) fn set(&mut self, hold: &str, pin: Option<Pin>) {
        match pin {
            Some(pin) => drop(self.0.insert(hold.to_owned(), pin)),
            None => drop(self.0.remove(hold)),
        }
    }

    /// Whether a file has to wait.
    pub(crate) fn hold(&self, shelf: usize, number: u64, file: &KeptFile) -> bool {
        self.0.values().any(|pin| pin.holds(shelf, number, file))
    }
}

impl Pin {
    fn holds(&self, shelf: usize, number: u64, file: &KeptFile) -> bool {
        let is_due = self.first.get(shelf).is_none_or(|first| number >= *first);
        // Of a flow file only the time of its writing may be known.
        let is_timeless = shelf == FLOWS_SHELF;
        let is_after = is_timeless || self.from.is_none_or(|from| file.last_time >= from);
        let is_before = is_timeless || self.to.is_none_or(|to| file.first_time < to);
        is_due && is_after && is_before
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Lane;

    #[test]
    fn files_wait_by_number_and_time() {
        let file = KeptFile {
            path: "x".into(),
            catalog: None,
            bytes: 1,
            first_time: Timestamp(100),
            last_time: Timestamp(200),
        };
        let shelf = Lane::Server as usize;
        let mut first = [0; SHELVES];
        first[shelf] = 5;
        let check = |from: Option<i64>, to: Option<i64>, shelf: usize, number: u64, expected: bool| {
            let mut pins = Pins::default();
            pins.set("h", Some(Pin { first, from: from.map(Timestamp), to: to.map(Timestamp) }));
            assert_eq!(pins.hold(shelf, number, &file), expected, "{from:?} {to:?} {shelf} {number}");
            pins.set("h", None);
            assert!(!pins.hold(shelf, number, &file));
        };
        check(None, None, shelf, 5, true);
        check(None, None, shelf, 4, false);
        check(Some(200), None, shelf, 5, true);
        check(Some(201), None, shelf, 5, false);
        check(None, Some(100), shelf, 5, false);
        check(None, Some(101), shelf, 5, true);
        check(Some(201), Some(100), FLOWS_SHELF, 1, true);
    }
}
