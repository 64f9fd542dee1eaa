//! `--live`: answers that go on with what is recorded, until somebody ends them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use tape::question::{Coverage, Query, Source};

use crate::errors::{Exit, Failure};
use crate::terminal;

/// Makes `query` go on with what is recorded on `source`, until a signal.
pub(super) fn begin(source: &Source, query: &mut Query) -> Result<(), Failure> {
    let tape = match source {
        Source::Tape(tape) => tape,
        Source::Captures(_) => {
            return Err(Failure::call("--live goes on with what is being recorded, and a capture does not grow")
                .attempt("leave out --live, or ask a tape: --tape DIR"));
        }
    };
    if !tape::status::is_recording(tape)? {
        return Err(Failure::of(Exit::System, "--live has nothing to wait for")
            .because(format!("no recorder is at work on {}", tape.display()))
            .attempt("what is on the tape:       leave out --live")
            .attempt(format!("since when nobody records: wiretape status --tape {}", tape.display())));
    }
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        // The second one ends the process as it would have without this.
        flag::register_conditional_default(signal, Arc::clone(&stop))
            .and_then(|_| flag::register(signal, Arc::clone(&stop)))
            .map_err(|error| Failure::system("cannot listen to signals", &error))?;
    }
    query.live = true;
    query.stop = Some(stop);
    Ok(())
}

/// Says why it ended, if nobody asked for that.
pub(super) fn end(query: &Query, coverage: &Coverage) {
    let is_asked = query.stop.as_ref().is_none_or(|stop| stop.load(Ordering::Relaxed));
    let is_enough = query.limit.is_some_and(|limit| coverage.matched >= limit);
    if query.live && !coverage.recording && !is_asked && !is_enough {
        terminal::notice("the recorder has stopped, so nothing more will come");
    }
}
