//! The flows of a tape: rows of its flow files, and of the packets that are not in any of them yet.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::sync::Arc;

use flow::{Config, FlowPart, FlowTable, Lane};
use packet::{Interface, Packet};

use super::gather::{Gather, Gathered};
use super::replay::{Mark, Origin, Replay};
use crate::Error;
use crate::format::names::{self, FlowFileName};
use crate::format::state::{self, Covers, Position, StateHead};
use crate::read::{Frame, Merge, Merged, Tape};
use crate::rows::{FlowFile, FramePlace, RowsError};

/// The flows of a tape, and which of its frames they are in.
pub(super) struct Rows {
    pub(super) gather: Gather,
    /// For each frame, whether the flows of all its packets are known.
    pub(super) known: Vec<bool>,
    /// Frames that rows refer to and that are gone carry this number.
    pub(super) missing: u32,
    /// The flow table behind the last packet, if the tail was replayed.
    pub(super) replay: Option<Replay>,
}

/// A packet of the tail on its way into the rows.
pub(super) type Matches<'a> = &'a mut dyn FnMut(&Packet, &Interface) -> bool;

/// Reads the rows of all flow files; `keep` says which flows that have ended are still of interest.
///
/// With `tail`, packets behind the flow files are replayed into rows, and `tail` says of each whether it matches.
pub(super) fn read(
    tape: &mut Tape,
    frames: &[Frame],
    keep: &mut dyn FnMut(&Gathered) -> bool,
    tail: Option<Matches>,
) -> Result<Rows, Error> {
    let places = Places::new(frames);
    // The state first: a flow file that appears meanwhile only makes it older than the files, never newer.
    let state = read_state(tape);
    let mut rows = Rows {
        gather: Gather::default(),
        known: vec![false; frames.len()],
        missing: frames.len() as u32,
        replay: None,
    };
    let mut covers = Covers::default();
    for name in tape.flow_files()? {
        if let Some(file) = open(tape, name)? {
            add_file(tape, name, &file, &places, &mut rows);
            covers = file.metadata().covers;
            rows.gather.drop_ended(&mut *keep);
        }
    }
    if let Some(matches) = tail {
        replay_tail(tape, frames, state, covers, &mut rows, matches)?;
        rows.gather.drop_ended(keep);
    }
    Ok(rows)
}

/// Where frames are in a list of them.
struct Places<'f> {
    /// Of each segment, its frames by offset.
    segments: HashMap<(Lane, u64), Vec<(u64, u32)>>,
    frames: &'f [Frame],
}

impl<'f> Places<'f> {
    fn new(frames: &'f [Frame]) -> Self {
        let mut segments: HashMap<(Lane, u64), Vec<(u64, u32)>> = HashMap::new();
        for (number, frame) in frames.iter().enumerate() {
            segments.entry((frame.lane, frame.segment.number)).or_default().push((frame.uoffset, number as u32));
        }
        Self { segments, frames }
    }

    /// The frame that has what a row says is at `place`: the one that holds the offset, since a reader may have cut
    /// the stream elsewhere.
    fn find(&self, place: &FramePlace) -> Option<u32> {
        let of_segment = self.segments.get(&(place.lane?, place.segment))?;
        let next = of_segment.partition_point(|(uoffset, _)| *uoffset <= place.uoffset);
        let (_, number) = of_segment.get(next.checked_sub(1)?)?;
        let frame = self.frames.get(*number as usize)?;
        (place.uoffset < frame.uend()).then_some(*number)
    }
}

/// Opens a flow file; `None` if it has been evicted or cannot be read, which is noted.
fn open(tape: &mut Tape, name: FlowFileName) -> Result<Option<FlowFile>, Error> {
    let path = tape.directory().join(name.path());
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            tape.notes.flows_evicted = true;
            return Ok(None);
        }
        Err(error) => return Err(Error::io("opening", &path)(error)),
    };
    match FlowFile::open(file) {
        Ok(file) => Ok(Some(file)),
        Err(error) => {
            tape.notes.damaged(&path, error.to_string());
            Ok(None)
        }
    }
}

fn add_file(tape: &mut Tape, name: FlowFileName, file: &FlowFile, places: &Places, rows: &mut Rows) {
    let metadata = file.metadata();
    let found: Vec<u32> = metadata.frames.iter().map(|place| places.find(place).unwrap_or(rows.missing)).collect();
    let interfaces: Vec<Arc<str>> = metadata.interfaces.iter().map(|name| Arc::from(name.as_str())).collect();
    let mut read = || -> Result<(), RowsError> {
        for group in 0..file.row_groups() {
            for row in file.read(group)? {
                let in_iface = interfaces.get(row.part.in_iface as usize).filter(|name| !name.is_empty());
                let frames = row.frames.iter().filter_map(|frame| found.get(*frame as usize).copied());
                rows.gather.add(&row.part, in_iface, frames, false);
            }
        }
        Ok(())
    };
    if let Err(error) = read() {
        // What has no row here is looked for in the packets.
        tape.notes.damaged(&tape.directory().join(name.path()), error.to_string());
        return;
    }
    for (index, frame) in found.iter().enumerate() {
        let rowless = metadata.rowless.contains(&(index as u32));
        if let Some(known) = rows.known.get_mut(*frame as usize) {
            *known = !rowless;
        }
    }
}

/// The flow table at the last checkpoint.
pub(super) fn read_state(tape: &mut Tape) -> Option<(StateHead, Vec<u8>)> {
    let path = tape.directory().join(names::state_path());
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return None,
        Err(error) => {
            tape.notes.damaged(&path, error.to_string());
            return None;
        }
    };
    let decoded = state::decode(&bytes).map(|(head, snapshot)| (head, snapshot.to_vec()));
    if decoded.is_none() {
        tape.notes.damaged(&path, "its checksum is wrong");
    }
    decoded
}

/// Replays the packets behind the flow files.
fn replay_tail(
    tape: &mut Tape,
    frames: &[Frame],
    state: Option<(StateHead, Vec<u8>)>,
    covers: Covers,
    rows: &mut Rows,
    matches: Matches,
) -> Result<(), Error> {
    let id = tape.id_bytes();
    let config = || Config::new(id, [0; 32]);
    let restored =
        state.map(|(head, snapshot)| FlowTable::restore(config(), &snapshot).map(|table| (head.covers, table)));
    let (from, table) = match restored {
        Some(Ok(restored)) => restored,
        None => (covers, FlowTable::new(config())),
        Some(Err(error)) => {
            let path = tape.directory().join(names::state_path());
            tape.notes.damaged(&path, error.to_string());
            (covers, FlowTable::new(config()))
        }
    };
    let mut replay = Replay::new(table);
    let place = |frame: &Frame| Position { segment: frame.segment.number, uoffset: frame.uoffset };
    // Between the state and the newest flow file: packets that have rows, and that the table has to see.
    let counted = |frame: &&Frame| (from.lane(frame.lane)..covers.lane(frame.lane)).contains(&place(frame));
    run(tape, frames.iter().filter(counted), &mut replay, &mut |_, _| false, &mut |_, _, _| {})?;
    let is_tail = |frame: &&Frame| place(frame) >= from.lane(frame.lane).max(covers.lane(frame.lane));
    let gather = &mut rows.gather;
    run(tape, frames.iter().filter(is_tail), &mut replay, matches, &mut |part, in_iface, mark| {
        gather.add(part, in_iface, mark.frames, mark.seen);
    })?;
    for frame in frames.iter().filter(is_tail) {
        if let Some(known) = rows.known.get_mut(frame.number as usize) {
            *known = !replay.rowless().contains(&frame.number);
        }
    }
    rows.replay = Some(replay);
    Ok(())
}

pub(super) type TakePart<'a> = &'a mut dyn FnMut(&FlowPart, Option<&Arc<str>>, Mark);

/// Puts the packets of frames through a table, and hands out the parts of their flows.
pub(super) fn run<'f>(
    tape: &mut Tape,
    frames: impl Iterator<Item = &'f Frame>,
    replay: &mut Replay,
    matches: Matches,
    take: TakePart,
) -> Result<(), Error> {
    let mut merge = Merge::new(tape, frames.cloned().collect());
    while let Some(Merged { packet, interface, arrival, frame }) = merge.next()? {
        let headers = packet::decode(interface.link_type, packet.data, packet.wire_bytes);
        let matched = matches(&packet, interface);
        replay.take(&packet, &headers, arrival, Origin::Frame(frame.lane, frame.number), matched);
        if replay.wants_end() {
            end_period(replay, merge.tape().interfaces(), take);
        }
    }
    end_period(replay, tape.interfaces(), take);
    Ok(())
}

fn end_period(replay: &mut Replay, interfaces: &[Interface], take: TakePart) {
    let names: Vec<Option<Arc<str>>> =
        interfaces.iter().map(|interface| interface.name.as_deref().map(Arc::from)).collect();
    replay.end_period(|part, mark| take(part, names.get(part.in_iface as usize).and_then(Option::as_ref), mark));
}
