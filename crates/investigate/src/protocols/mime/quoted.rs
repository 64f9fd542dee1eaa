//! Quoted-printable in pieces (RFC 2045 6.7).

/// Spaces at a line's end that are kept back until it is known that they are not.
const SPACES_MAX: usize = 1000;

/// Decodes; what is malformed stays as it is.
#[derive(Debug, Default)]
pub(crate) struct Quoted {
    place: Place,
    spaces: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default)]
enum Place {
    #[default]
    Text,
    Equals,
    Digit(u8),
    /// Space between an equals sign and the end of its line.
    SoftSpace,
    /// A carriage return after an equals sign.
    SoftReturn,
}

impl Quoted {
    /// Adds what `data` stands for to `plain`.
    pub(crate) fn decode(&mut self, data: &[u8], plain: &mut Vec<u8>) {
        for &byte in data {
            self.byte(byte, plain);
        }
    }

    /// What is left where nothing follows.
    pub(crate) fn finish(&mut self, plain: &mut Vec<u8>) {
        if let Place::Digit(digit) = self.place {
            plain.extend_from_slice(&[b'=', digit]);
        }
        self.place = Place::Text;
        self.spaces.clear();
    }

    fn byte(&mut self, byte: u8, plain: &mut Vec<u8>) {
        match (self.place, byte) {
            (Place::Text, _) => self.text(byte, plain),
            (Place::Equals, b'\r') | (Place::SoftSpace, b'\r') => self.place = Place::SoftReturn,
            (Place::Equals | Place::SoftSpace | Place::SoftReturn, b'\n') => self.place = Place::Text,
            (Place::Equals | Place::SoftSpace, b' ' | b'\t') => self.place = Place::SoftSpace,
            (Place::Equals, _) if byte.is_ascii_hexdigit() => self.place = Place::Digit(byte),
            (Place::Equals, _) => {
                self.place = Place::Text;
                plain.push(b'=');
                self.text(byte, plain);
            }
            (Place::SoftSpace | Place::SoftReturn, _) => {
                self.place = Place::Text;
                self.text(byte, plain);
            }
            (Place::Digit(high), _) => {
                self.place = Place::Text;
                match (value(high), value(byte)) {
                    (Some(high), Some(low)) => plain.push(high << 4 | low),
                    _ => {
                        plain.extend_from_slice(&[b'=', high]);
                        self.text(byte, plain);
                    }
                }
            }
        }
    }

    fn text(&mut self, byte: u8, plain: &mut Vec<u8>) {
        match byte {
            b' ' | b'\t' if self.spaces.len() < SPACES_MAX => self.spaces.push(byte),
            b'\r' | b'\n' => {
                self.spaces.clear();
                plain.push(byte);
            }
            _ => {
                plain.append(&mut self.spaces);
                match byte {
                    b'=' => self.place = Place::Equals,
                    _ => plain.push(byte),
                }
            }
        }
    }
}

fn value(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_of_rfc_2045() {
        let check = |encoded: &str, expected: &str| {
            for cut in 0..=encoded.len() {
                let (one, other) = encoded.as_bytes().split_at(cut);
                let mut plain = Vec::new();
                let mut quoted = Quoted::default();
                quoted.decode(one, &mut plain);
                quoted.decode(other, &mut plain);
                quoted.finish(&mut plain);
                assert_eq!(String::from_utf8_lossy(&plain), expected, "{encoded:?} cut at {cut}");
            }
        };
        for (encoded, expected) in [
            (
                "Now's the time =\r\nfor all folk to come=\r\n to the aid of their country.",
                "Now's the time for all folk to come to the aid of their country.",
            ),
            ("a=3Db=C3=BC", "a=bü"),
            ("lower=c3=bc", "lowerü"),
            ("trailing \t \r\nspace", "trailing\r\nspace"),
            ("soft=  \r\nspace", "softspace"),
            ("broken =XY =4", "broken =XY =4"),
            ("unix=\nend\n", "unixend\n"),
        ] {
            check(encoded, expected);
        }
    }
}
