//! `wiretape files`: what was transferred.
//!
//! packets -> investigation -> batches, on one thread; batches -> collector -> answer, on another: hashing takes as long
//! as all the rest.

mod archive;
mod batch;
mod folder;
mod rules;

use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::mpsc::sync_channel;

use flow::FlowId;
use investigate::files::{Collector, NoStore, Store};
use investigate::{Investigation, Limits, Side};
use tape::question::{self, Coverage, Query, Source, Subject};

use self::batch::{Batch, Batcher, Collecting, Keep, Oddities};
use self::folder::{Folder, Wanted};
use self::rules::Rules;
use super::explained::Explained;
use super::progress::Waiting;
use super::{courtesy, question as asked};
use crate::args::{FilesArgs, FilesFormat};
use crate::errors::{Exit, Failure};
use crate::output::coverage;
use crate::output::files::Printer;
use crate::payload::Announcements;
use crate::terminal;

/// Batches that may wait for the thread that hashes.
const BATCHES_MAX: usize = 6;

/// Prints the files of the flows that match.
pub(crate) fn run(arguments: &FilesArgs) -> Result<Exit, Failure> {
    courtesy::give_way(arguments.question.limits.memory)?;
    let source = asked::source(&arguments.question.source)?;
    let query = asked::query(&arguments.question)?;
    let explained = Explained::new(&arguments.question.limits, None);
    explained.before(&source, &query, Subject::Packets)?;
    let printer = Printer::new(std::io::stdout(), arguments.format);
    let rules = Some(&arguments.yara).filter(|paths| !paths.is_empty()).map(|paths| Rules::read(paths)).transpose()?;
    let folder = match (&arguments.out, rules) {
        (None, None) => None,
        (None, Some(rules)) => Some(Folder::passing_by(rules)?),
        (Some(path), rules) => Some(Folder::open(path, Wanted { is_kept: true, in_archives: arguments.zip, rules })?),
    };
    let (mut coverage, summary) = match folder {
        None => collect(&source, &query, printer, NoStore, |_, _| Ok(()), |_| 0),
        Some(folder) => collect(&source, &query, printer, folder, Folder::keep, Folder::unscanned),
    }?;
    coverage.matched = summary.files;
    summary.warn();
    let exit = coverage::conclude(&coverage, "files");
    explained.behind(&coverage);
    Ok(exit)
}

/// Tells of the files of the flows that match, a line of JSON each, and writes them into a folder if there is one: each by
/// its hash. Says what did not fit.
pub(super) fn carve(
    source: &Source,
    query: &Query,
    out: impl Write + Send,
    folder: Option<&Path>,
) -> Result<Coverage, Failure> {
    let printer = Printer::new(out, FilesFormat::Json);
    let wanted = Wanted { is_kept: true, in_archives: false, rules: None };
    let (coverage, summary) = match folder {
        None => collect(source, query, printer, NoStore, |_, _| Ok(()), |_| 0),
        Some(path) => collect(source, query, printer, Folder::open(path, wanted)?, Folder::keep, Folder::unscanned),
    }?;
    summary.warn();
    Ok(Coverage { matched: summary.files, ..coverage })
}

/// What was found, in numbers.
struct Summary {
    files: u64,
    unfollowed: u64,
    unscanned: u64,
    oddities: Oddities,
}

impl Summary {
    fn warn(&self) {
        for (what, (count, flow)) in &self.oddities {
            let times = if *count == 1 { "once".to_owned() } else { format!("{count} times") };
            terminal::warning(format_args!("{what}: {times}, first in flow {}", FlowId(*flow)));
        }
        if self.unfollowed > 0 {
            terminal::warning(format_args!("{} files began while too many were on their way", self.unfollowed));
        }
        if self.unscanned > 0 {
            terminal::warning(format_args!("{} files were too large or too slow for the rules", self.unscanned));
        }
    }
}

/// `keep` looks at a found file where its bytes are; `unscanned` says how many were not looked at.
fn collect<S: Store, W: Write + Send>(
    source: &Source,
    query: &Query,
    printer: Printer<W>,
    store: S,
    keep: Keep<S>,
    unscanned: fn(&S) -> u64,
) -> Result<(Coverage, Summary), Failure> {
    let (batches, taken) = sync_channel::<Batch>(BATCHES_MAX);
    let (used, unused) = sync_channel::<Batch>(BATCHES_MAX + 2);
    std::thread::scope(|scope| {
        let hashing = scope.spawn(move || {
            let mut collecting = Collecting::new(Collector::new(store), printer, keep);
            for mut batch in taken {
                collecting.take(&batch)?;
                batch.clear();
                // A full channel only means that there are batches enough.
                let _ = used.try_send(batch);
            }
            collecting.finish()
        });
        let mut batcher = Batcher::new(batches, unused);
        let answered = read(source, query, &mut batcher);
        let oddities = batcher.finish();
        let collected = hashing.join().map_err(|_| Failure::of(Exit::System, "the thread that hashes files failed"))?;
        let (files, mut collector) = collected?;
        let summary =
            Summary { files, unfollowed: collector.unfollowed(), unscanned: unscanned(collector.store()), oddities };
        Ok((answered?, summary))
    })
}

fn read(source: &Source, query: &Query, batcher: &mut Batcher) -> Result<Coverage, Failure> {
    let mut investigation = Investigation::new(Limits::default());
    let mut announcements = Announcements::default();
    let waiting = Waiting::begin();
    let coverage = question::conversations(source, query, &mut |packet, _, spoken| {
        let side = if spoken.from_client { Side::Client } else { Side::Server };
        announcements.before(spoken, &mut investigation);
        investigation.packet(spoken.flow_id.0, side, packet, spoken.headers, batcher);
        if batcher.is_unheard() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    waiting.end();
    investigation.finish(batcher);
    Ok(coverage)
}
