//! Frames of a lane that follow each other, in one write: under load a write costs more than its bytes.

use super::Writer;
use super::segment::{Piece, WriteError};
use crate::append::Way;
use crate::checkpoint::FramePosition;
use crate::format::catalog::{FrameRecord, STORED};
use crate::options::Compression;
use crate::pipeline::FullFrame;
use crate::shared::{Tallies, count};

impl Writer {
    /// Writes frames of one lane, as many together as go together, and gives their buffers back.
    pub(super) fn write_frames(&mut self, mut frames: Vec<FullFrame>) {
        let mut rest = frames.as_mut_slice();
        while !rest.is_empty() {
            let together = self.write_run(rest);
            let (written, left) = rest.split_at_mut(together.max(1));
            if let ([alone], 0) = (written, together) {
                self.write_full(alone);
            }
            rest = left;
        }
        self.pipeline.give_back(frames.into_iter().map(|frame| frame.buffer));
    }

    /// Writes the first few frames as they are in one write and says how many; none if each has to be looked at alone,
    /// as after an error.
    fn write_run(&mut self, frames: &mut [FullFrame]) -> usize {
        let together = frames.len() > 1 && self.tools.compression != Compression::None;
        let [first, ..] = frames else { return 0 };
        if !together || self.outage.is_some() || !self.pipeline.is_aside() {
            return 0;
        }
        let (lane, first_time) = (first.lane as usize, first.buffer.summary.first_time);
        if !frames.iter().all(|frame| frame.buffer.is_laid_out_as_stored())
            || self.lanes[lane].prepare(&mut self.tools, first_time, Way::Direct).is_err()
        {
            return 0;
        }
        let mut pieces: Vec<Piece> = frames.iter_mut().map(piece).collect();
        pieces.truncate(self.lanes[lane].run_length(pieces.iter().map(|piece| piece.bytes.len())));
        if pieces.len() < 2 {
            return 0;
        }
        match self.lanes[lane].append_run(&mut self.tools, &pieces) {
            Ok(position) => {
                let records: Vec<FrameRecord> = pieces.iter().map(|piece| piece.record).collect();
                self.take_note(position, frames, &records);
                records.len()
            }
            Err(WriteError::Broken(error)) => {
                self.lanes[lane].set_aside(&mut self.tools, &format!("write failed: {error}"));
                0
            }
            Err(WriteError::Full(_) | WriteError::NoRoom) => 0,
        }
    }

    fn take_note(&mut self, first: FramePosition, frames: &[FullFrame], records: &[FrameRecord]) {
        let FramePosition { lane, mut position } = first;
        for (frame, record) in frames.iter().zip(records) {
            self.add_unseen(lane as usize, &frame.buffer.summary, u64::from(record.ubytes));
        }
        let Tallies { frames_stored, bytes_stored, bytes_direct, .. } = &self.tools.shared.tallies;
        for (frame, record) in frames.iter().zip(records) {
            self.frames.insert(frame.serial, FramePosition { lane, position });
            position.uoffset += u64::from(record.ubytes);
            self.tools.shared.tallies.written(lane as usize, u64::from(record.ubytes), u64::from(record.ubytes));
            count(frames_stored, 1);
            count(bytes_stored, u64::from(record.ubytes));
            count(bytes_direct, u64::from(record.ubytes));
        }
    }
}

fn piece(frame: &mut FullFrame) -> Piece<'_> {
    let ubytes = u32::try_from(frame.buffer.content_bytes()).unwrap_or(u32::MAX);
    let record = FrameRecord { ubytes, flags: STORED, ..frame.buffer.summary.record() };
    Piece { bytes: frame.buffer.stored(Some(0)), record }
}
