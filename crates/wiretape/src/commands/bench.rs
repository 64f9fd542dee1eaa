//! `wiretape bench`: the rates that this host sustains, step by step on the way of a packet.

use std::fs::File;
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use flow::{Config, FlowTable};
use packet::generate::{Generator, Traffic};
use packet::{Interface, LinkType, Packet, PacketDirection, Timestamp};
use record::{Desk, DeskClock};
use tape::{Compression, Tape};

use crate::args::BenchArgs;
use crate::errors::{Exit, Failure};
use crate::keeper::TapeKeeper;
use crate::units::size_text;

/// Measurements, which share the time.
const STEPS: u32 = 5;
/// Packets that are made beforehand and used again and again.
const SAMPLE_BYTES: usize = 64 << 20;
/// What a scratch tape may take.
const SCRATCH_BUDGET_BYTES: u64 = 2_000_000_000;

/// Measures, and prints a table.
pub(crate) fn run(arguments: &BenchArgs) -> Result<Exit, Failure> {
    let scratch = Scratch::make(arguments.dir.clone().unwrap_or_else(std::env::temp_dir))?;
    let each = Duration::from_secs(arguments.seconds.clamp(1, 3600)) / STEPS;
    let sample = Sample::make();
    let mean = sample.bytes.len() / sample.packets.len().max(1);
    let mut text = format!(
        "{} of made traffic, {mean} bytes a packet on average, {} flows; written to {}\n\n{:<34} {:>12} {:>12} {:>12}\n",
        size_text(sample.bytes.len() as u64),
        sample.flows,
        scratch.folder.display(),
        "ON ONE CORE FOR THE CALLER",
        "PACKETS/s",
        "BYTES/s",
        "GBIT/s"
    );
    text.push_str(&row("headers decoded", &decode(&sample, each)));
    text.push_str(&row("  and flow table", &observe(&sample, each)));
    text.push_str(&row("  and onto a tape, uncompressed", &keep(&sample, each, &scratch, Compression::None)?));
    text.push_str(&row("  and onto a tape, compressed", &keep(&sample, each, &scratch, Compression::Zstd(1))?));
    text.push_str(&row("disk alone, written and synced", &write(each, &scratch)?));
    text.push_str("\nCompressing steps aside when it would fall behind. What a network card and its driver cost is not in these figures.\n");
    super::print(&text)
}

/// What one step did.
struct Measured {
    packets: u64,
    bytes: u64,
    seconds: f64,
}

fn row(title: &str, measured: &Measured) -> String {
    let per_second = |count: u64| count as f64 / measured.seconds.max(1e-9);
    let packets = match measured.packets {
        0 => "-".to_owned(),
        packets => format!("{:.2} M", per_second(packets) / 1e6),
    };
    let bytes = per_second(measured.bytes);
    format!("{title:<34} {packets:>12} {:>12} {:>12.1}\n", size_text(bytes as u64), bytes * 8.0 / 1e9)
}

/// Packets in memory.
struct Sample {
    bytes: Vec<u8>,
    packets: Vec<(Timestamp, u32, Range<usize>)>,
    flows: usize,
    /// From the first packet to where the first one of the next round follows.
    span_ns: i64,
}

impl Sample {
    fn make() -> Self {
        let traffic = Traffic { flows: u32::MAX, concurrent: 10_000, ..Traffic::default() };
        let mut generator = Generator::new(traffic);
        let mut sample =
            Self { bytes: Vec::with_capacity(SAMPLE_BYTES + 65_536), packets: Vec::new(), flows: 0, span_ns: 0 };
        while sample.bytes.len() < SAMPLE_BYTES {
            let Some(packet) = generator.next() else { break };
            let start = sample.bytes.len();
            sample.bytes.extend_from_slice(packet.data);
            sample.packets.push((packet.time, packet.wire_bytes, start..sample.bytes.len()));
        }
        sample.flows = generator.flows().len();
        if let (Some((first, ..)), Some((last, ..))) = (sample.packets.first(), sample.packets.last()) {
            sample.span_ns = last.since(*first) + 1_000;
        }
        sample
    }

    /// Hands the packets to `take`, round after round with later times, until the time is over.
    fn repeat(&self, time: Duration, interface: u32, mut take: impl FnMut(&Packet<'_>)) -> Measured {
        /// Packets between two looks at the clock.
        const ROUND: usize = 1024;
        let start = Instant::now();
        let mut measured = Measured { packets: 0, bytes: 0, seconds: 0.0 };
        let mut shift_ns = 0;
        'rounds: while !self.packets.is_empty() {
            for chunk in self.packets.chunks(ROUND) {
                for (time, wire_bytes, range) in chunk {
                    let data = self.bytes.get(range.clone()).unwrap_or_default();
                    let time = Timestamp(time.0.saturating_add(shift_ns));
                    let direction = PacketDirection::Unknown;
                    take(&Packet { time, wire_bytes: *wire_bytes, data, interface, direction, arrival: None });
                    measured.bytes += data.len() as u64;
                }
                measured.packets += chunk.len() as u64;
                if start.elapsed() >= time {
                    break 'rounds;
                }
            }
            shift_ns += self.span_ns;
        }
        measured.seconds = start.elapsed().as_secs_f64();
        measured
    }
}

fn decode(sample: &Sample, time: Duration) -> Measured {
    sample.repeat(time, 0, |packet| {
        std::hint::black_box(packet::decode(LinkType::ETHERNET, packet.data, packet.wire_bytes));
    })
}

fn observe(sample: &Sample, time: Duration) -> Measured {
    let mut table = FlowTable::new(Config::new([0; 16], [1; 32]));
    let mut arrival = 0;
    sample.repeat(time, 0, |packet| {
        let headers = packet::decode(LinkType::ETHERNET, packet.data, packet.wire_bytes);
        arrival += 1;
        std::hint::black_box(table.observe(packet, &headers, arrival, 1));
        if table.wants_checkpoint() {
            std::hint::black_box(table.checkpoint());
        }
    })
}

/// The whole way; the time until everything is closed counts.
fn keep(sample: &Sample, time: Duration, scratch: &Scratch, compression: Compression) -> Result<Measured, Failure> {
    let folder = scratch.folder.join("scratch.tape");
    let mut options = tape::Options::new(SCRATCH_BUDGET_BYTES);
    options.compression = compression;
    // The sender waits here, as a network does not: nothing is lost, and the rate is what is sustained.
    options.wait_max = Duration::from_secs(60);
    let opened = Tape::open(&folder, options)?;
    let keeper = TapeKeeper::new(opened.tape, &folder);
    let mut desk = Desk::new(keeper, opened.table, DeskClock::Packets, false);
    let description = Interface { link_type: LinkType::ETHERNET, snaplen: 0, name: None, description: None };
    let interface = desk.interface(&description, false);
    let start = Instant::now();
    let mut measured = sample.repeat(time, interface, |packet| desk.packet(packet, 0));
    let (keeper, mut table, _) = desk.finish();
    keeper.close(&mut table);
    measured.seconds = start.elapsed().as_secs_f64();
    scratch.remove(&folder)?;
    Ok(measured)
}

fn write(time: Duration, scratch: &Scratch) -> Result<Measured, Failure> {
    const WRITE_BYTES: usize = 1 << 20;
    const FILE_BYTES_MAX: u64 = 1 << 30;
    let path = scratch.folder.join("written");
    let failed = |error: std::io::Error| Failure::system(format!("cannot write {}", path.display()), &error);
    // Bytes that no file system can squeeze.
    let block: Vec<u8> = (0..WRITE_BYTES as u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mut file = File::create(&path).map_err(failed)?;
    let start = Instant::now();
    let mut bytes = 0;
    while start.elapsed() < time && bytes < FILE_BYTES_MAX {
        file.write_all(&block).map_err(failed)?;
        bytes += block.len() as u64;
    }
    file.sync_all().map_err(failed)?;
    let seconds = start.elapsed().as_secs_f64();
    std::fs::remove_file(&path).map_err(failed)?;
    Ok(Measured { packets: 0, bytes, seconds })
}

/// A folder that goes when the measurements are over.
struct Scratch {
    folder: PathBuf,
}

impl Scratch {
    fn make(parent: PathBuf) -> Result<Self, Failure> {
        let folder = parent.join(format!("wiretape-bench-{}", std::process::id()));
        std::fs::create_dir(&folder)
            .map_err(|error| Failure::system(format!("cannot make {}", folder.display()), &error))?;
        Ok(Self { folder })
    }

    fn remove(&self, folder: &Path) -> Result<(), Failure> {
        std::fs::remove_dir_all(folder)
            .map_err(|error| Failure::system(format!("cannot remove {}", folder.display()), &error))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Whoever is told why something failed does not need to hear that its remains could not be removed either.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
