//! `wiretape files`: what was transferred.
//!
//! packets -> investigation -> batches, on one thread; batches -> collector -> answer, on another: hashing takes as long
//! as all the rest.

mod batch;
mod folder;

use std::ops::ControlFlow;
use std::sync::mpsc::sync_channel;

use investigate::files::{Collector, NoStore, Store};
use investigate::{Investigation, Limits, Side};
use tape::question::{self, Coverage, Query, Source, Subject};

use self::batch::{Batch, Batcher, Collecting};
use self::folder::Folder;
use super::explained::Explained;
use super::progress::Waiting;
use super::{courtesy, question as asked};
use crate::args::FilesArgs;
use crate::errors::{Exit, Failure};
use crate::output::coverage;
use crate::output::files::Printer;
use crate::terminal;

/// Batches that may wait for the thread that hashes.
const BATCHES_MAX: usize = 6;

/// Prints the files of the flows that match.
pub(crate) fn run(arguments: &FilesArgs) -> Result<Exit, Failure> {
    courtesy::give_way(arguments.limits.memory)?;
    let source = asked::source(&arguments.source)?;
    let query = asked::query(&arguments.times, &arguments.expression)?;
    let explained = Explained::new(&arguments.limits, None);
    explained.before(&source, &query, Subject::Packets)?;
    let printer = Printer::new(std::io::stdout(), arguments.format);
    let (mut coverage, summary) = match &arguments.out {
        None => collect(&source, &query, printer, NoStore, |_, _| Ok(None)),
        Some(path) => collect(&source, &query, printer, Folder::open(path)?, Folder::keep),
    }?;
    coverage.matched = summary.files;
    if summary.unfollowed > 0 {
        terminal::warning(format_args!("{} files began while too many were on their way", summary.unfollowed));
    }
    let exit = coverage::conclude(&coverage, "files");
    explained.behind(&coverage);
    Ok(exit)
}

/// What was found, in numbers.
struct Summary {
    files: u64,
    unfollowed: u64,
}

/// `keep` gives a found file its name; the answer tells it.
fn collect<S: Store>(
    source: &Source,
    query: &Query,
    printer: Printer<std::io::Stdout>,
    store: S,
    keep: fn(&mut S, &crate::output::files::FileRecord) -> Result<Option<String>, Failure>,
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
        batcher.finish();
        let collected = hashing.join().map_err(|_| Failure::of(Exit::System, "the thread that hashes files failed"))?;
        let (files, unfollowed) = collected?;
        Ok((answered?, Summary { files, unfollowed }))
    })
}

fn read(source: &Source, query: &Query, batcher: &mut Batcher) -> Result<Coverage, Failure> {
    let mut investigation = Investigation::new(Limits::default());
    let waiting = Waiting::begin();
    let coverage = question::conversations(source, query, &mut |packet, _, spoken| {
        let side = if spoken.from_client { Side::Client } else { Side::Server };
        batcher.meet(side, spoken.headers);
        investigation.packet(spoken.flow_id.0, side, packet, spoken.headers, batcher);
        if batcher.is_unheard() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    waiting.end();
    investigation.finish(batcher);
    Ok(coverage)
}
