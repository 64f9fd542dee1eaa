//! Points in time.

/// Nanoseconds since 1970-01-01T00:00:00 UTC, leap seconds not counted; reaches from 1677 to 2262.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The earliest time that can be told.
    pub const MIN: Self = Self(i64::MIN);
    /// The latest time that can be told.
    pub const MAX: Self = Self(i64::MAX);

    /// From whole seconds and nanoseconds; out of range becomes the nearest end.
    #[inline]
    pub fn from_seconds(seconds: i64, nanoseconds: u32) -> Self {
        Self(seconds.saturating_mul(1_000_000_000).saturating_add(i64::from(nanoseconds)))
    }

    /// Nanoseconds since the epoch.
    #[inline]
    pub fn nanoseconds(self) -> i64 {
        self.0
    }

    /// Nanoseconds from `earlier` to this time, negative if it is later.
    #[inline]
    pub fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}
