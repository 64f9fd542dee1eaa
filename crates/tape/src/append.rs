//! Appending to a file: through the page cache in quiet times, around it in large aligned pieces under load.

use std::io::{self, IoSlice};
use std::path::Path;
use std::sync::Arc;

use crate::disk::{AlignedBuffer, Disk, DiskFile, write_all_at};
use crate::format::zstd_frame::{ALIGNMENT, FRAME_BYTES_MAX};

/// A file that grows at its end.
pub(crate) struct Appender {
    file: Arc<dyn DiskFile>,
    direct: Direct,
    /// Bytes appended.
    length: u64,
    /// The last of them, at most one aligned piece, that have not been written yet.
    tail: Vec<u8>,
    /// Where bytes are brought into line for direct writes.
    stage: Option<AlignedBuffer>,
}

enum Direct {
    /// Not opened yet.
    Possible,
    Open(Arc<dyn DiskFile>),
    /// This file system does not do it.
    Refused,
}

/// Whether writes may go around the page cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Buffered,
    Direct,
}

impl Appender {
    pub(crate) fn new(file: Arc<dyn DiskFile>, length: u64) -> Self {
        Self { file, direct: Direct::Possible, length, tail: Vec::new(), stage: None }
    }

    /// Bytes appended, those included that [`Appender::flush`] has not written yet.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Bytes that were written.
    pub(crate) fn written(&self) -> u64 {
        self.length - self.tail.len() as u64
    }

    pub(crate) fn file(&self) -> &Arc<dyn DiskFile> {
        &self.file
    }

    /// How far behind an aligned place the end is, if pieces that are brought into line can be written directly.
    pub(crate) fn misalignment(&self) -> usize {
        (self.length % ALIGNMENT as u64) as usize
    }

    /// True if pieces that are brought into line can be appended as they are.
    pub(crate) fn is_aligned(&self) -> bool {
        self.tail.is_empty() && self.misalignment() == 0
    }

    /// Appends bytes; after an error nothing has been appended, but the file may hold some of them.
    pub(crate) fn append(&mut self, disk: &dyn Disk, path: &Path, bytes: &[u8], way: Way) -> io::Result<()> {
        if way == Way::Direct && self.open_direct(disk, path) {
            let aligned = self.is_aligned()
                && bytes.as_ptr().addr().is_multiple_of(ALIGNMENT)
                && bytes.len().is_multiple_of(ALIGNMENT);
            return if aligned { self.append_in_place(&[IoSlice::new(bytes)]) } else { self.append_staged(bytes) };
        }
        self.flush()?;
        write_all_at(self.file.as_ref(), bytes, self.length)?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Appends pieces one behind the other in one direct write from where they lie. Their lengths and addresses, and the
    /// end of the file, are multiples of [`ALIGNMENT`]. As after [`Appender::append`], an error appends nothing.
    pub(crate) fn append_run(&mut self, disk: &dyn Disk, path: &Path, pieces: &[IoSlice<'_>]) -> io::Result<()> {
        assert!(self.is_aligned(), "who appends a run looks where the file ends");
        self.open_direct(disk, path);
        self.append_in_place(pieces)
    }

    /// Writes what waits for company.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        if !self.tail.is_empty() {
            write_all_at(self.file.as_ref(), &self.tail, self.written())?;
            self.tail.clear();
        }
        Ok(())
    }

    fn open_direct(&mut self, disk: &dyn Disk, path: &Path) -> bool {
        if let Direct::Possible = self.direct {
            self.direct = disk.open_direct(path).map_or(Direct::Refused, Direct::Open);
        }
        matches!(self.direct, Direct::Open(_))
    }

    fn append_in_place(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<()> {
        let bytes: usize = pieces.iter().map(|piece| piece.len()).sum();
        self.write_direct(pieces, self.length)?;
        self.length += bytes as u64;
        Ok(())
    }

    /// Brings bytes into line behind the tail; what does not fill an aligned piece is the new tail.
    fn append_staged(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.tail.is_empty() && self.misalignment() != 0 {
            // Written by the page cache: up to the next aligned place it goes on there.
            let (now, later) = bytes.split_at(bytes.len().min(ALIGNMENT - self.misalignment()));
            write_all_at(self.file.as_ref(), now, self.length)?;
            self.length += now.len() as u64;
            return if later.is_empty() {
                Ok(())
            } else {
                self.append_staged(later).inspect_err(|_| self.length -= now.len() as u64)
            };
        }
        let mut stage = self.stage.take().unwrap_or_else(|| AlignedBuffer::new(FRAME_BYTES_MAX + 4 * ALIGNMENT));
        let result = self.write_staged(bytes, &mut stage);
        self.stage = Some(stage);
        result
    }

    fn write_staged(&mut self, bytes: &[u8], stage: &mut AlignedBuffer) -> io::Result<()> {
        let (start, total) = (self.written(), self.tail.len() + bytes.len());
        let room = stage.bytes_mut();
        if total > room.len() {
            self.flush()?;
            write_all_at(self.file.as_ref(), bytes, self.length)?;
            self.length += bytes.len() as u64;
            return Ok(());
        }
        room[..self.tail.len()].copy_from_slice(&self.tail);
        room[self.tail.len()..total].copy_from_slice(bytes);
        let whole = total - total % ALIGNMENT;
        if whole > 0 {
            self.write_direct(&[IoSlice::new(&stage.bytes()[..whole])], start)?;
        }
        self.tail.clear();
        self.tail.extend_from_slice(&stage.bytes()[whole..total]);
        self.length = start + total as u64;
        Ok(())
    }

    /// Direct if the file system does it after all; what it refuses to do directly goes through the page cache.
    fn write_direct(&mut self, pieces: &[IoSlice<'_>], offset: u64) -> io::Result<()> {
        if let Direct::Open(direct) = &self.direct {
            match write_aligned(direct.as_ref(), &mut pieces.to_vec(), offset) {
                Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => {
                    self.direct = Direct::Refused;
                }
                other => return other,
            }
        }
        let mut end = offset;
        for piece in pieces {
            write_all_at(self.file.as_ref(), piece, end)?;
            end += piece.len() as u64;
        }
        Ok(())
    }
}

/// Writes all pieces, going on after a short write only from an aligned place.
fn write_aligned(file: &dyn DiskFile, mut pieces: &mut [IoSlice<'_>], mut offset: u64) -> io::Result<()> {
    while !pieces.is_empty() {
        let written = match file.write_run_at(pieces, offset) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            other => {
                let written = other?;
                if written < ALIGNMENT {
                    return Err(io::ErrorKind::WriteZero.into());
                }
                written - written % ALIGNMENT
            }
        };
        IoSlice::advance_slices(&mut pieces, written);
        offset += written as u64;
    }
    Ok(())
}
