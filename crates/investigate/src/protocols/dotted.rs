//! Text that ends with a line that is a dot, where a dot at the start of a line is doubled (RFC 5321 4.5.2, RFC 1939 3).

/// Takes the dots away again, in pieces of any size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Dotted {
    place: Place,
    /// The last line ended without a carriage return.
    is_bare: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    LineStart,
    Dot,
    DotReturn,
    Text,
    Return,
}

impl Dotted {
    /// Hands the text to `text`; the number of bytes that belonged to it with its end, once that has come.
    pub(crate) fn data(&mut self, data: &[u8], mut text: impl FnMut(&[u8])) -> Option<usize> {
        let mut told = 0;
        let mut place = 0;
        while let Some(&byte) = data.get(place) {
            match self.place {
                Place::LineStart if byte == b'.' => {
                    text(data.get(told..place).unwrap_or_default());
                    told = place + 1;
                    self.place = Place::Dot;
                }
                Place::Dot if byte == b'\r' => {
                    told = place + 1;
                    self.place = Place::DotReturn;
                }
                Place::Dot | Place::DotReturn if byte == b'\n' => {
                    self.is_bare |= self.place == Place::Dot;
                    return Some(place + 1);
                }
                Place::DotReturn => {
                    text(b"\r");
                    self.place = Place::Text.follow(byte, &mut self.is_bare);
                }
                Place::LineStart | Place::Dot | Place::Return => {
                    self.place = self.place.follow(byte, &mut self.is_bare)
                }
                Place::Text => {
                    let rest = data.get(place..).unwrap_or_default();
                    match memchr::memchr(b'\n', rest) {
                        Some(end) => {
                            let before = end.checked_sub(1).and_then(|before| rest.get(before));
                            self.is_bare = before != Some(&b'\r');
                            place += end;
                            self.place = Place::LineStart;
                        }
                        None => {
                            if rest.last() == Some(&b'\r') {
                                self.place = Place::Return;
                            }
                            place = data.len().saturating_sub(1);
                        }
                    }
                }
            }
            place += 1;
        }
        text(data.get(told..).unwrap_or_default());
        None
    }

    /// Bytes are missing here: what follows is taken to stand within a line.
    pub(crate) fn gap(&mut self) {
        self.place = Place::Text;
    }

    /// The end was written without a carriage return: some servers take it for one, others do not (SMTP smuggling).
    pub(crate) fn ends_bare(&self) -> bool {
        self.is_bare
    }
}

impl Place {
    fn follow(self, byte: u8, is_bare: &mut bool) -> Self {
        match byte {
            b'\r' => Self::Return,
            b'\n' => {
                *is_bare = self != Self::Return;
                Self::LineStart
            }
            _ => Self::Text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(pieces: &[&[u8]]) -> (String, Option<usize>) {
        let mut dotted = Dotted::default();
        let mut text = Vec::new();
        let mut before = 0;
        for piece in pieces {
            if let Some(end) = dotted.data(piece, |bytes| text.extend_from_slice(bytes)) {
                return (String::from_utf8(text).unwrap(), Some(before + end));
            }
            before += piece.len();
        }
        (String::from_utf8(text).unwrap(), None)
    }

    #[test]
    fn dots_are_taken_away_wherever_it_is_cut() {
        let check = |sent: &[u8], expected: &str, end: Option<usize>| {
            for cut in 0..=sent.len() {
                let (one, other) = sent.split_at(cut);
                assert_eq!(text(&[one, other]), (expected.to_owned(), end), "cut at {cut}");
            }
        };
        check(b"Hello\r\n..dot\r\n.x\r\n.\r\nQUIT\r\n", "Hello\r\n.dot\r\nx\r\n", Some(21));
        check(b".\r\nQUIT", "", Some(3));
        check(b"a.\r\nb\r\n.\r\n", "a.\r\nb\r\n", Some(10));
        check(b"unix\n..\n.\nrest", "unix\n.\n", Some(10));
        check(b".\rx\r\r\n.\r\n", "\rx\r\r\n", Some(9));
        check(b"no end\r\n", "no end\r\n", None);
    }
}
