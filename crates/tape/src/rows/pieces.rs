//! The bytes of a flow file on the disk, each piece in one read.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

/// A flow file of which only what is asked for is read.
#[derive(Debug)]
pub struct Pieces {
    file: Arc<File>,
    bytes: u64,
    /// Its last bytes, which everyone asks for.
    end: Bytes,
}

/// Footer and page index of a large flow file, about.
const END_BYTES: u64 = 128 << 10;

impl Pieces {
    /// Of this file.
    pub fn of(file: File) -> io::Result<Self> {
        let bytes = file.metadata()?.len();
        let end_bytes = bytes.min(END_BYTES);
        let mut end = vec![0; end_bytes as usize];
        file.read_exact_at(&mut end, bytes - end_bytes)?;
        Ok(Self { file: Arc::new(file), bytes, end: end.into() })
    }
}

impl Length for Pieces {
    fn len(&self) -> u64 {
        self.bytes
    }
}

impl ChunkReader for Pieces {
    type T = BufReader<Sequence>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        Ok(BufReader::new(Sequence { file: self.file.clone(), next: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        // What a damaged file claims is not taken memory for.
        if start.checked_add(length as u64).is_none_or(|end| end > self.bytes) {
            return Err(ParquetError::EOF(format!("{length} bytes at {start} are not in the file")));
        }
        let in_end = start.checked_sub(self.bytes - self.end.len() as u64);
        if let Some(first) = in_end.and_then(|first| usize::try_from(first).ok()) {
            return Ok(self.end.slice(first..first + length));
        }
        let mut piece = vec![0; length];
        self.file.read_exact_at(&mut piece, start)?;
        Ok(piece.into())
    }
}

/// A flow file from some place on.
#[derive(Debug)]
pub struct Sequence {
    file: Arc<File>,
    next: u64,
}

impl Read for Sequence {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(out, self.next)?;
        self.next += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn pieces_are_those_of_the_file() {
        for length in [0, 1, END_BYTES as usize, 3 * END_BYTES as usize + 7] {
            let content: Vec<u8> = (0..length).map(|number| (number % 251) as u8).collect();
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&content).unwrap();
            let pieces = Pieces::of(file).unwrap();
            assert_eq!(pieces.len(), length as u64);
            for (start, end) in [(0, 0), (0, length), (length / 3, length / 2), (length - length / 7, length)] {
                assert_eq!(pieces.get_bytes(start as u64, end - start).unwrap(), content[start..end]);
                let mut rest = Vec::new();
                pieces.get_read(start as u64).unwrap().read_to_end(&mut rest).unwrap();
                assert_eq!(rest, content[start..]);
            }
            for (start, count) in [(0, length + 1), (length + 1, 0), (usize::MAX, 1)] {
                assert!(pieces.get_bytes(start as u64, count).is_err());
            }
        }
    }
}
