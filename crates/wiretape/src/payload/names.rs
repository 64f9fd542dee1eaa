//! Names that addresses were known by.

use std::collections::{HashMap, VecDeque};

use packet::{Address, Timestamp};

/// Addresses whose names are remembered.
const ADDRESSES_MAX: usize = 1 << 16;
/// Names of one address: it can have another one later.
const NAMES_MAX: usize = 4;
const NAME_BYTES_MAX: usize = 255;

/// The names that answers gave, the address that has been known for the longest first.
#[derive(Default)]
pub(super) struct Names {
    by_address: HashMap<Address, VecDeque<(Timestamp, Box<str>)>>,
    order: VecDeque<Address>,
}

impl Names {
    /// Notes that a name was resolved to an address.
    pub(super) fn add(&mut self, address: Address, name: &str, time: Timestamp) {
        let name = name.get(..name.floor_char_boundary(NAME_BYTES_MAX)).unwrap_or_default();
        if !self.by_address.contains_key(&address) {
            if self.order.len() >= ADDRESSES_MAX
                && let Some(oldest) = self.order.pop_front()
            {
                self.by_address.remove(&oldest);
            }
            self.order.push_back(address);
        }
        let names = self.by_address.entry(address).or_default();
        if names.back().is_some_and(|(_, last)| **last == *name) {
            return;
        }
        if names.len() >= NAMES_MAX {
            names.pop_front();
        }
        names.push_back((time, name.into()));
    }

    /// The name that an address was resolved from last, at a time.
    pub(super) fn at(&self, address: Address, time: Timestamp) -> Option<&str> {
        let names = self.by_address.get(&address)?;
        names.iter().rev().find(|(since, _)| *since <= time).map(|(_, name)| &**name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_name_before_a_time_counts() {
        let (mut names, address) = (Names::default(), Address::v4([192, 0, 2, 1]));
        for (time, name) in [(10, "a.example"), (20, "b.example"), (30, "b.example"), (40, "a.example")] {
            names.add(address, name, Timestamp(time));
        }
        let check = |time, expected| assert_eq!(names.at(address, Timestamp(time)), expected, "{time}");
        check(9, None);
        check(10, Some("a.example"));
        check(39, Some("b.example"));
        check(99, Some("a.example"));
        assert_eq!(names.at(Address::v4([192, 0, 2, 2]), Timestamp(99)), None);
    }
}
