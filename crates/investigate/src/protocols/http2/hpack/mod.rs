//! Header compression of HTTP/2 (RFC 7541).

mod huffman;
mod static_table;
mod table;

use std::borrow::Cow;

use packet::Cursor;

use self::table::Table;
use crate::protocols::http::Headers;

/// Bytes of all fields of one message; the rest of them only keeps the table right.
const LIST_BYTES_MAX: usize = 64 << 10;

/// What one side's header blocks refer to.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    table: Table,
}

/// A block that no encoder makes: nothing after it can be understood.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

impl Decoder {
    /// The other side allows a table of this size.
    pub(super) fn allow(&mut self, bytes: usize) {
        self.table.allow(bytes);
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.table.held_bytes()
    }

    /// The fields of a header block.
    pub(super) fn decode(&mut self, block: &[u8]) -> Result<Headers<'static>, Malformed> {
        let mut headers = Headers::default();
        let mut list_bytes = 0;
        let mut cursor = Cursor::new(block);
        while let Some(first) = cursor.peek_u8(0) {
            let (name, value) = match first {
                0x80.. => self.table.entry(integer(&mut cursor, 7)?).ok_or(Malformed)?,
                0x40..0x80 => {
                    let (name, value) = self.literal(&mut cursor, 6)?;
                    self.table.add(&name, &value);
                    (name, value)
                }
                0x20..0x40 => {
                    self.table.resize(integer(&mut cursor, 5)?);
                    continue;
                }
                _ => self.literal(&mut cursor, 4)?,
            };
            list_bytes += name.len() + value.len();
            if list_bytes <= LIST_BYTES_MAX {
                headers.push(Cow::Owned(name), Cow::Owned(value));
            }
        }
        Ok(headers)
    }

    fn literal(&self, cursor: &mut Cursor<'_>, prefix_bits: u32) -> Result<(Vec<u8>, Vec<u8>), Malformed> {
        let name = match integer(cursor, prefix_bits)? {
            0 => string(cursor)?,
            index => self.table.entry(index).ok_or(Malformed)?.0,
        };
        Ok((name, string(cursor)?))
    }
}

/// An integer whose first bits share a byte with something else (section 5.1).
fn integer(cursor: &mut Cursor<'_>, prefix_bits: u32) -> Result<usize, Malformed> {
    let mask = (1usize << prefix_bits) - 1;
    let mut value = usize::from(cursor.u8().ok_or(Malformed)?) & mask;
    if value < mask {
        return Ok(value);
    }
    for shift in (0..28).step_by(7) {
        let byte = cursor.u8().ok_or(Malformed)?;
        value += usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(Malformed)
}

fn string(cursor: &mut Cursor<'_>) -> Result<Vec<u8>, Malformed> {
    let is_huffman = cursor.peek_u8(0).ok_or(Malformed)? & 0x80 != 0;
    let length = integer(cursor, 7)?;
    let bytes = cursor.take(length).ok_or(Malformed)?;
    if is_huffman { huffman::decode(bytes).ok_or(Malformed) } else { Ok(bytes.to_vec()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hexadecimal digits with blanks.
    fn bytes(digits: &str) -> Vec<u8> {
        let digits: Vec<u8> = digits.bytes().filter(u8::is_ascii_hexdigit).collect();
        digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
    }

    fn check(decoder: &mut Decoder, block: &str, expected: &[(&str, &str)]) {
        let headers = decoder.decode(&bytes(block)).expect("valid");
        for (name, value) in expected {
            assert_eq!(headers.text(name).as_deref(), Some(*value), "{name}");
        }
    }

    #[test]
    fn the_requests_of_the_rfc() {
        // RFC 7541, appendix C.3 (plain) and C.4 (Huffman).
        let plain = [
            "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
            "8286 84be 5808 6e6f 2d63 6163 6865",
            "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
        ];
        let huffman = [
            "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
            "8286 84be 5886 a8eb 1064 9cbf",
            "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
        ];
        for blocks in [plain, huffman] {
            let mut decoder = Decoder::default();
            let authority = (":authority", "www.example.com");
            check(&mut decoder, blocks[0], &[(":method", "GET"), (":scheme", "http"), (":path", "/"), authority]);
            check(&mut decoder, blocks[1], &[authority, ("cache-control", "no-cache")]);
            check(
                &mut decoder,
                blocks[2],
                &[(":scheme", "https"), (":path", "/index.html"), ("custom-key", "custom-value")],
            );
        }
    }

    #[test]
    fn the_answers_of_the_rfc_with_evictions() {
        // RFC 7541, appendix C.6: the table has 256 bytes.
        let mut decoder = Decoder::default();
        decoder.table.resize(256);
        let first = "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad \
                     1718 63c7 8f0b 97c8 e9ae 82ae 43d3";
        check(&mut decoder, first, &[(":status", "302"), ("location", "https://www.example.com")]);
        check(&mut decoder, "4883 640e ffc1 c0bf", &[(":status", "307"), ("date", "Mon, 21 Oct 2013 20:13:21 GMT")]);
        let third = "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 \
                     e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07";
        let cookie = ("set-cookie", "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1");
        check(&mut decoder, third, &[(":status", "200"), ("date", "Mon, 21 Oct 2013 20:13:22 GMT"), cookie]);
    }

    #[test]
    fn what_is_malformed_is_harmless() {
        for block in ["80", "be", "ff", "ffffffffffff", "40", "0082", "7fffffffff0f", "00817f0000"] {
            assert!(Decoder::default().decode(&bytes(block)).is_err(), "{block}");
        }
    }
}
