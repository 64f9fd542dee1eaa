//! `wiretape import`: captures onto a tape of their own.

mod fingerprint;
mod known;

use std::path::Path;
use std::time::{Duration, Instant};

use packet::Packet;
use packet::capture::Reader;
use record::{Counters, Desk, DeskClock};
use tape::KeepFree;

use fingerprint::Fingerprint;

use super::progress::{Measured, Progress};
use crate::args::{AsLiveArgs, ImportArgs};
use crate::errors::{Exit, Failure};
use crate::keeper::TapeKeeper;
use crate::output::coverage::thousands;
use crate::payload;
use crate::settings::{self, Compression, Settings};
use crate::terminal;
use crate::units::size_text;

/// Imports the captures, one after the other.
pub(crate) fn run(arguments: &ImportArgs) -> Result<Exit, Failure> {
    for path in &arguments.files {
        look_at(path)?;
    }
    let before = tape::imports::imports(&arguments.tape)?;
    if !arguments.again {
        known::refuse(&arguments.files, &before)?;
    }
    let opened = tape::Tape::open(&arguments.tape, options(arguments)?)?;
    let keeper = TapeKeeper::new(opened.tape, &arguments.tape).patient();
    let clock = if arguments.as_live { DeskClock::PacketsAsLive } else { DeskClock::Packets };
    let mut desk = Desk::new(keeper, opened.table, clock, false);
    if let Some(networks) = &arguments.live.home_net {
        desk.set_home(networks.0.iter().map(|prefix| flow::Network::new(prefix.address, prefix.bits)));
    }
    let start = Instant::now();
    let progress = Progress::new(&arguments.files);
    let mut failures = Vec::new();
    for path in &arguments.files {
        let begun = known::of_file(path);
        begun.iter().for_each(|begun| desk.keeper().note_import(begun.clone()));
        let fingerprint = Fingerprint::default();
        let (packets, ended) = import(path, &mut desk, &progress, &fingerprint);
        let import = fingerprint.import(path, packets);
        if !arguments.again && begun.is_none() {
            known::warn_of(&import, &before);
        }
        desk.keeper().note_import(import);
        failures.extend(ended.err());
    }
    progress.finish();
    let (keeper, mut table, counters) = desk.finish();
    let on_tape = keeper.close(&mut table);
    if arguments.as_live || on_tape.files_evicted + on_tape.packets_lost == 0 {
        summarise(arguments, &counters, start);
        return conclude(failures);
    }
    failures.iter().for_each(terminal::failure);
    Err(disk_full(arguments, &counters, on_tape.files_evicted))
}

/// Missing files are told before anything is written.
fn look_at(path: &Path) -> Result<(), Failure> {
    if path == Path::new("-") {
        return Ok(());
    }
    let there = std::fs::File::open(path).and_then(|file| file.metadata());
    let metadata = there.map_err(|error| Failure::system(format!("cannot open {}", path.display()), &error))?;
    if metadata.is_dir() {
        return Err(Failure::call(format!("{} is a folder", path.display())).attempt("name the captures in it"));
    }
    Ok(())
}

/// What is imported stays, the file system is the limit; unless it is kept as a recorder keeps it.
fn options(arguments: &ImportArgs) -> Result<tape::Options, Failure> {
    let mut options = if arguments.as_live {
        as_live_options(arguments)?
    } else {
        let mut options = tape::Options::new(IMPORT_BUDGET_BYTES);
        options.flows.makes_room = true;
        options
    };
    options.keep_free = keep_free(arguments, options.keep_free)?;
    options.sensor = "import".to_owned();
    options.payload = Some(payload::of_heads);
    options.is_live = false;
    // A file can wait: nothing is stored uncompressed for speed, and a slow disk costs no packet.
    options.steps_aside = false;
    options.wait_max = Duration::from_secs(3600);
    options.workers = std::thread::available_parallelism().ok().map(|processors| processors.get().min(8));
    options.compression = match arguments.compress {
        Some(Compression::None) => tape::Compression::None,
        Some(Compression::Zstd(level)) => tape::Compression::Zstd(i32::from(level)),
        None => options.compression,
    };
    Ok(options)
}

fn as_live_options(arguments: &ImportArgs) -> Result<tape::Options, Failure> {
    let AsLiveArgs { budget, head, max_age, max_age_flows, roll, .. } = arguments.live;
    let settings = Settings { budget, head, max_age, max_age_flows, roll, ..Settings::default() };
    let mut options = super::record::keep_options(&settings, &arguments.tape)?;
    options.packets_are_clock = true;
    Ok(options)
}

fn keep_free(arguments: &ImportArgs, usual: KeepFree) -> Result<KeepFree, Failure> {
    let whole_bytes = super::record::file_system_bytes(&arguments.tape)?;
    let said = arguments.keep_free.or(settings::from_environment(settings::environment())?.keep_free);
    let bytes = match said {
        Some(limit) => limit.bytes(whole_bytes),
        None if arguments.as_live => usual.bytes(whole_bytes),
        None => usual.bytes(whole_bytes).min(KEEP_FREE_BYTES_MAX),
    };
    Ok(KeepFree::Bytes(bytes))
}

/// Somebody waits for an import and sees the disk: less needs to stay free than of a recorder that is left alone.
const KEEP_FREE_BYTES_MAX: u64 = 1 << 30;

/// More than file systems hold, but such that its parts have sensible sizes.
const IMPORT_BUDGET_BYTES: u64 = 1 << 50;

/// Imports a capture as far as it can be read; how many packets that were.
fn import(
    path: &Path,
    desk: &mut Desk<TapeKeeper>,
    progress: &Progress,
    fingerprint: &Fingerprint,
) -> (u64, Result<(), Failure>) {
    let input =
        super::open_input(path).map(|input| fingerprint.of(Measured::new(input, progress), path != Path::new("-")));
    let mut reader = match input.and_then(|input| Reader::new(input).map_err(|error| Failure::capture(path, &error))) {
        Ok(reader) => reader,
        Err(failure) => return (0, Err(failure)),
    };
    let mut numbers: Vec<u32> = Vec::new();
    let ended = loop {
        let (packet, interfaces) = match reader.next_with_interfaces() {
            Ok(Some(next)) => next,
            Ok(None) => break Ok(()),
            Err(error) => break Err(Failure::capture(path, &error)),
        };
        for interface in interfaces.iter().skip(numbers.len()) {
            numbers.push(desk.interface(interface, false));
        }
        let number = numbers.get(packet.interface as usize).copied().unwrap_or(0);
        desk.packet(&Packet { interface: number, ..packet }, 0);
    };
    (reader.packets(), ended)
}

fn summarise(arguments: &ImportArgs, counters: &Counters, start: Instant) {
    let seconds = start.elapsed().as_secs_f64().max(0.001);
    let bytes: u64 = counters.lanes.iter().map(|lane| lane.bytes).sum();
    terminal::notice(format_args!(
        "{} packets ({}) are on {}, in {seconds:.1} s ({}/s)",
        thousands(counters.kept),
        size_text(bytes),
        arguments.tape.display(),
        size_text((bytes as f64 / seconds) as u64),
    ));
    let lost = counters.refused + counters.damaged;
    if lost > 0 {
        terminal::warning(format_args!("{} packets could not be kept", thousands(lost)));
    }
    terminal::line(format_args!("  to ask them: wiretape flows --tape {}", arguments.tape.display()));
}

/// What is imported is to stay: that some of it had to go is no success.
fn disk_full(arguments: &ImportArgs, counters: &Counters, files_evicted: u64) -> Failure {
    let tape = arguments.tape.display();
    let what = format!("{} packets were read, and not all of them are on {tape}", thousands(counters.kept));
    let full = "the disk is full, of which a part stays free for others";
    let why = match files_evicted {
        0 => full.to_owned(),
        1 => format!("{full}: the oldest file was removed again"),
        files => format!("{full}: the {} oldest files were removed again", thousands(files)),
    };
    let attempt = format!(
        "name a tape on a larger disk, or leave less free (--keep-free); `wiretape status --tape {tape}` says what is left on this one"
    );
    Failure::of(Exit::System, what).because(why).attempt(attempt)
}

/// The worst of what failed decides the exit status; what was good before is on the tape.
fn conclude(failures: Vec<Failure>) -> Result<Exit, Failure> {
    let mut worst = None;
    for failure in failures {
        if let Some(earlier) = worst.replace(failure) {
            terminal::failure(&earlier);
        }
    }
    match worst {
        Some(failure) => Err(failure.attempt("what came before the fault is on the tape")),
        None => Ok(Exit::Done),
    }
}
