//! Lines of text, out of pieces of any size.

/// Puts lines together that come in pieces. A line that is longer than the limit is told cut to it.
#[derive(Debug)]
pub(crate) struct Lines {
    held: Vec<u8>,
    bytes_max: usize,
    is_told: bool,
    is_broken: bool,
}

impl Lines {
    /// Of at most so many bytes a line.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { held: Vec::new(), bytes_max, is_told: false, is_broken: false }
    }

    /// How many bytes of `data` were taken, and the line that they complete, without its end (CRLF or LF).
    pub(crate) fn take<'a>(&'a mut self, data: &'a [u8]) -> (usize, Option<&'a [u8]>) {
        if self.is_told {
            self.held.clear();
            self.is_told = false;
        }
        let Some(end) = memchr::memchr(b'\n', data) else {
            self.hold(data);
            return (data.len(), None);
        };
        let (line, _) = data.split_at(end);
        if self.is_broken {
            self.is_broken = false;
            self.held.clear();
            return (end + 1, None);
        }
        if self.held.is_empty() {
            let line = line.get(..self.bytes_max).unwrap_or(line);
            return (end + 1, Some(without_return(line)));
        }
        self.hold(line);
        self.is_told = true;
        (end + 1, Some(without_return(&self.held)))
    }

    /// Bytes are missing here: the line that they fell into is not told.
    pub(crate) fn gap(&mut self) {
        self.held.clear();
        self.is_told = false;
        self.is_broken = true;
    }

    /// Bytes of the line that is not complete yet.
    pub(crate) fn held_bytes(&self) -> usize {
        self.held.capacity()
    }

    fn hold(&mut self, data: &[u8]) {
        if !self.is_broken {
            let room = self.bytes_max.saturating_sub(self.held.len());
            self.held.extend_from_slice(data.get(..room).unwrap_or(data));
        }
    }
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes_max: usize, pieces: &[&[u8]]) -> Vec<String> {
        let mut lines = Lines::new(bytes_max);
        let mut told = Vec::new();
        for piece in pieces {
            let mut rest = *piece;
            while !rest.is_empty() {
                let (taken, line) = lines.take(rest);
                told.extend(line.map(|line| String::from_utf8_lossy(line).into_owned()));
                rest = &rest[taken..];
            }
        }
        told
    }

    #[test]
    fn lines_are_the_same_however_they_come() {
        let text = b"EHLO a\r\n\r\nQUIT\nlonger than the limit\r\nx";
        let whole = lines(12, &[text]);
        assert_eq!(whole, ["EHLO a", "", "QUIT", "longer than "]);
        for cut in 0..text.len() {
            let (one, other) = text.split_at(cut);
            assert_eq!(lines(12, &[one, other]), whole, "cut at {cut}");
        }
    }

    #[test]
    fn a_line_with_a_gap_is_not_told() {
        let mut lines = Lines::new(100);
        assert_eq!(lines.take(b"EHL"), (3, None));
        lines.gap();
        assert_eq!(lines.take(b"x\r\nQUIT\r\n"), (3, None));
        assert_eq!(lines.take(b"QUIT\r\n"), (6, Some(&b"QUIT"[..])));
    }
}
