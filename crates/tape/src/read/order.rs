//! In which order frames are read: in that of their arrival numbers, ahead of need, neighbours in one piece.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, OnceLock};

use super::ahead::{Ahead, Loaded, Order};
use super::bytes::Described;
use super::load::{Piece, Run, Source};
use super::{Frame, Stored, Tape};
use crate::Error;

/// Uncompressed bytes that are read ahead at most.
const AHEAD_BYTES_MAX: u64 = 24 << 20;

/// Frames that are read ahead at most.
const AHEAD_FRAMES_MAX: usize = 64;

/// Bytes that are read at once at most, unless one frame has more.
const RUN_BYTES_MAX: u32 = 1 << 20;

/// How much later than the first the other frames of a run may be due, counted in frames: they wait in memory.
const RUN_REACH: usize = 64;

/// Frames by least arrival number, as they come into memory.
pub(super) struct Frames {
    frames: Vec<Frame>,
    /// Of each frame the place of the one that follows it in its file, if that is wanted too.
    neighbours: Vec<Option<u32>>,
    /// Runs that frames which are not ordered yet are part of, and where.
    runs: HashMap<usize, (Arc<Run>, usize)>,
    /// How many have been ordered or passed over.
    ordered: usize,
    ahead: Ahead,
    tickets: VecDeque<Ticket>,
    /// Bytes of the frames in `tickets`.
    ahead_bytes: u64,
    /// How many frames may be ordered: few at first, since few may be enough.
    ahead_frames_max: usize,
}

/// A frame that has been ordered.
struct Ticket {
    place: usize,
    interfaces: Arc<Vec<u32>>,
}

/// A frame that is there.
pub(super) struct Arrived {
    /// Its place among the frames.
    pub(super) place: usize,
    /// From the segment's numbering of interfaces to the tape's.
    pub(super) interfaces: Arc<Vec<u32>>,
    pub(super) loaded: Loaded,
}

impl Frames {
    /// Those of `frames` that hold packets.
    pub(super) fn new(mut frames: Vec<Frame>) -> Self {
        frames.retain(|frame| frame.packets > 0);
        frames.sort_by_key(|frame| frame.arrivals.0);
        Self {
            neighbours: neighbours(&frames),
            frames,
            runs: HashMap::new(),
            ordered: 0,
            ahead: Ahead::new(),
            tickets: VecDeque::new(),
            ahead_bytes: 0,
            ahead_frames_max: 1,
        }
    }

    /// The frame at a place.
    pub(super) fn frame(&self, place: usize) -> &Frame {
        &self.frames[place]
    }

    /// The least arrival number of the frames that are still to come.
    #[inline]
    pub(super) fn due(&self) -> Option<u64> {
        let place = self.tickets.front().map_or(self.ordered, |ticket| ticket.place);
        self.frames.get(place).map(|frame| frame.arrivals.0)
    }

    /// The next frame; one that is gone or cannot be read is noted in the tape's notes and passed over.
    pub(super) fn next(&mut self, tape: &mut Tape) -> Result<Option<Arrived>, Error> {
        loop {
            while self.wants_more() {
                self.order(tape)?;
            }
            let Some(Ticket { place, interfaces }) = self.tickets.pop_front() else { return Ok(None) };
            let Some(mut loaded) = self.ahead.next() else { return Ok(None) };
            self.ahead_frames_max = (self.ahead_frames_max * 2).min(AHEAD_FRAMES_MAX);
            let frame = &self.frames[place];
            self.ahead_bytes -= u64::from(frame.ubytes);
            if let Some(what) = loaded.fault.take() {
                tape.note_unreadable(frame, &what);
                self.give_back(loaded);
                continue;
            }
            if loaded.torn {
                tape.note_torn(frame);
            }
            return Ok(Some(Arrived { place, interfaces, loaded }));
        }
    }

    /// Takes the memory of a frame back.
    pub(super) fn give_back(&self, loaded: Loaded) {
        self.ahead.give_back(loaded);
    }

    fn wants_more(&self) -> bool {
        let has_room = self.tickets.len() < self.ahead_frames_max && self.ahead_bytes < AHEAD_BYTES_MAX;
        self.ordered < self.frames.len() && (has_room || self.tickets.is_empty())
    }

    /// Orders the next frame, unless it is gone.
    fn order(&mut self, tape: &mut Tape) -> Result<(), Error> {
        let place = self.ordered;
        self.ordered += 1;
        let frame = &self.frames[place];
        let Some(Described { file, interfaces }) = tape.described_segment(frame)? else {
            self.runs.remove(&place);
            return Ok(());
        };
        let source = match &frame.stored {
            Stored::Journal(bytes) => Source::Memory(bytes.clone()),
            Stored::File { coffset, cbytes } => {
                let (offset, bytes) = (*coffset, *cbytes);
                if !self.runs.contains_key(&place) {
                    let piece = Piece { file: file.clone(), offset, bytes };
                    begin_run(&self.frames, &self.neighbours, &mut self.runs, place, piece);
                }
                match self.runs.remove(&place) {
                    Some((run, at)) => Source::Run(run, at, bytes),
                    None => Source::Piece(Piece { file, offset, bytes }),
                }
            }
        };
        self.ahead_bytes += u64::from(frame.ubytes);
        self.ahead.order(Order {
            source,
            encoding: frame.segment.encoding,
            ubytes: frame.ubytes,
            part: frame.part.clone(),
            first_arrival: frame.arrivals.0,
        });
        self.tickets.push_back(Ticket { place, interfaces });
        Ok(())
    }
}

/// Makes a run of the frame at `place` and its neighbours, if these are small and due soon. `piece` is that frame.
fn begin_run(
    frames: &[Frame],
    neighbours: &[Option<u32>],
    runs: &mut HashMap<usize, (Arc<Run>, usize)>,
    place: usize,
    mut piece: Piece,
) {
    let mut members = vec![(place, 0)];
    let mut last = place;
    while let Some(next) = neighbours.get(last).copied().flatten().map(|next| next as usize) {
        let Some(Stored::File { cbytes, .. }) = frames.get(next).map(|frame| &frame.stored) else { break };
        let total = piece.bytes.saturating_add(*cbytes);
        if next <= place || next > place + RUN_REACH || total > RUN_BYTES_MAX || runs.contains_key(&next) {
            break;
        }
        members.push((next, piece.bytes as usize));
        piece.bytes = total;
        last = next;
    }
    if members.len() > 1 {
        let run = Arc::new(Run { piece, read: OnceLock::new() });
        runs.extend(members.into_iter().map(|(member, at)| (member, (run.clone(), at))));
    }
}

/// Of each frame the place of the one that begins in its file where it ends.
fn neighbours(frames: &[Frame]) -> Vec<Option<u32>> {
    let mut in_files: Vec<(_, u64, u64, u32)> = Vec::with_capacity(frames.len());
    for (place, frame) in (0..).zip(frames) {
        if let Stored::File { coffset, cbytes } = frame.stored {
            let segment = (frame.lane.number(), frame.segment.number);
            in_files.push((segment, coffset, coffset.saturating_add(cbytes.into()), place));
        }
    }
    in_files.sort_unstable();
    let mut neighbours = vec![None; frames.len()];
    for (one, next) in in_files.iter().zip(in_files.iter().skip(1)) {
        if one.0 == next.0 && one.2 == next.1 {
            neighbours[one.3 as usize] = Some(next.3);
        }
    }
    neighbours
}

#[cfg(test)]
mod tests {
    use packet::Timestamp;

    use super::*;
    use crate::Lane;
    use crate::format::names::{Encoding, SegmentName};

    fn frame((segment, coffset, cbytes): (u64, u64, u32)) -> Frame {
        Frame {
            number: 0,
            lane: Lane::Client,
            segment: SegmentName { number: segment, time: Timestamp(0), encoding: Encoding::Zstd },
            uoffset: coffset,
            ubytes: cbytes,
            packets: 1,
            arrivals: (0, 0),
            times: (Timestamp(0), Timestamp(0)),
            part: 0..cbytes,
            describes: false,
            interfaces: 0,
            stored: Stored::File { coffset, cbytes },
        }
    }

    #[test]
    fn neighbours_that_are_small_are_read_at_once() {
        let check = |frames: &[(u64, u64, u32)], expected: &[(usize, usize)]| {
            let frames: Vec<Frame> = frames.iter().copied().map(frame).collect();
            let Stored::File { coffset, cbytes } = frames[0].stored else { unreachable!("all are in files") };
            let file = Arc::new(tempfile::tempfile().expect("a file"));
            let mut runs = HashMap::new();
            let piece = Piece { file, offset: coffset, bytes: cbytes };
            begin_run(&frames, &neighbours(&frames), &mut runs, 0, piece);
            let mut found: Vec<(usize, usize)> = runs.iter().map(|(place, (_, at))| (*place, *at)).collect();
            found.sort_unstable();
            assert_eq!(found, expected, "{frames:?}");
        };
        check(&[(1, 100, 10)], &[]);
        check(&[(1, 100, 10), (1, 110, 20), (1, 130, 5)], &[(0, 0), (1, 10), (2, 30)]);
        check(&[(1, 100, 10), (2, 110, 20), (1, 110, 5)], &[(0, 0), (2, 10)]);
        check(&[(1, 100, 10), (1, 111, 20)], &[]);
        check(&[(1, 100, 10), (1, 90, 10)], &[]);
        check(&[(1, 0, 1 << 19), (1, 1 << 19, 1 << 19), (1, 1 << 20, 1)], &[(0, 0), (1, 1 << 19)]);
        check(&[(1, 0, 1 << 20), (1, 1 << 20, 1)], &[]);
    }
}
