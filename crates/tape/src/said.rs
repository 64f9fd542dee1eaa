//! What was said in a period's heads, for its rows: read back beside the recording, by the thread that writes rows.
//!
//! It is the same code that reads payload for questions, and it costs the way of packets nothing. What a recording has no
//! time for is counted, and rows of which not everything was read say so.

use std::path::Path;
use std::time::{Duration, Instant};

use flow::{EndReason, FILE_HASHES, FlowPart, LaneSet, PayloadReader};

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

    /// Fills in what payload says of the parts of a period whose packets are in these frames; nothing more comes after the
    /// last one. Returns the packets that were not read.
    pub(crate) fn fill(
        &mut self,
        directory: &Path,
        frames: impl Iterator<Item = FramePosition>,
        parts: &mut [FlowPart],
        is_last: bool,
    ) -> Result<u64, Error> {
        let begun = Instant::now();
        let time_max = ((begun - self.done) / PART_OF_TIME).max(TIME_MIN);
        let has_time = || !self.is_live || begun.elapsed() < time_max;
        let unread = read(directory, frames, parts, self.reader.as_mut(), has_time);
        if is_last {
            self.reader.finish();
        }
        if let Ok(unread) = &unread {
            self.fill_parts(parts, unread);
        }
        self.done = Instant::now();
        Ok(unread?.passed_over.packets)
    }

    fn fill_parts(&mut self, parts: &mut [FlowPart], Unread { was_read, passed_over }: &Unread) {
        let reader = self.reader.as_mut();
        for (part, was_read) in parts.iter_mut().zip(was_read) {
            if part.end_reason.is_some() {
                reader.end(part.flow_id);
            }
            let is_told = (*was_read || !speaks(part)) && !passed_over.can_be_of(part);
            let is_whole = is_told && !reader.is_waiting(part.flow_id);
            part.payload = reader.take(part.flow_id, part.key.dest, part.end).or_else(|| is_told.then(Box::default));
            let goes_on = part.says_more_than_head();
            if let Some(payload) = &mut part.payload {
                payload.is_partial = !is_whole;
                if goes_on {
                    payload.note_more(FILE_HASHES);
                }
            }
        }
        reader.forget();
    }
}

/// What was read of the parts of a period, and what was not.
struct Unread {
    was_read: Vec<bool>,
    passed_over: PassedOver,
}

fn read(
    directory: &Path,
    frames: impl Iterator<Item = FramePosition>,
    parts: &[FlowPart],
    reader: &mut dyn PayloadReader,
    has_time: impl Fn() -> bool,
) -> Result<Unread, Error> {
    let mut tape = Tape::open(directory)?;
    let mut passed_over = PassedOver::default();
    let wanted = heads(&mut tape, frames, &mut passed_over)?;
    let mut attribution = Attribution::of_parts(parts);
    let mut was_read = vec![false; parts.len()];
    // One after the other: together, frames that overlap would be in memory at once, and a flow's heads are in order
    // within their lane. Junk comes last, and goes first.
    for frame in wanted {
        if !has_time() {
            passed_over.add(&frame);
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
    Ok(Unread { was_read, passed_over })
}

/// Whether a part has packets of a head, or may have: one that stands for several flows says only that there are some.
fn speaks(part: &FlowPart) -> bool {
    part.lanes != LaneSet::from_iter([Lane::Bulk]) && part.end_reason != Some(EndReason::Summed)
}

/// What there was no time for.
#[derive(Default)]
struct PassedOver {
    packets: u64,
    /// By lane, the least and the greatest arrival number of it.
    arrivals: [Option<(u64, u64)>; Lane::ALL.len()],
}

impl PassedOver {
    fn add(&mut self, frame: &Frame) {
        self.packets += u64::from(frame.packets);
        self.add_arrivals(frame.lane, frame.arrivals);
    }

    fn add_arrivals(&mut self, lane: Lane, (first, last): (u64, u64)) {
        let of_lane = &mut self.arrivals[lane.number()];
        let (least, greatest) = of_lane.unwrap_or((first, last));
        *of_lane = Some((least.min(first), greatest.max(last)));
    }

    fn can_be_of(&self, part: &FlowPart) -> bool {
        part.lanes.iter().any(|lane| {
            let of_lane = self.arrivals[lane.number()];
            of_lane.is_some_and(|(least, greatest)| part.first_arrival <= greatest && part.last_arrival >= least)
        })
    }
}

/// The frames of heads among these, by lane, in the order of their files.
fn heads(
    tape: &mut Tape,
    positions: impl Iterator<Item = FramePosition>,
    passed_over: &mut PassedOver,
) -> Result<Vec<Frame>, Error> {
    let mut listing = tape.list()?;
    let mut frames = Vec::new();
    for FramePosition { lane, position } in positions.filter(|frame| frame.lane != Lane::Bulk) {
        match listing.find(tape, lane, position.segment, position.uoffset)? {
            Some(frame) => frames.push(frame),
            None => passed_over.add_arrivals(lane, (0, u64::MAX)),
        }
    }
    sort_and_dedup(&mut frames);
    Ok(frames)
}
