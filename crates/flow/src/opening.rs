//! How conversations open: who spoke first, and how much, before the other side answered.

use crate::entry::{Entry, Tally};
use crate::history::Event;
use crate::tcp::Connection;

/// How a conversation opened. What is sent by one program opens alike, so a flood is told from what is usual of the
/// service that it floods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Opening(u8);

/// Openings at most.
pub(crate) const OPENINGS: usize = 16;
/// Of [`Connection::seen`], above the bits of the history.
const SHIFT: u32 = 28;
const SERVER_FIRST: u8 = 8;
/// Openings of fewer bytes, and of more, are not told apart, as powers of two.
const LEAST: u32 = 6;
const MOST: u32 = 12;

impl Opening {
    /// Nobody has spoken yet, or one side alone.
    pub const SILENT: Self = Self(0);

    /// One that was answered after so many bytes.
    pub(crate) fn answered(client_was_first: bool, bytes: u32) -> Self {
        let size = bytes.max(1).ilog2().clamp(LEAST, MOST) - LEAST + 1;
        Self(size as u8 | if client_was_first { 0 } else { SERVER_FIRST })
    }

    /// Its number, below 16.
    #[inline]
    pub(crate) fn number(self) -> usize {
        usize::from(self.0)
    }
}

impl Connection {
    /// How it opened.
    #[inline]
    pub(crate) fn opening(&self) -> Opening {
        Opening((self.seen >> SHIFT) as u8)
    }

    /// True if this end has sent data.
    #[inline]
    fn has_spoken(&self, is_client: bool) -> bool {
        self.seen & Event::Data.bit(is_client) != 0
    }

    fn set_opening(&mut self, opening: Opening) {
        self.seen |= u32::from(opening.0) << SHIFT;
    }
}

impl Entry {
    /// Takes note of who has spoken, after a packet was counted: true if with it the other side has answered.
    #[inline]
    pub(crate) fn opens(&mut self, from_client: bool) -> bool {
        let connection = &mut self.connection;
        if connection.opening() != Opening::SILENT || !connection.has_spoken(true) || !connection.has_spoken(false) {
            return false;
        }
        // Both have spoken, and before this packet one alone had.
        let Tally { bytes, .. } = &self.tally;
        connection.set_opening(Opening::answered(!from_client, bytes[usize::from(from_client)]));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openings_are_told_apart_by_powers_of_two() {
        for (client_was_first, bytes, expected) in
            [(true, 0, 1), (true, 127, 1), (true, 128, 2), (true, 700, 4), (true, 1 << 20, 7), (false, 40, 9)]
        {
            let opening = Opening::answered(client_was_first, bytes);
            assert_eq!(opening.number(), expected, "{client_was_first} {bytes}");
            assert!(opening.number() < OPENINGS);
        }
    }
}
