//! What is left of an incident after a flood.

use super::tape::Recorder;
use super::traffic::{FLOODS, Flood, Random, ordinary_for};
use crate::conversation::SECOND;
use flow::{Config, FlowTable, Lane};

const DAY: i64 = 86_400 * SECOND;
const PAUSE: i64 = 60 * SECOND;
const TAPE_BYTES: u64 = 200_000_000;
const BEFORE: usize = 1;
const DURING: usize = 2;

/// A tape that has had its fill of ordinary traffic, and how far back its server lane reaches.
pub(super) fn settled(random: &mut Random) -> (Recorder, i64) {
    let mut recorder = Recorder::new(FlowTable::new(Config::new([7; 16], [9; 32])), TAPE_BYTES);
    while recorder.lanes.iter().take(2).any(|lane| lane.filled < lane.held + TAPE_BYTES / 20) {
        ordinary_for(&mut recorder, random, DAY, PAUSE);
    }
    let reach = recorder.reach(Lane::Server);
    (recorder, reach)
}

/// A flood of so many times the tape's bytes over `span`, beside ordinary traffic.
fn flood(recorder: &mut Recorder, random: &mut Random, flood: Flood, (span, bytes): (i64, u64)) {
    let (start, begun) = (recorder.now, recorder.lanes.iter().map(|lane| lane.filled).sum::<u64>());
    let (mut next, mut next_ordinary) = ((recorder.now, 0), recorder.now);
    // Many shapes leave little: what they send is counted by their packets too.
    let mut sent = 0;
    while recorder.now < start + span {
        recorder.mark = 3;
        let due = |recorder: &Recorder| (bytes as f64 * (recorder.now - start) as f64 / span as f64) as u64;
        let mut turns = 0;
        while sent < due(recorder) && turns < 2000 {
            let before = recorder.lanes.iter().map(|lane| lane.filled).sum::<u64>();
            flood(recorder, random);
            sent += (recorder.lanes.iter().map(|lane| lane.filled).sum::<u64>() - before).max(1000);
            turns += 1;
        }
        recorder.mark = DURING;
        if recorder.now >= next.0 {
            recorder.incident(next.1);
            next = (recorder.now + span / 50, next.1 + 1);
        }
        recorder.mark = 0;
        if recorder.now >= next_ordinary {
            recorder.ordinary(random);
            next_ordinary = recorder.now + random.below(2 * PAUSE as u64) as i64;
        }
        recorder.now += 5 * SECOND;
    }
    assert!(recorder.lanes.iter().map(|lane| lane.filled).sum::<u64>() > begun);
}

/// Parts of an incident's head bytes that are left: of one before the flood, in the newest half of the reach, and of one
/// during it; and of the reach of the server lane.
fn survival(shape: Flood, times: u64) -> (f64, f64, f64) {
    let mut random = Random(42);
    let (mut recorder, reach) = settled(&mut random);
    let half = reach * 9 / 20;
    let start = recorder.now;
    let mut number = 0;
    while recorder.now < start + half {
        recorder.mark = BEFORE;
        recorder.incident(number);
        number += 1;
        recorder.mark = 0;
        ordinary_for(&mut recorder, &mut random, half / 100, PAUSE);
    }
    let reach = recorder.reach(Lane::Server).min(recorder.reach(Lane::Client));
    flood(&mut recorder, &mut random, shape, (reach / 4, times * TAPE_BYTES));
    let part = |mark: usize| recorder.kept(mark) as f64 / recorder.came[mark] as f64;
    (part(BEFORE), part(DURING), recorder.reach(Lane::Server) as f64 / reach as f64)
}

#[test]
fn an_incident_outlives_every_shape_of_flood() {
    let mut failures = Vec::new();
    for (name, shape) in FLOODS {
        let (before, during, reach) = survival(shape, 10);
        eprintln!("{name}: before {before:.3}, during {during:.3}, reach {reach:.2}");
        if before < 0.99 || during < 0.9 || reach < 0.78 {
            failures.push(format!("{name}: before {before:.3}, during {during:.3}, reach {reach:.2}"));
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}
