//! What was said in a period's heads, for its rows: read back beside the recording, by the thread that writes rows.
//!
//! It is the same code that reads payload for questions, and it costs the way of packets nothing. What it has no time
//! for is counted: a row of which nothing was read says so.

use std::path::Path;
use std::time::{Duration, Instant};

use flow::{FlowPart, PayloadReader};

use crate::checkpoint::FramePosition;
use crate::question::{Attribution, is_from_client, sort_and_dedup};
use crate::read::{Frame, Merge, Merged, Tape};
use crate::{Error, Lane};

/// Bytes of heads that are read back of one period.
const BYTES_MAX: u64 = 512 << 20;
/// How long that may take: rows that wait must not wait for long.
const TIME_MAX: Duration = Duration::from_secs(4);
/// Packets between looks at the clock.
const PACKETS_BETWEEN: u64 = 1024;

/// Fills in what payload says of the parts of a period whose packets are in these frames. Returns the packets that were
/// not read.
pub(crate) fn fill(
    directory: &Path,
    frames: impl Iterator<Item = FramePosition>,
    parts: &mut [FlowPart],
    reader: &mut dyn PayloadReader,
) -> Result<u64, Error> {
    let mut tape = Tape::open(directory)?;
    let (wanted, mut unread) = find(&mut tape, frames)?;
    let packets: u64 = wanted.iter().map(|frame| u64::from(frame.packets)).sum();
    let mut attribution = Attribution::of_parts(parts);
    let mut was_read = vec![false; parts.len()];
    let mut merge = Merge::new(&mut tape, wanted);
    let (begun, mut count) = (Instant::now(), 0);
    while let Some(Merged { packet, interface, arrival, .. }) = merge.next()? {
        count += 1;
        if count % PACKETS_BETWEEN == 0 && begun.elapsed() > TIME_MAX {
            unread += packets.saturating_sub(count);
            break;
        }
        let headers = packet::decode(interface.link_type, packet.data, packet.wire_bytes);
        let Some(number) = attribution.flow_of(&headers, arrival) else { continue };
        let (Some(part), Some(was_read)) = (parts.get(number), was_read.get_mut(number)) else { continue };
        *was_read = true;
        reader.packet(part.flow_id, is_from_client(&part.key, &headers), &packet, &headers);
    }
    for (part, was_read) in parts.iter_mut().zip(was_read) {
        if part.end_reason.is_some() {
            reader.end(part.flow_id);
        }
        let said = reader.take(part.flow_id, part.key.dest, part.end);
        part.payload = said.or_else(|| was_read.then(Box::default));
    }
    Ok(unread)
}

/// The frames of heads among these, as many as can be read; and the packets of the others.
fn find(tape: &mut Tape, positions: impl Iterator<Item = FramePosition>) -> Result<(Vec<Frame>, u64), Error> {
    let mut listing = tape.list()?;
    let mut frames = Vec::new();
    for FramePosition { lane, position } in positions.filter(|frame| frame.lane != Lane::Bulk) {
        frames.extend(listing.find(tape, lane, position.segment, position.uoffset)?);
    }
    sort_and_dedup(&mut frames);
    // Junk comes last in this order, and goes first.
    let mut bytes = 0;
    let is_too_much = |frame: &Frame| {
        bytes += u64::from(frame.ubytes);
        bytes > BYTES_MAX
    };
    let room = frames.iter().position(is_too_much).unwrap_or(frames.len());
    let unread = frames.drain(room..).map(|frame| u64::from(frame.packets)).sum();
    Ok((frames, unread))
}
