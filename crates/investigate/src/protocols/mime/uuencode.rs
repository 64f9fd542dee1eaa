//! Uuencode in pieces (POSIX.1-2017, uuencode): between a line `begin MODE NAME` and a line `end`.

/// Longer lines are no uuencode: 61 characters by the standard, some more for sloppy encoders.
const LINE_BYTES_MAX: usize = 160;

/// Decodes line by line.
#[derive(Debug, Default)]
pub(crate) struct Uuencode {
    line: Vec<u8>,
    is_begun: bool,
    is_ended: bool,
    /// A gap fell into the line.
    is_broken: bool,
}

impl Uuencode {
    /// A body that holds the begin line itself.
    pub(crate) fn within() -> Self {
        Self::default()
    }

    /// After the begin line has been seen.
    pub(crate) fn begun() -> Self {
        Self { is_begun: true, ..Self::default() }
    }

    /// True after the line `end`.
    pub(crate) fn is_ended(&self) -> bool {
        self.is_ended
    }

    /// Adds what `data` stands for to `plain`.
    pub(crate) fn decode(&mut self, data: &[u8], plain: &mut Vec<u8>) {
        for piece in data.split_inclusive(|&byte| byte == b'\n') {
            let room = LINE_BYTES_MAX.saturating_sub(self.line.len());
            self.line.extend_from_slice(piece.get(..room).unwrap_or(piece));
            if piece.last() == Some(&b'\n') {
                let line = std::mem::take(&mut self.line);
                if !std::mem::take(&mut self.is_broken) {
                    self.line(line.trim_ascii_end(), plain);
                }
            }
        }
    }

    /// So many characters are missing: about how many bytes that makes.
    pub(crate) fn gap(&mut self, bytes: u64) -> u64 {
        let held = self.line.len() as u64;
        self.line.clear();
        self.is_broken = true;
        (held + bytes) / 63 * 45
    }

    fn line(&mut self, line: &[u8], plain: &mut Vec<u8>) {
        if !self.is_begun {
            self.is_begun = begin(line).is_some();
        } else if line == b"end" {
            self.is_ended = true;
        } else if !self.is_ended {
            decode_line(line, plain);
        }
    }
}

/// The name that a begin line gives.
pub(crate) fn begin(line: &[u8]) -> Option<String> {
    let rest = line.trim_ascii_end().strip_prefix(b"begin ")?;
    let digits = rest.iter().take_while(|byte| (b'0'..=b'7').contains(*byte)).count();
    let name = rest.get(digits..)?.strip_prefix(b" ")?;
    ((3..=4).contains(&digits) && !name.is_empty()).then(|| String::from_utf8_lossy(name).into_owned())
}

fn decode_line(line: &[u8], plain: &mut Vec<u8>) {
    let Some((&length, encoded)) = line.split_first() else { return };
    let length = usize::from(length.wrapping_sub(b' ') & 0x3f);
    let start = plain.len();
    for quantum in encoded.chunks(4) {
        let value = |at: usize| u32::from(quantum.get(at).copied().unwrap_or(b' ').wrapping_sub(b' ') & 0x3f);
        let bits = value(0) << 18 | value(1) << 12 | value(2) << 6 | value(3);
        let [_, one, two, three] = bits.to_be_bytes();
        plain.extend_from_slice(&[one, two, three]);
    }
    // Encoders may leave out spaces at the end of a line, which stand for zeros.
    plain.resize(start + length, 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_of_uuencode() {
        // printf Cat | uuencode cat.txt
        let encoded = "begin 644 cat.txt\n#0V%T\n`\nend\n";
        for cut in 0..=encoded.len() {
            let (one, other) = encoded.as_bytes().split_at(cut);
            let mut plain = Vec::new();
            let mut uuencode = Uuencode::within();
            uuencode.decode(one, &mut plain);
            uuencode.decode(other, &mut plain);
            assert_eq!(plain, b"Cat");
            assert!(uuencode.is_ended());
        }
        assert_eq!(begin(b"begin 644 cat.txt").as_deref(), Some("cat.txt"));
        assert_eq!(begin(b"begin the day"), None);
    }
}
