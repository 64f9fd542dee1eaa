//! The journal of a lane: what the open frame holds, before it is full.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::Lane;
use crate::budget::{Account, Room};
use crate::disk::{Disk, DiskFile, whole_blocks, write_all_at};
use crate::format::journal::Batch;
use crate::format::names;
use crate::format::state::Position;

/// The journal of a lane.
pub(crate) struct JournalFile {
    lane: Lane,
    file: Option<Arc<dyn DiskFile>>,
    length: u64,
    serial: u64,
    last_frame: Option<LastFrame>,
    dirty: bool,
}

/// The last frame in a journal.
#[derive(Clone, Copy, Debug)]
struct LastFrame {
    /// Where it will be, or is.
    begin: Position,
    /// Its bytes in the journal.
    bytes: u32,
    /// Where it ends, once it is in its segment.
    end: Option<Position>,
}

impl JournalFile {
    /// An empty journal whose serials are greater than those of any before.
    pub(crate) fn new(lane: Lane, serial: u64) -> Self {
        Self { lane, file: None, length: 0, serial, last_frame: None, dirty: false }
    }

    /// Appends bytes of a frame that will be at `position`.
    pub(crate) fn append(
        &mut self,
        disk: &dyn Disk,
        room: &Room,
        position: Position,
        offset: u32,
        packets: u32,
        bytes: &[u8],
    ) -> io::Result<()> {
        let continues = self.last_frame.filter(|frame| frame.begin == position && frame.end.is_none());
        if offset != continues.map_or(0, |frame| frame.bytes) && offset != 0 {
            return Err(io::Error::other("what came before in the frame is not in the journal"));
        }
        let batch = Batch {
            serial: self.serial,
            segment: position.segment,
            frame_uoffset: position.uoffset,
            offset,
            packets,
            bytes,
        };
        let header = batch.encode_header();
        let end = self.length + (header.len() + bytes.len()) as u64;
        room.set(Account::Journal(self.lane), whole_blocks(end))
            .map_err(|_| io::Error::from(io::ErrorKind::StorageFull))?;
        let file = match &self.file {
            Some(file) => file.clone(),
            None => self.create(disk)?,
        };
        let mut joined = Vec::with_capacity(header.len() + bytes.len());
        joined.extend_from_slice(&header);
        joined.extend_from_slice(bytes);
        write_all_at(file.as_ref(), &joined, self.length)?;
        self.length = end;
        self.serial += 1;
        let bytes = offset + u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.last_frame = Some(LastFrame { begin: position, bytes, end: None });
        self.dirty = true;
        Ok(())
    }

    /// Notes that the lane's open frame is in its segment now, which ends at `end`.
    pub(crate) fn frame_written(&mut self, end: Position) {
        if let Some(LastFrame { end: written @ None, .. }) = &mut self.last_frame {
            *written = Some(end);
        }
    }

    /// Empties it if all frames in it are on stable storage, where segments are safe up to `synced`.
    pub(crate) fn reset(&mut self, room: &Room, synced: Position) -> io::Result<()> {
        match self.last_frame {
            Some(LastFrame { end: Some(end), .. }) if end <= synced => self.clear(room),
            _ => Ok(()),
        }
    }

    /// Empties it.
    pub(crate) fn clear(&mut self, room: &Room) -> io::Result<()> {
        if let Some(file) = &self.file {
            file.set_length(0)?;
        }
        self.length = 0;
        self.last_frame = None;
        room.note(Account::Journal(self.lane), 0);
        Ok(())
    }

    /// It holds the beginning of a frame that is not in its segment yet.
    pub(crate) fn has_open_frame(&self) -> bool {
        self.last_frame.is_some_and(|frame| frame.end.is_none())
    }

    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Gives the file up after an error; the next batch makes it anew.
    pub(crate) fn forget_file(&mut self) {
        self.file = None;
    }

    /// The file, if it was written to since the last call.
    pub(crate) fn take_unsynced(&mut self) -> Option<Arc<dyn DiskFile>> {
        std::mem::take(&mut self.dirty).then(|| self.file.clone()).flatten()
    }

    fn create(&mut self, disk: &dyn Disk) -> io::Result<Arc<dyn DiskFile>> {
        disk.create_directory(Path::new(names::LIVE))?;
        let path = names::journal_path(self.lane);
        let file = match disk.create(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let file = disk.open(&path)?;
                file.set_length(0)?;
                file
            }
            other => other?,
        };
        // Batches in a file that was removed are gone.
        self.length = 0;
        self.file = Some(file.clone());
        Ok(file)
    }
}
