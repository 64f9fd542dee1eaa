//! Crashes at every moment: what was said to be safe is there afterwards.

use super::faulty_disk::{Fault, FaultyDisk};
use super::generator::{Random, Record, Recorder, options};
use super::inspect::{Missing, check_indexes, check_packets, floors};
use crate::options::{Compression, Options};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Crash {
    Kill,
    PowerLoss,
}

#[test]
fn a_killed_recorder_loses_at_most_what_came_since_the_last_tick() {
    each_seed(|seed| crash_and_recover(seed, Crash::Kill));
}

#[test]
fn a_power_loss_takes_nothing_that_was_said_to_be_durable() {
    each_seed(|seed| crash_and_recover(seed, Crash::PowerLoss));
}

/// Runs with many seeds, or with `WIRETAPE_SEED`; a failing one is printed by the panic of its thread.
pub(super) fn each_seed(test: impl Fn(u64) + std::panic::RefUnwindSafe) {
    if let Some(seed) = std::env::var("WIRETAPE_SEED").ok().and_then(|seed| seed.parse().ok()) {
        return test(seed);
    }
    let seeds = std::env::var("WIRETAPE_SEEDS").ok().and_then(|count| count.parse().ok()).unwrap_or(15);
    for seed in 0..seeds {
        let outcome = std::panic::catch_unwind(|| test(seed));
        if let Err(panic) = outcome {
            eprintln!("failed with WIRETAPE_SEED={seed}");
            std::panic::resume_unwind(panic);
        }
    }
}

fn crash_and_recover(seed: u64, crash: Crash) {
    let mut random = Random::new(seed);
    let budget_bytes = 1_000_000 + random.below(4_000_000);
    let compression = if random.one_in(3) { Compression::None } else { Compression::Zstd(1) };
    let options = || options(budget_bytes, compression);
    let mut record = Record::default();
    let mut disk = FaultyDisk::new(seed);
    disk.set_budget(budget_bytes);
    for _ in 0..3 {
        disk.inject(Fault::Crash(1 + random.below(1200)));
        run_until_crash(&disk, options(), &mut random, &mut record);
        let (seed, floors) = (random.next(), floors(&disk));
        disk = match crash {
            Crash::Kill => disk.after_kill(seed),
            Crash::PowerLoss => disk.after_power_loss(seed),
        };
        let safe = if crash == Crash::Kill { record.in_kernel } else { record.durable };
        recover(&mut disk, options(), &mut random, crash);
        assert!(disk.used() <= budget_bytes, "{} bytes are used of {budget_bytes}", disk.used());
        disk.set_budget(budget_bytes);
        check_packets(&disk, &record, Missing::NothingOf(safe), &floors);
        check_indexes(&disk, true);
        forget_lost(&disk, &mut record);
    }
}

/// Records until the disk stops, or for a while.
fn run_until_crash(disk: &FaultyDisk, options: Options, random: &mut Random, record: &mut Record) {
    let Ok(mut recorder) = Recorder::open(disk, options, record) else { return };
    for _ in 0..60 {
        let count = if random.one_in(10) { 400 } else { random.below(40) };
        recorder.append_some(random, count, record);
        if disk.has_crashed() {
            return;
        }
        recorder.tick(random, record);
        // Who has crashed says nothing any more.
        if disk.has_crashed() {
            return;
        }
        recorder.note(record);
    }
}

/// Opens the tape again, with a crash or two on the way, and closes it.
fn recover(disk: &mut FaultyDisk, options: Options, random: &mut Random, crash: Crash) {
    for _ in 0..random.below(3) {
        disk.inject(Fault::Crash(disk.operations() + 1 + random.below(40)));
        let opened = Recorder::open(disk, options.clone(), &Record::default());
        drop(opened);
        let seed = random.next();
        *disk = if crash == Crash::Kill { disk.after_kill(seed) } else { disk.after_power_loss(seed) };
    }
    disk.heal();
    let recorder = Recorder::open(disk, options, &Record::default()).unwrap_or_else(|error| panic!("{error}"));
    let Recorder { tape, mut table, .. } = recorder;
    tape.close(&mut table);
}

/// Takes what did not survive out of the record, so that the next run is judged by what is there.
fn forget_lost(disk: &FaultyDisk, record: &mut Record) {
    let found = super::inspect::all_packets(disk);
    record.appended.retain(|(arrival, _)| found.contains(arrival));
    record.durable = record.appended.len();
    record.in_kernel = record.appended.len();
}
