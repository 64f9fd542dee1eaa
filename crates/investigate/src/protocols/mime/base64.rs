//! Base64 in pieces (RFC 4648, RFC 2045 6.8): what is not of its alphabet is passed over.

/// Decodes, and knows where it stands after a gap, since lines have one length.
#[derive(Debug, Default)]
pub(crate) struct Base64 {
    bits: u32,
    count: u8,
    /// Characters to pass over until a quantum begins.
    drop: u8,
    /// A gap whose end could not be placed: nothing is decoded until a line begins.
    is_adrift: bool,
    lines: LineLength,
}

/// The length that all lines but the last have.
#[derive(Debug, Default)]
struct LineLength {
    column: u64,
    line: u64,
    is_uneven: bool,
}

const INVALID: u8 = 0xff;

/// Value of each character (RFC 4648 table 1; the URL alphabet of table 2 too).
const VALUES: [u8; 256] = {
    let mut values = [INVALID; 256];
    let mut at = 0;
    while at < 26 {
        values[b'A' as usize + at] = at as u8;
        values[b'a' as usize + at] = at as u8 + 26;
        at += 1;
    }
    let mut digit = 0;
    while digit < 10 {
        values[b'0' as usize + digit] = digit as u8 + 52;
        digit += 1;
    }
    values[b'+' as usize] = 62;
    values[b'/' as usize] = 63;
    values[b'-' as usize] = 62;
    values[b'_' as usize] = 63;
    values
};

impl Base64 {
    /// The whole of a short text at once.
    pub(crate) fn whole(data: &[u8]) -> Vec<u8> {
        let mut plain = Vec::with_capacity(data.len() / 4 * 3 + 3);
        let mut base64 = Self::default();
        base64.decode(data, &mut plain);
        base64.finish(&mut plain);
        plain
    }

    /// Adds what `data` stands for to `plain`.
    pub(crate) fn decode(&mut self, data: &[u8], plain: &mut Vec<u8>) {
        plain.reserve(data.len() / 4 * 3 + 3);
        for &byte in data {
            self.lines.pass(byte);
            if self.is_adrift {
                self.is_adrift = byte != b'\n';
                continue;
            }
            let value = VALUES[usize::from(byte)];
            if value != INVALID {
                self.value(value, plain);
            } else if byte == b'=' {
                self.finish(plain);
            }
        }
    }

    /// So many characters are missing: how many bytes that makes.
    pub(crate) fn gap(&mut self, bytes: u64) -> u64 {
        let before = u64::from(self.count);
        self.bits = 0;
        self.count = 0;
        let Some(skipped) = self.lines.skip(bytes) else {
            self.is_adrift = true;
            return (before + bytes).div_ceil(4) * 3;
        };
        let after = if self.drop > 0 { skipped.saturating_sub(u64::from(self.drop)) } else { before + skipped };
        self.drop = ((4 - after % 4) % 4) as u8;
        after.div_ceil(4) * 3
    }

    /// What an unfinished quantum stands for.
    pub(crate) fn finish(&mut self, plain: &mut Vec<u8>) {
        match self.count {
            2 => plain.push((self.bits >> 4) as u8),
            3 => plain.extend_from_slice(&[(self.bits >> 10) as u8, (self.bits >> 2) as u8]),
            _ => {}
        }
        self.bits = 0;
        self.count = 0;
        self.drop = 0;
    }

    #[inline]
    fn value(&mut self, value: u8, plain: &mut Vec<u8>) {
        if self.drop > 0 {
            self.drop -= 1;
            return;
        }
        self.bits = self.bits << 6 | u32::from(value);
        self.count += 1;
        if self.count == 4 {
            let [_, one, two, three] = self.bits.to_be_bytes();
            plain.extend_from_slice(&[one, two, three]);
            self.bits = 0;
            self.count = 0;
        }
    }
}

impl LineLength {
    #[inline]
    fn pass(&mut self, byte: u8) {
        self.column += 1;
        if byte == b'\n' {
            self.is_uneven |= self.line != 0 && self.line != self.column;
            self.line = self.column;
            self.column = 0;
        }
    }

    /// How many characters, line ends apart, stand in the bytes that are missing.
    fn skip(&mut self, bytes: u64) -> Option<u64> {
        let text = self.line.checked_sub(2).filter(|text| *text > 0 && !self.is_uneven && self.column < self.line)?;
        let end = self.column.checked_add(bytes)?;
        let characters = |place: u64| place / self.line * text + (place % self.line).min(text);
        let skipped = characters(end) - characters(self.column);
        self.column = end % self.line;
        Some(skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_of_rfc_4648() {
        let check = |encoded: &str, expected: &str| {
            for cut in 0..=encoded.len() {
                let (one, other) = encoded.as_bytes().split_at(cut);
                let mut plain = Vec::new();
                let mut base64 = Base64::default();
                base64.decode(one, &mut plain);
                base64.decode(other, &mut plain);
                base64.finish(&mut plain);
                assert_eq!(String::from_utf8_lossy(&plain), expected, "{encoded} cut at {cut}");
            }
        };
        for (encoded, expected) in [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9v", "foo"),
            ("Zm9vYg==", "foob"),
            ("Zm9vYmE=", "fooba"),
            ("Zm9vYmFy", "foobar"),
            ("Zm9v\r\nYmFy\r\n", "foobar"),
            ("Zm9vYg", "foob"),
            ("Zg==Zm8=", "ffo"),
        ] {
            check(encoded, expected);
        }
    }

    #[test]
    fn after_a_gap_the_rest_stands_in_its_place() {
        // Eight bytes a line that hold six: "abcdef" and so on.
        let encoded = b"YWJjZGVm\r\nZ2hpamts\r\nbW5vcHFy\r\nc3R1dnd4\r\n";
        let whole = b"abcdefghijklmnopqrstuvwx";
        for start in 10..encoded.len() {
            for end in start..encoded.len() {
                let mut plain = Vec::new();
                let mut base64 = Base64::default();
                base64.decode(&encoded[..start], &mut plain);
                let missing = base64.gap((end - start) as u64) as usize;
                plain.resize(plain.len() + missing, b'?');
                base64.decode(&encoded[end..], &mut plain);
                assert_eq!(plain.len(), whole.len(), "{start}..{end}");
                assert!(plain.iter().zip(whole).all(|(got, right)| got == right || *got == b'?'), "{start}..{end}");
            }
        }
    }
}
