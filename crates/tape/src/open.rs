//! Opening a tape for writing: making it, locking it, taking it up again.

use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flow::FlowTable;

use crate::ageing::rows_max;
use crate::budget::Room;
use crate::chain::Chain;
use crate::checkpoint::{Clerk, Filing};
use crate::clock::Moment;
use crate::disk::{Disk, RealDisk, read_file, replace_file};
use crate::format::chain::Event;
use crate::format::identity::{FORMAT, Identity, Unfit};
use crate::format::names;
use crate::frame::Summary;
use crate::gap::{Before, Resumed, boot_id};
use crate::heartbeat::{self, Heartbeat};
use crate::holds::{self, HoldKeeper};
use crate::options::{Compression, Options};
use crate::pipeline::Pipeline;
use crate::place::Place;
use crate::said::Said;
use crate::salvage::{SalvageReport, Salvaged, salvage};
use crate::shared::Shared;
use crate::tape::{OpenLane, PacketClock, Tape};
use crate::threads::{CallersWork, Crew, Expiry, Threads, workers};
use crate::writer::{Beginning, Writer};
use crate::{Error, Lane};

/// What may lie in a directory that becomes a tape: what a new file system has, and what tells people how to read one.
const HARMLESS: [&str; 2] = ["lost+found", "README.txt"];

/// How long an import goes on with the catalog of a tape that another version wrote, when it has nothing else to do.
const CATCH_UP: Duration = Duration::from_secs(10);

/// A tape that was opened, and what goes with it.
pub struct Opened {
    /// To be written.
    pub tape: Tape,
    /// The flow table as it was, with what was recorded since its last checkpoint.
    pub table: FlowTable,
    /// What was found.
    pub report: SalvageReport,
}

impl Tape {
    /// Opens a tape for writing, making it if there is none, and takes up what a run before left.
    ///
    /// # Errors
    /// When another recorder writes it, it is of another version, the directory is not a tape, or the system refuses.
    pub fn open(directory: &Path, options: Options) -> Result<Opened, Error> {
        open_in(directory, options, None)
    }
}

/// As [`Tape::open`]; with what was known of a run that goes on.
pub(crate) fn open_in(directory: &Path, options: Options, resumed: Option<Resumed>) -> Result<Opened, Error> {
    fs::create_dir_all(directory).map_err(Error::io("making", directory))?;
    check_directory(directory)?;
    let place = take_place(directory, options.is_live)?;
    let disk = Arc::new(RealDisk::new(place.directory()));
    open_on(disk, Some(place), options, resumed, false).map_err(|error| error.within(directory))
}

/// Locks the tape. A recorder does not stand back for whoever fills holds.
fn take_place(directory: &Path, is_live: bool) -> Result<Place, Error> {
    const GIVES_WAY_WITHIN: Duration = Duration::from_secs(10);
    let begun = Instant::now();
    loop {
        match Place::take(directory) {
            Err(Error::Locked { .. })
                if is_live && begun.elapsed() < GIVES_WAY_WITHIN && holds::gives_way(directory) =>
            {
                std::thread::sleep(Duration::from_millis(20));
            }
            Ok(place) => {
                holds::is_settled(directory);
                return Ok(place);
            }
            refused => return refused,
        }
    }
}

/// As [`Tape::open`], on any disk; without threads if the caller is to do all the work.
pub(crate) fn open_on(
    disk: Arc<dyn Disk>,
    place: Option<Place>,
    mut options: Options,
    resumed: Option<Resumed>,
    is_alone: bool,
) -> Result<Opened, Error> {
    if options.budget_bytes < Options::BUDGET_BYTES_MIN {
        let least_bytes = Options::BUDGET_BYTES_MIN;
        return Err(Error::BudgetTooSmall { budget_bytes: options.budget_bytes, least_bytes });
    }
    options.snaplen = options.snaplen.clamp(1, 512 << 10);
    options.workers = Some(if is_alone { 0 } else { workers(&options) });
    options.flows.period_rows_max = options.flows.period_rows_max.min(rows_max(options.budget_bytes));
    make_directories(disk.as_ref())?;
    let identity = identity(disk.as_ref(), &options)?;
    if options.flows.secret == [0; 32] {
        options.flows.secret = random()?;
    }
    let room = Arc::new(Room::new(disk.clone(), options.budget_bytes, options.keep_free));
    let chain_path = Path::new(names::CHAIN);
    let (chain, ending) = Chain::open(disk.clone(), room.clone()).map_err(Error::io("reading", chain_path))?;
    let shared = Arc::new(Shared::new(disk, room, chain, identity.clone(), place, options.hold_bytes()));
    let compresses = options.compression != Compression::None;
    // Before anything is removed: what holds still have to look at waits.
    let holds = HoldKeeper::open(&shared, &options);
    let before = Before { beat: heartbeat::read(shared.disk.as_ref()), ending, resumed };
    let salvaged = salvage(&shared, identity, &before, compresses, &options)?;
    start(shared, options, &before, salvaged, holds, is_alone).map_err(Error::io("starting threads for", Path::new("")))
}

fn start(
    shared: Arc<Shared>,
    options: Options,
    before: &Before,
    salvaged: Salvaged,
    holds: Option<HoldKeeper>,
    is_alone: bool,
) -> io::Result<Opened> {
    let Salvaged { report, table, interfaces, next_numbers, next_arrival, filing } = salvaged;
    shared.note(Event::Start {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        boot_id: boot_id(),
        next_arrival,
        import: !options.is_live,
    });
    // A run that is not known to have begun would not be salvaged.
    shared.sync_chain()?;
    let buffers_max = (options.buffer_bytes_max >> 20).max(2 * Lane::ALL.len());
    let compressing = if is_alone { 0 } else { options.workers.unwrap_or(1) };
    let pipeline = Arc::new(Pipeline::new(buffers_max, compressing, options.steps_aside));
    let said = options.payload.map(|begin| Said::new(begin(), options.is_live));
    // A recorder has had its time, and is waited for.
    let catch_up = if options.is_live { Duration::ZERO } else { CATCH_UP };
    let filing = Filing { said, catch_up, ..filing };
    let clerk = if is_alone { Clerk::here(filing) } else { Clerk::thread(filing, shared.clone())? };
    let checkpoints_waiting = clerk.waiting();
    let (now, budget_bytes) = (Instant::now(), shared.room.reachable_bytes());
    // An import says nothing of when recorders were at work: what was known of that stays.
    let (complete, durable) = before.recorded_until().filter(|_| !options.is_live).unwrap_or_default();
    shared.sync.set_durable_until(durable);
    let beginning = Beginning { interfaces: interfaces.clone(), next_numbers, next_arrival, complete, now };
    let writer = Writer::new(shared.clone(), pipeline.clone(), clerk, Heartbeat::default(), &options, beginning);
    let crew = if is_alone {
        let (sync_interval, expiry) = (options.sync_interval, Expiry::new(&options));
        Crew::Caller(Box::new(CallersWork { writer, sync_interval, last_sync: now, expiry }))
    } else {
        Crew::Threads(Threads::start(&shared, &pipeline, writer, holds, &options)?)
    };
    let by_packets = options.packets_are_clock;
    let by_packets = by_packets.then(|| PacketClock { expiry: Expiry::new(&options), time: None, began: now });
    let tape = Tape {
        lanes: Lane::ALL.map(|lane| OpenLane::new(lane, budget_bytes, now)),
        pipeline,
        shared,
        crew,
        checkpoints_waiting,
        interfaces,
        options,
        next_arrival,
        next_frame: 0,
        packets: 0,
        bytes_since_checkpoint: 0,
        last_checkpoint: now,
        snapshot_bytes: 0,
        ticks: 0,
        now,
        scratch: Vec::new(),
        lost: [Summary::default(); Lane::ALL.len()],
        lost_bytes: [0; Lane::ALL.len()],
        closed: false,
        settled: None,
        next_try: None,
        by_packets,
    };
    Ok(Opened { tape, table, report })
}

/// Only an empty directory, or a tape of this version, is touched.
fn check_directory(directory: &Path) -> Result<(), Error> {
    let path = directory.join(names::IDENTITY);
    match fs::read_to_string(&path) {
        Ok(text) => decode_identity(&path, &text).map(drop),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let entries = fs::read_dir(directory).map_err(Error::io("reading", directory))?;
            let other = entries
                .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
                .find(|name| !HARMLESS.contains(&name.as_str()) && !is_ours(name));
            other.map_or(Ok(()), |found| Err(Error::NotATape { path: directory.to_owned(), found }))
        }
        Err(error) => Err(Error::io("reading", &path)(error)),
    }
}

/// A directory of a tape: one that lost its tape.toml is taken up with what it has.
fn is_ours(name: &str) -> bool {
    let ours = [names::FLOWS, names::CHAIN, names::CATALOG, names::LIVE, names::DAMAGED, names::HELD, "tape.tmp"];
    ours.contains(&name) || Lane::from_name(name).is_some()
}

fn decode_identity(path: &Path, text: &str) -> Result<Identity, Error> {
    Identity::decode(text).map_err(|unfit| match unfit {
        Unfit::Version(found) => Error::Version { path: path.to_owned(), found, known: FORMAT },
        Unfit::Malformed => Error::Damaged { path: path.to_owned(), offset: 0, what: "not what tape.toml has to be" },
    })
}

fn make_directories(disk: &dyn Disk) -> Result<(), Error> {
    let others = [names::FLOWS, names::CHAIN, names::CATALOG, names::LIVE];
    for name in Lane::ALL.iter().map(|lane| lane.name()).chain(others) {
        disk.create_directory(Path::new(name)).map_err(Error::io("making", Path::new(name)))?;
    }
    Ok(())
}

/// What the tape is; makes it up if it is new.
fn identity(disk: &dyn Disk, options: &Options) -> Result<Identity, Error> {
    let path = Path::new(names::IDENTITY);
    match read_file(disk, path, 1 << 20) {
        Ok(bytes) => decode_identity(path, &String::from_utf8_lossy(&bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let id = format!("{:032x}", u128::from_le_bytes(random()?));
            let sensor = options.sensor.clone();
            let identity = Identity { format: FORMAT, id, sensor, created: Moment::now().time };
            let written = replace_file(disk, path, &[identity.encode().as_bytes()]);
            written.map_err(Error::io("writing", path))?;
            Ok(identity)
        }
        Err(error) => Err(Error::io("reading", path)(error)),
    }
}

fn random<const N: usize>() -> Result<[u8; N], Error> {
    let path = Path::new("/dev/urandom");
    let mut bytes = [0; N];
    let read = fs::File::open(path).and_then(|mut file| file.read_exact(&mut bytes));
    read.map_err(Error::io("reading", path))?;
    Ok(bytes)
}
