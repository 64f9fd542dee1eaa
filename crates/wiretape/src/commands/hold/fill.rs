//! Waiting for a hold to be filled: by the recorder that is at work, or by this process where none is.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tape::holds::{self, Held, Release, State};

use crate::errors::{Exit, Failure};
use crate::names::LocalNames;
use crate::terminal;

/// How long a recorder may take to see an order: it looks each second.
const SEEN_WITHIN: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Waits until what is on the tape has been copied, or refused.
pub(super) fn filled(tape: &Path, name: &str) -> Result<Held, Failure> {
    let held = || holds::hold(tape, name);
    let state = || held().map(|held| held.progress.map(|progress| progress.state));
    let begun = Instant::now();
    let mut is_seen = false;
    let is_done = || !matches!(state(), Some(None | Some(State::Copying)));
    worked_off_while(tape, &is_done, &mut || {
        is_seen = is_seen || matches!(state(), Some(Some(_)));
        is_seen || begun.elapsed() < SEEN_WITHIN
    })?;
    let held = held().ok_or_else(|| Failure::of(Exit::System, format!("hold {name} was released meanwhile")))?;
    if held.progress.is_none() {
        withdraw(tape, name);
        return Err(Failure::of(Exit::System, "the recorder does not take up the hold")
            .because("it may be an older version, or not be allowed to read what this user writes")
            .attempt("try as the user that the recorder runs as, or stop the recorder first"));
    }
    Ok(held)
}

/// Waits until something is done by whoever writes the tape.
pub(super) fn worked_off(tape: &Path, is_done: &dyn Fn() -> bool) -> Result<(), Failure> {
    let begun = Instant::now();
    worked_off_while(tape, is_done, &mut || begun.elapsed() < SEEN_WITHIN)?;
    if is_done() {
        return Ok(());
    }
    Err(Failure::of(Exit::System, "the recorder did not do it yet")
        .because("it writes the tape, and did not see the order within half a minute")
        .attempt("it will, or the next one that starts: the order stays"))
}

fn worked_off_while(
    tape: &Path,
    is_done: &dyn Fn() -> bool,
    is_worth_it: &mut dyn FnMut() -> bool,
) -> Result<(), Failure> {
    let mut is_told = false;
    let begun = Instant::now();
    while !is_done() && is_worth_it() {
        let names = tape::Names(Arc::new(LocalNames::read()));
        match holds::serve(tape, names, is_done) {
            Ok(()) => return Ok(()),
            Err(tape::Error::Locked { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let next_try = Instant::now() + Duration::from_secs(2);
        while !is_done() && Instant::now() < next_try {
            std::thread::sleep(LOOK_EVERY);
        }
        if !is_told && begun.elapsed() > Duration::from_secs(5) && terminal::stderr_is_terminal() {
            terminal::notice("the recorder is at it; it goes on if this is interrupted");
            is_told = true;
        }
    }
    Ok(())
}

/// Takes an order back that came to nothing; what is left of it goes at the recorder's next look.
pub(in crate::commands) fn withdraw(tape: &Path, name: &str) {
    let reason = Some("nothing is kept".to_owned());
    let _ = holds::release(tape, name, &Release { reason, by: None });
    let _ = worked_off(tape, &|| holds::hold(tape, name).is_none());
}
