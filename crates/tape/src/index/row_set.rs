//! Sets of rows, or of flow files.

use std::ops::{BitAnd, BitAndAssign, BitOr, BitOrAssign, Sub};

use roaring::RoaringBitmap;

/// A set of row numbers within a flow file, or of places within a catalog.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RowSet(RoaringBitmap);

impl RowSet {
    /// All numbers below `end`.
    pub fn all(end: u32) -> Self {
        let mut set = Self::default();
        set.insert_run(0, end);
        set
    }

    /// How many there are.
    pub fn len(&self) -> u64 {
        self.0.len()
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it has a number.
    pub fn contains(&self, number: u32) -> bool {
        self.0.contains(number)
    }

    /// Adds a number.
    pub fn insert(&mut self, number: u32) {
        self.0.insert(number);
    }

    /// Adds the numbers from `first` on and below `end`.
    pub fn insert_run(&mut self, first: u32, end: u32) {
        if first + 1 == end {
            self.0.insert(first);
        } else {
            self.0.insert_range(first..end);
        }
    }

    /// The numbers, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter()
    }

    /// The numbers, ascending.
    pub fn to_vec(&self) -> Vec<u32> {
        self.iter().collect()
    }
}

impl FromIterator<u32> for RowSet {
    fn from_iter<I: IntoIterator<Item = u32>>(numbers: I) -> Self {
        Self(numbers.into_iter().collect())
    }
}

impl BitAnd for RowSet {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl BitOr for RowSet {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Those that the other set does not have.
impl Sub for RowSet {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl BitAndAssign<&Self> for RowSet {
    fn bitand_assign(&mut self, other: &Self) {
        self.0 &= &other.0;
    }
}

impl BitOrAssign<&Self> for RowSet {
    fn bitor_assign(&mut self, other: &Self) {
        self.0 |= &other.0;
    }
}
