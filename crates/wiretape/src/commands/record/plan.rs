//! From settings to what is recorded and how it is kept.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use packet::PacketDirection;
use record::Selection;
use tape::KeepFree;

use super::policies;
use crate::errors::Failure;
use crate::names::LocalNames;
use crate::payload;
use crate::settings::{Compression, Directions, Interfaces, Settings};
use crate::source::DEFAULT_TAPE;
use crate::tcpdump::Rotation;
use crate::units::{Limit, Size};

/// A recording, settled.
#[derive(Debug)]
pub(super) struct Plan {
    /// The tape's folder.
    pub(super) tape: PathBuf,
    /// What is captured.
    pub(super) capture: record::Options,
    /// How it is kept.
    pub(super) keep: tape::Options,
    /// The expression.
    pub(super) expression: Option<String>,
}

/// A fifth of the file system, unless said otherwise.
const BUDGET_PERCENT: f64 = 20.0;

/// Budget for each junk row a day: rows of about 40 bytes have a tenth of it.
const JUNK_ROW_BUDGET_BYTES: u64 = 48_000;

/// Settles what the settings leave open.
pub(super) fn settle(settings: Settings, rotation: Rotation) -> Result<Plan, Failure> {
    let tape = tape_folder(settings.tape.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_TAPE)));
    let mut capture = capture_options(&settings, rotation);
    let mut keep = keep_options(&settings, &tape)?;
    keep.snaplen = capture.snaplen;
    let policies::Settled { policies, retained } = policies::settle(&settings.policy, keep.flows.head_bytes)?;
    capture.filter = record::Filter::with_policies(capture.filter, &policies);
    capture.policies = policies;
    keep.retained = retained;
    Ok(Plan { tape, capture, keep, expression: settings.filter })
}

/// How a tape at `tape` is kept.
pub(crate) fn keep_options(settings: &Settings, tape: &Path) -> Result<tape::Options, Failure> {
    let total_bytes = file_system_bytes(tape)?;
    let budget = settings.budget.unwrap_or(Limit::Percent(BUDGET_PERCENT)).bytes(total_bytes);
    let mut keep = tape::Options::new(budget);
    keep.sensor = settings.sensor.clone().unwrap_or_else(host_name);
    if let Some(limit) = settings.keep_free {
        keep.keep_free = KeepFree::Bytes(limit.bytes(total_bytes));
    }
    keep.hold_budget_bytes = settings.hold_budget.map(|limit| limit.bytes(budget));
    keep.names = tape::Names(Arc::new(LocalNames::read()));
    keep.payload = Some(payload::of_heads);
    // Junk rows that come at this rate take a quarter of the rows' share in a month.
    keep.flows.junk_rows_a_day = Some(u32::try_from(budget / JUNK_ROW_BUDGET_BYTES).unwrap_or(u32::MAX).max(24));
    keep.age_max = settings.max_age.map(|span| span.0);
    keep.age_max_flows = settings.max_age_flows.or(settings.max_age).map(|span| span.0);
    if let Some(span) = settings.roll {
        keep.segment_age_max = span.0.max(Duration::from_secs(1));
    }
    if let Some(span) = settings.sync {
        keep.sync_interval = span.0.max(Duration::from_millis(100));
    }
    keep.compression = match settings.compress {
        Some(Compression::None) => tape::Compression::None,
        Some(Compression::Zstd(level)) => tape::Compression::Zstd(i32::from(level)),
        None => keep.compression,
    };
    if let Some(Size(bytes)) = settings.head {
        keep.flows.head_bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
    }
    Ok(keep)
}

/// What is captured, as far as settings say; the rest is as usual.
pub(crate) fn capture_options(settings: &Settings, rotation: Rotation) -> record::Options {
    let usual = record::Options::default();
    let snaplen = match settings.snaplen {
        Some(0) | None => usual.snaplen,
        Some(bytes) => bytes.min(record::Options::SNAPLEN_MAX),
    };
    let prefixes = settings.home_net.iter().flat_map(|networks| &networks.0);
    record::Options {
        selection: match &settings.interface {
            Some(Interfaces::Any) => Selection::Any,
            Some(Interfaces::Named(names)) => Selection::Named(names.clone()),
            Some(Interfaces::Auto) | None => Selection::Auto,
        },
        ring_bytes: settings
            .buffer
            .map_or(usual.ring_bytes, |Size(bytes)| usize::try_from(bytes).unwrap_or(usize::MAX)),
        snaplen,
        promiscuous: !settings.no_promiscuous.is_some_and(|switch| switch.0),
        direction: match settings.direction {
            Some(Directions::In) => Some(PacketDirection::Inbound),
            Some(Directions::Out) => Some(PacketDirection::Outbound),
            Some(Directions::Both) | None => None,
        },
        threads: settings.threads.map_or(usual.threads, |threads| threads.clamp(1, 64) as usize),
        home_networks: prefixes.map(|prefix| (prefix.address, prefix.bits)).collect(),
        packets_max: rotation.packets_max,
        duration: rotation.time_max,
        filter: settings.filter.clone().map(kernel_filter),
        ..usual
    }
}

/// Compiles the expression for whatever link type an interface turns out to have.
pub(super) fn kernel_filter(text: String) -> record::Filter {
    let names = LocalNames::read();
    record::Filter::new(move |target| {
        let options = filter::Options {
            netmask: target.netmask,
            resolver: &names,
            linux_ancillary: target.kernel,
            ..filter::Options::new(target.link_type)
        };
        filter::compile(&text, &options).map_err(|error| Failure::expression(&text, &error).to_string())
    })
}

/// A folder that is not a tape and holds exactly one is left alone, and the one in it goes on.
fn tape_folder(folder: PathBuf) -> PathBuf {
    if folder.join("tape.toml").exists() {
        return folder;
    }
    crate::source::only_tape_in(&folder).unwrap_or(folder)
}

/// The size of the file system that holds `path`, or will.
/// The size of the file system on which `path` is or would be.
pub(crate) fn file_system_bytes(path: &Path) -> Result<u64, Failure> {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let there = absolute.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("/"));
    let statistics = rustix::fs::statvfs(there)
        .map_err(|error| Failure::system(format!("cannot look at {}", there.display()), &error.into()))?;
    Ok(statistics.f_blocks.saturating_mul(statistics.f_frsize))
}

fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
