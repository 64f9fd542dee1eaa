//! What was said in a period's heads, for its rows: read back beside the recording, by the thread that writes rows.
//!
//! It is the same code that reads payload for questions, and it costs the way of packets nothing. What a recording has no
//! time for is counted: a row of which nothing was read says so.

use std::path::Path;
use std::time::{Duration, Instant};

use flow::{FlowPart, PayloadReader};

use crate::checkpoint::FramePosition;
use crate::question::{Attribution, is_from_client, sort_and_dedup};
use crate::read::{Frame, Merge, Merged, Tape};
use crate::{Error, Lane};

/// Of the time between two periods' rows, a recording spends one part in so many on it: rows that wait take memory.
const PART_OF_TIME: u32 = 4;
/// It is never given less than this.
const TIME_MIN: Duration = Duration::from_millis(100);

/// Fills in what was said, period by period.
pub(crate) struct Said {
    reader: Box<dyn PayloadReader>,
    /// Packets come at their own pace; without that there is time for everything.
    is_live: bool,
    /// When the last period was done.
    done: Instant,
}

impl Said {
    /// Begins with the first period from now on.
    pub(crate) fn new(reader: Box<dyn PayloadReader>, is_live: bool) -> Self {
        Self { reader, is_live, done: Instant::now() }
    }

    /// Fills in what payload says of the parts of a period whose packets are in these frames. Returns the packets that
    /// were not read.
    pub(crate) fn fill(
        &mut self,
        directory: &Path,
        frames: impl Iterator<Item = FramePosition>,
        parts: &mut [FlowPart],
    ) -> Result<u64, Error> {
        let begun = Instant::now();
        let time_max = ((begun - self.done) / PART_OF_TIME).max(TIME_MIN);
        let has_time = || !self.is_live || begun.elapsed() < time_max;
        let unread = read(directory, frames, parts, self.reader.as_mut(), has_time);
        self.done = Instant::now();
        unread
    }
}

fn read(
    directory: &Path,
    frames: impl Iterator<Item = FramePosition>,
    parts: &mut [FlowPart],
    reader: &mut dyn PayloadReader,
    has_time: impl Fn() -> bool,
) -> Result<u64, Error> {
    let mut tape = Tape::open(directory)?;
    let wanted = heads(&mut tape, frames)?;
    let mut attribution = Attribution::of_parts(parts);
    let (mut was_read, mut unread) = (vec![false; parts.len()], 0);
    // One after the other: together, frames that overlap would be in memory at once, and a flow's heads are in order
    // within their lane. Junk comes last, and goes first.
    for frame in wanted {
        if !has_time() {
            unread += u64::from(frame.packets);
            continue;
        }
        let mut packets = Merge::new(&mut tape, vec![frame]);
        while let Some(Merged { packet, interface, arrival, .. }) = packets.next()? {
            let headers = packet::decode(interface.link_type, packet.data, packet.wire_bytes);
            let Some(number) = attribution.flow_of(&headers, arrival) else { continue };
            let (Some(part), Some(was_read)) = (parts.get(number), was_read.get_mut(number)) else { continue };
            *was_read = true;
            reader.packet(part.flow_id, is_from_client(&part.key, &headers), &packet, &headers);
        }
    }
    for (part, was_read) in parts.iter_mut().zip(was_read) {
        if part.end_reason.is_some() {
            reader.end(part.flow_id);
        }
        let said = reader.take(part.flow_id, part.key.dest, part.end);
        part.payload = said.or_else(|| was_read.then(Box::default));
    }
    reader.forget();
    Ok(unread)
}

/// The frames of heads among these, by lane, in the order of their files.
fn heads(tape: &mut Tape, positions: impl Iterator<Item = FramePosition>) -> Result<Vec<Frame>, Error> {
    let mut listing = tape.list()?;
    let mut frames = Vec::new();
    for FramePosition { lane, position } in positions.filter(|frame| frame.lane != Lane::Bulk) {
        frames.extend(listing.find(tape, lane, position.segment, position.uoffset)?);
    }
    sort_and_dedup(&mut frames);
    Ok(frames)
}
