//! The packets that are in no flow file yet: they are replayed into rows.

use std::collections::HashSet;
use std::sync::Arc;

use filter::question::Truth;
use flow::{Config, FlowPart, FlowTable};
use packet::{Interface, Packet};

use super::listen::Listener;
use super::reading::Reading;
use super::replay::{Mark, Origin, Replay};
use crate::format::names;
use crate::format::state::{Covers, Position};
use crate::read::{Frame, Merge, Merged, Tape};
use crate::{Error, Lane};

/// A packet of the tail on its way into the rows.
pub(super) type Matches<'a> = &'a mut dyn FnMut(&Packet, &Interface) -> Truth;

/// What is done with the packets behind the flow files.
pub(super) struct Tail<'a> {
    /// Says of each whether it matches.
    pub(super) matches: Matches<'a>,
    /// The flow table is wanted even if there are none.
    pub(super) keeps_table: bool,
    /// Hears what is said in them.
    pub(super) listener: Option<Listener>,
}

impl<'a> Tail<'a> {
    /// They become rows.
    pub(super) fn rows(matches: Matches<'a>) -> Self {
        Self { matches, keeps_table: false, listener: None }
    }
}

impl Reading<'_> {
    /// Whether there are packets behind the flow files.
    pub(super) fn has_tail(&mut self, covers: Covers) -> Result<bool, Error> {
        let from = self.view.state.as_ref().map_or(covers, |state| state.head.covers);
        let tail = self.frames(|lane| (from.lane(lane).max(covers.lane(lane)), None))?;
        Ok(tail.iter().any(|frame| frame.packets > 0))
    }

    /// Replays the packets behind the flow files.
    pub(super) fn replay_tail(&mut self, covers: Covers, tail: Tail) -> Result<Replayed, Error> {
        let Tail { matches, listener, .. } = tail;
        let (from, table) = self.table(covers);
        let mut replay = Replay::new(table);
        // Between the state and the newest flow file: packets that have rows, and that the table has to see.
        let counted = self.frames(|lane| (from.lane(lane), Some(covers.lane(lane))))?;
        run(&mut self.view.tape, counted.iter(), &mut replay, &mut |_, _| Truth::False, &mut |_, _, _| {})?;
        let tail = self.frames(|lane| (from.lane(lane).max(covers.lane(lane)), None))?;
        replay.listener = listener;
        let gather = &mut self.gather;
        gather.file = None;
        run(&mut self.view.tape, tail.iter(), &mut replay, matches, &mut |part, in_iface, mark| {
            gather.add(part, in_iface, mark.frames, mark.alone);
        })?;
        let rowless: HashSet<u32> = replay.rowless().iter().copied().collect();
        let packets = tail.iter().map(|frame| u64::from(frame.packets)).sum();
        Ok(Replayed {
            packets,
            rowless: tail.into_iter().filter(|frame| rowless.contains(&frame.number)).collect(),
            replay,
        })
    }

    /// The flow table to go on with, and up to where it has seen packets.
    fn table(&mut self, covers: Covers) -> (Covers, FlowTable) {
        let config = || Config::new(self.view.tape.id_bytes(), [0; 32]);
        let Some(state) = &self.view.state else { return (covers, FlowTable::new(config())) };
        let restored = match state.snapshot() {
            Some(snapshot) => FlowTable::restore(config(), &snapshot).map_err(|error| error.to_string()),
            None => Err("its checksum is wrong".to_owned()),
        };
        match restored {
            Ok(table) => (state.head.covers, table),
            Err(error) => {
                let table = FlowTable::new(config());
                let path = self.view.tape.directory().join(names::state_path());
                self.view.tape.notes.damaged(&path, error);
                (covers, table)
            }
        }
    }

    /// What frames of all lanes have between two positions, numbered by their places.
    fn frames(&mut self, range: impl Fn(Lane) -> (Position, Option<Position>)) -> Result<Vec<Frame>, Error> {
        let mut frames = Vec::new();
        for lane in Lane::ALL {
            let (from, to) = range(lane);
            for mut frame in self.view.listing.between(&mut self.view.tape, lane, from, to)? {
                frame.number = self.view.places.number_of(&frame);
                frame.narrow(from, to);
                frames.push(frame);
            }
        }
        Ok(frames)
    }
}

pub(super) struct Replayed {
    pub(super) replay: Replay,
    pub(super) packets: u64,
    pub(super) rowless: Vec<Frame>,
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
