//! How much of a flow's head is kept.

/// What a judged source's flows keep of their heads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Level {
    /// All of it.
    #[default]
    Whole = 0,
    /// Its first 4 KiB.
    Start = 1,
    /// The headers of its packets.
    Headers = 2,
    /// Nothing: it is junk.
    Junk = 3,
}

/// Bytes of a head that [`Level::Start`] keeps.
pub(super) const START_BYTES: u32 = 4096;

impl Level {
    /// Every level, mildest first.
    pub const ALL: [Self; 4] = [Self::Whole, Self::Start, Self::Headers, Self::Junk];

    /// For who is so far above the usual, when so much is bearable: each level is twice the one before.
    pub(super) fn of(excess: f64, bearable: f64) -> Self {
        match excess {
            excess if excess <= bearable || excess <= 0.0 => Self::Whole,
            excess if excess <= 2.0 * bearable => Self::Start,
            excess if excess <= 4.0 * bearable => Self::Headers,
            _ => Self::Junk,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_level_is_twice_the_one_before() {
        for (excess, bearable, expected) in [
            (0.0, 0.0, Level::Whole),
            (-5.0, 0.0, Level::Whole),
            (1.0, 0.0, Level::Junk),
            (1e18, f64::INFINITY, Level::Whole),
            (100.0, 100.0, Level::Whole),
            (101.0, 100.0, Level::Start),
            (201.0, 100.0, Level::Headers),
            (401.0, 100.0, Level::Junk),
        ] {
            assert_eq!(Level::of(excess, bearable), expected, "{excess} {bearable}");
        }
    }
}
