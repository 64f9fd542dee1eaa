//! The first minute of a recording: a line of counters, so that one sees that it works.

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use record::{Control, Counters};

use crate::output::coverage::thousands;
use crate::terminal;
use crate::units::size_text;

/// How long the counters are shown.
const SHOWN: Duration = Duration::from_secs(60);
/// How often they are shown where lines stay: in a log.
const EVERY_LOGGED: Duration = Duration::from_secs(10);
/// How often they are shown where a line can be written again.
const EVERY_ON_TERMINAL: Duration = Duration::from_secs(1);

/// Shows the counters for a minute, from a thread of its own.
pub(super) fn watch(control: &Arc<Control>) {
    let control = Arc::clone(control);
    let show = move || {
        let on_terminal = terminal::stderr_is_terminal();
        let every = if on_terminal { EVERY_ON_TERMINAL } else { EVERY_LOGGED };
        let start = Instant::now();
        while start.elapsed() < SHOWN && !control.is_stopping() {
            wait(&control, every);
            let line = counters_line(start.elapsed(), &control.counters());
            if on_terminal {
                let _ = write!(std::io::stderr().lock(), "\r\x1b[K{line}");
            } else {
                terminal::line(line);
            }
        }
        if on_terminal {
            terminal::line("");
        }
        if !control.is_stopping() {
            terminal::line("  it goes on quietly from here: wiretape status tells how it is");
        }
    };
    // Without the thread the recording is the same, only silent.
    let _ = std::thread::Builder::new().name("first minute".to_owned()).spawn(show);
}

/// Sleeps, but not long after the recorder was asked to stop.
fn wait(control: &Control, span: Duration) {
    let end = Instant::now() + span;
    while Instant::now() < end && !control.is_stopping() {
        std::thread::sleep(Duration::from_millis(100).min(end.saturating_duration_since(Instant::now())));
    }
}

fn by_policies(counters: &Counters) -> u64 {
    counters.policies.iter().map(|policy| policy.packets_dropped).sum()
}

fn counters_line(elapsed: Duration, counters: &Counters) -> String {
    let lost = counters.dropped_by_kernel + counters.refused + counters.damaged;
    let settled = counters.kept + counters.duplicates + counters.policy + counters.unwanted + counters.refused;
    let waiting = counters.received.saturating_sub(settled + counters.damaged);
    let mut others = String::new();
    for (count, what) in [
        (counters.duplicates, "seen before on another interface"),
        (counters.policy - by_policies(counters), "bulk of bridges let go"),
        (by_policies(counters), "left out by policies"),
        (counters.unwanted, "not wanted"),
        (waiting, "waiting for proof"),
    ] {
        if count > 0 {
            others.push_str(&format!(", {} {what}", thousands(count)));
        }
    }
    format!(
        "  {:>4} s  {} packets, {} on the wire; {} kept{others}, {} lost",
        elapsed.as_secs(),
        thousands(counters.received),
        size_text(counters.received_bytes),
        thousands(counters.kept),
        thousands(lost)
    )
}
