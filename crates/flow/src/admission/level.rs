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
/// How much milder a source has to be before its level is: levels do not flap.
const HYSTERESIS: f64 = 1.5;

impl Level {
    /// Every level, mildest first.
    pub const ALL: [Self; 4] = [Self::Whole, Self::Start, Self::Headers, Self::Junk];

    /// For a source that may have this part of what it sends: each level is a quarter of the one before.
    pub(super) fn of(part: f64) -> Self {
        match part {
            part if part >= 1.0 => Self::Whole,
            part if part >= 1.0 / 4.0 => Self::Start,
            part if part >= 1.0 / 16.0 => Self::Headers,
            _ => Self::Junk,
        }
    }

    /// The level after this one, now that the source may have this part.
    pub(super) fn next(self, part: f64) -> Self {
        let (strict, mild) = (Self::of(part), Self::of(part / HYSTERESIS));
        // A whole head is given back without delay: it takes from nobody.
        if strict >= self || strict == Self::Whole { strict } else { self.min(mild) }
    }

    /// One step milder.
    pub(super) fn milder(self) -> Self {
        match self {
            Self::Junk => Self::Headers,
            Self::Headers => Self::Start,
            Self::Start | Self::Whole => Self::Whole,
        }
    }

    pub(super) fn from_number(number: u8) -> Self {
        Self::ALL.get(usize::from(number)).copied().unwrap_or(Self::Junk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_quarters_and_do_not_flap() {
        for (part, expected) in
            [(2.0, Level::Whole), (0.99, Level::Start), (0.25, Level::Start), (0.2, Level::Headers), (0.0, Level::Junk)]
        {
            assert_eq!(Level::of(part), expected, "{part}");
        }
        for (level, part, expected) in [
            (Level::Whole, 0.3, Level::Start),
            (Level::Headers, 0.3, Level::Headers),
            (Level::Headers, 0.4, Level::Start),
            (Level::Junk, 1.0, Level::Whole),
            (Level::Junk, f64::INFINITY, Level::Whole),
        ] {
            assert_eq!(level.next(part), expected, "{level:?} {part}");
        }
    }
}
