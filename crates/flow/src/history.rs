//! What happened in a connection, in Zeek's letters.

use std::fmt;

/// Zeek's `history` of a connection: letters in the order of their first appearance, upper case for the client.
///
/// `S` SYN, `H` SYN with ACK, `A` pure ACK, `D` data, `F` FIN, `R` RST, `I` FIN with RST, `Q` SYN with FIN or RST,
/// `T` retransmitted data and `W` zero window (again at the tenth and hundredth), `^` the first packet came from the
/// server (<https://docs.zeek.org/en/master/scripts/base/protocols/conn/main.zeek.html>). Checksum errors (`C`) and gaps
/// (`G`) are not looked for. Holds 25 letters of 5 bits; what follows them is dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct History {
    /// The first letter in the lowest bits; code 0 ends it.
    words: [u32; 4],
}

/// What a packet adds to a history; its number times two, plus one for the server, plus one is a letter's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Event {
    Syn,
    SynAck,
    Ack,
    Data,
    Fin,
    Reset,
    FinReset,
    MultipleFlags,
    Retransmission,
    ZeroWindow,
}

impl Event {
    /// Its bit in what [`History::once`] remembers.
    #[inline]
    pub(crate) fn bit(self, from_client: bool) -> u32 {
        1 << (code(self, from_client) - 1)
    }
}

const LETTERS: &[u8; 21] = b"SsHhAaDdFfRrIiQqTtWw^";
const LETTER_COUNT_MAX: u32 = 25;

impl History {
    /// From Zeek's letters; `None` if there is one that no history holds, or too many.
    pub fn parse(text: &str) -> Option<Self> {
        let mut history = Self::default();
        if text.len() > LETTER_COUNT_MAX as usize {
            return None;
        }
        for letter in text.bytes() {
            let number = LETTERS.iter().position(|known| *known == letter)?;
            history.push(number as u8 + 1);
        }
        Some(history)
    }

    /// True before any packet that has a letter.
    pub fn is_empty(&self) -> bool {
        self.bits() == 0
    }

    /// Adds an event that this side has not had before (`seen` remembers); a SYN and a SYN with ACK count as one.
    #[inline]
    pub(crate) fn once(&mut self, seen: &mut u32, event: Event, from_client: bool) {
        let kind = if event == Event::SynAck { Event::Syn } else { event };
        let bit = kind.bit(from_client);
        if *seen & bit == 0 {
            *seen |= bit;
            self.push(code(event, from_client));
        }
    }

    /// Adds an event at its first, tenth and hundredth time (`count` counts up to 255).
    pub(crate) fn scaled(&mut self, count: &mut u8, event: Event, from_client: bool) {
        *count = count.saturating_add(1);
        if matches!(*count, 1 | 10 | 100) {
            self.push(code(event, from_client));
        }
    }

    /// Notes that the first packet came from the server.
    pub(crate) fn flip(&mut self) {
        self.push(LETTERS.len() as u8);
    }

    pub(crate) fn to_words(self) -> [u32; 4] {
        self.words
    }

    pub(crate) fn from_words(words: [u32; 4]) -> Self {
        Self { words }
    }

    fn push(&mut self, code: u8) {
        let bits = self.bits();
        let length = (u128::BITS - bits.leading_zeros()).div_ceil(5);
        if length < LETTER_COUNT_MAX {
            let bits = bits | u128::from(code) << (5 * length);
            self.words = [0, 32, 64, 96].map(|shift| (bits >> shift) as u32);
        }
    }

    fn bits(&self) -> u128 {
        self.words.iter().rev().fold(0, |bits, word| bits << 32 | u128::from(*word))
    }
}

#[inline]
fn code(event: Event, from_client: bool) -> u8 {
    event as u8 * 2 + u8::from(!from_client) + 1
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bits = self.bits();
        while bits != 0 {
            let letter = (bits as usize & 0x1f).checked_sub(1).and_then(|number| LETTERS.get(number));
            f.write_str(char::from(*letter.unwrap_or(&b'?')).encode_utf8(&mut [0; 4]))?;
            bits >>= 5;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_survive() {
        for text in ["", "S", "^hA", "ShADadFfTtWwRrIiQq^", "ShADadFfTtWwRrIiQq^ShADad"] {
            assert_eq!(History::parse(text).expect("known letters").to_string(), text);
        }
        assert_eq!(History::parse("X"), None);
        assert_eq!(History::parse("ShADadFfTtWwRrIiQq^ShADadF"), None);
    }

    #[test]
    fn each_side_has_its_letters_once() {
        let (mut history, mut seen, mut count) = (History::default(), 0, 0);
        history.once(&mut seen, Event::Syn, true);
        history.once(&mut seen, Event::SynAck, false);
        history.once(&mut seen, Event::Ack, true);
        history.once(&mut seen, Event::SynAck, false);
        history.once(&mut seen, Event::Ack, false);
        (0..99).for_each(|_| history.scaled(&mut count, Event::Retransmission, true));
        assert_eq!(history.to_string(), "ShAaTT");
    }

    #[test]
    fn a_full_history_stays() {
        let mut history = History::default();
        (0..40).for_each(|_| history.flip());
        assert_eq!(history.to_string(), "^".repeat(25));
    }
}
