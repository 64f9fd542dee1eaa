//! The capture of the survival benchmark, and what of it is still there (bench/survival.py asks for both).
//!
//!   survival traffic TRUTH name=value…    a nanosecond pcap on standard output, the truth to TRUTH.json and TRUTH.sent
//!   survival pass TRUTH name=value…       the same of a capture on standard input
//!   survival judge TRUTH [ROWS]           a capture on standard input and rows as JSON lines, compared with the truth
//!
//! Names of `traffic`: shape, target, seed, budget (bytes of the rings), day_bytes (ordinary traffic a day), and in days
//! before, flood, after and reach; flood_bytes; ordinary (a capture instead, from its beginning on). Of both: budget, and head (bytes of a flow that count as its head).

mod capture;
mod conversation;
mod crowd;
mod flood;
mod frame;
mod incident;
mod judge;
mod ordinary;
mod random;
mod ring;
mod stream;
mod truth;

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::Path;

use serde_json::json;

use capture::Capture;
use crowd::Crowd;
use flood::Target;
use ordinary::Ordinary;
use stream::{Flood, Stream};
use truth::Known;

const DAY_NS: f64 = 86_400e9;
/// A Sunday, at midnight.
const START: u64 = 1_749_945_600_000_000_000;
const BUFFER_BYTES: usize = 1 << 20;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (Some(command), Some(truth)) = (arguments.first(), arguments.get(1)) else {
        return Err(io::Error::other("survival traffic|pass|judge TRUTH …"));
    };
    let truth = Path::new(truth);
    match command.as_str() {
        "traffic" => traffic(truth, &Settings::new(&arguments[2..])),
        "pass" => pass(truth, &Settings::new(&arguments[2..])),
        "judge" => judge(truth, arguments.get(2).map(Path::new)),
        other => Err(io::Error::other(format!("{other}: traffic, pass or judge"))),
    }
}

/// What is said as `name=value`.
struct Settings(HashMap<String, String>);

impl Settings {
    fn new(arguments: &[String]) -> Self {
        let pairs = arguments.iter().filter_map(|argument| argument.split_once('='));
        Self(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    fn text<'a>(&'a self, name: &str, otherwise: &'a str) -> &'a str {
        self.0.get(name).map_or(otherwise, String::as_str)
    }

    fn number(&self, name: &str, otherwise: f64) -> f64 {
        self.0.get(name).and_then(|value| value.parse().ok()).unwrap_or(otherwise)
    }

    /// How many of a flow's first bytes count as its head.
    fn head_bytes(&self) -> u64 {
        self.number("head", 16_384.0) as u64
    }

    fn days(&self, name: &str, otherwise: f64) -> u64 {
        (self.number(name, otherwise) * DAY_NS) as u64
    }
}

fn traffic(truth: &Path, settings: &Settings) -> io::Result<()> {
    let seed = settings.number("seed", 1.0) as u64;
    let budget_bytes = settings.number("budget", 64e6);
    let flood_start = START + settings.days("before", 10.0);
    let span_ns = settings.days("flood", 1.0);
    let end = flood_start + span_ns + settings.days("after", 0.1);
    let reach_ns = settings.days("reach", 4.0);
    let before = flood_start.saturating_sub(reach_ns * 9 / 20);
    let mut planned = incident::incident("before", incident::BEFORE, before, reach_ns / 4, seed);
    planned.extend(incident::incident("during", incident::DURING, flood_start + span_ns / 4, span_ns / 2, seed + 1));
    let ordinary = Ordinary::new(seed, START, settings.number("day_bytes", budget_bytes / 1.5));
    let capture = settings
        .0
        .get("ordinary")
        .map(|path| Capture::new(BufReader::with_capacity(BUFFER_BYTES, File::open(path)?), true));
    let capture = capture.transpose()?;
    let name = settings.text("shape", "none");
    let target = Target::ALL.into_iter().find(|target| target.name() == settings.text("target", "open"));
    let target = target.ok_or_else(|| io::Error::other("target=open|closed|udp"))?;
    let bytes = settings.number("flood_bytes", 100.0 * budget_bytes) as u64;
    let flood = flood::shape(name, seed).map(|shape| Flood { shape, target, start: flood_start, span_ns, bytes });
    if flood.is_none() && name != "none" {
        return Err(io::Error::other(format!("shape=none|{}", flood::SHAPES.join("|"))));
    }
    let about = json!({ "settings": settings.0, "start": START, "flood_start": flood_start, "flood_end": flood_start + span_ns, "end": end });
    let output = BufWriter::with_capacity(BUFFER_BYTES, io::stdout().lock());
    let mut stream = Stream::new(output, budget_bytes as u64, settings.head_bytes())?;
    stream.run(&mut Crowd::new(seed, planned, ordinary, capture), flood, end, seed)?;
    stream.truth.write(truth, &stream.rings, about)
}

fn pass(truth: &Path, settings: &Settings) -> io::Result<()> {
    let output = BufWriter::with_capacity(BUFFER_BYTES, io::stdout().lock());
    let mut stream = Stream::new(output, settings.number("budget", 64e6) as u64, settings.head_bytes())?;
    let input = BufReader::with_capacity(BUFFER_BYTES, io::stdin());
    let (start, end) = stream.pass(Capture::new(input, false)?)?;
    stream.truth.write(truth, &stream.rings, json!({ "settings": settings.0, "start": start, "end": end }))
}

fn judge(truth: &Path, rows: Option<&Path>) -> io::Result<()> {
    let known = Known::read(truth)?;
    let rows = rows.map(File::open).transpose()?.map(BufReader::new);
    let verdict = judge::judge(&known, BufReader::with_capacity(BUFFER_BYTES, io::stdin().lock()), rows)?;
    writeln!(io::stdout(), "{verdict}")
}
