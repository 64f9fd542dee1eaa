//! `wiretape watch`: alerts become holds.

mod alert;
mod follow;
mod limit;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use packet::Timestamp;
use serde::{Deserialize, Serialize};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use tape::holds::{self, Held, Order, Release, State};

use alert::{Alert, AlertReader};
use follow::{Lines, Mark};
use limit::{Limit, Verdict, Window};

use super::hold;
use crate::args::WatchArgs;
use crate::errors::{Exit, Failure};
use crate::output::coverage::thousands;
use crate::terminal::{self, escaped};
use crate::units::{Span, now, rfc3339, second_text};
use crate::{names, source};

/// How often new lines are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How often what became of holds, and where the file was read to, is looked after.
const REMEMBER_EVERY: Duration = Duration::from_secs(1);
/// How often alerts that are not held are summed up.
const SUM_EVERY: Duration = Duration::from_secs(60);
/// Holds whose outcome is waited for.
const WAITING_MAX: usize = 256;

/// Watches until it is told to stop, or the input ends.
pub(crate) fn run(arguments: &WatchArgs) -> Result<Exit, Failure> {
    let tape = source::resolve_tape(arguments.tape.tape.as_deref())?;
    let stop = stopped_by_signals()?;
    let mut watch = Watch::open(arguments, &tape)?;
    terminal::notice(format_args!(
        "alerts in {} become holds of {}; at most {} an hour",
        escaped(&arguments.eve.to_string_lossy()),
        escaped(&tape.to_string_lossy()),
        arguments.per_hour
    ));
    let mut next_look = Instant::now();
    loop {
        let any = watch.take_lines(&stop)?;
        let is_last = stop.load(Ordering::Relaxed) || watch.lines.has_ended() || (arguments.once && !any);
        if is_last || Instant::now() >= next_look {
            watch.look_after_holds(is_last && (arguments.once || watch.lines.has_ended()))?;
            watch.remember()?;
            next_look = Instant::now() + REMEMBER_EVERY;
        }
        if is_last {
            watch.sum_up(true);
            return Ok(Exit::Done);
        }
        if !any {
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

/// A run.
struct Watch<'a> {
    arguments: &'a WatchArgs,
    tape: &'a Path,
    reader: AlertReader,
    lines: Lines,
    memory: Memory,
    /// Holds whose outcome is not known yet.
    waiting: Vec<(String, Alert)>,
    /// Alerts that were not held since the last sum, and the last reason.
    passed_over: u64,
    why: &'static str,
    summed: Instant,
    known: u64,
    swept: Option<Instant>,
}

/// What a start later goes on with.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Memory {
    mark: Option<Mark>,
    limit: Limit,
}

impl<'a> Watch<'a> {
    fn open(arguments: &'a WatchArgs, tape: &'a Path) -> Result<Self, Failure> {
        let memory = holds::watch_memory(tape, &key_of(&arguments.eve))?;
        let memory: Memory = serde_json::from_slice(&memory.unwrap_or_default()).unwrap_or_default();
        let lines = Lines::open(&arguments.eve, memory.mark, arguments.from_start || arguments.once);
        let lines =
            lines.map_err(|error| Failure::system(format!("cannot read {}", arguments.eve.display()), &error))?;
        let mut reader = AlertReader::default();
        lines.header().iter().for_each(|line| drop(reader.read(line)));
        Ok(Self {
            arguments,
            tape,
            reader,
            lines,
            memory,
            waiting: Vec::new(),
            passed_over: 0,
            why: "",
            summed: Instant::now(),
            known: 0,
            swept: None,
        })
    }

    /// Takes in the lines that are there; false if there were none.
    fn take_lines(&mut self, stop: &AtomicBool) -> Result<bool, Failure> {
        const LINES_AT_ONCE: usize = 1000;
        let mut any = false;
        for _ in 0..LINES_AT_ONCE {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let next = self.lines.next();
            let next =
                next.map_err(|error| Failure::system(format!("cannot read {}", self.arguments.eve.display()), &error))?;
            let Some(line) = next else { break };
            any = true;
            if let Some(alert) = self.reader.read(&line) {
                self.take(alert)?;
            }
        }
        Ok(any)
    }

    fn take(&mut self, alert: Alert) -> Result<(), Failure> {
        if alert.severity.is_some_and(|severity| severity > self.arguments.severity) {
            return Ok(());
        }
        let ns = |Span(span): Span| i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
        let window = Window { before_ns: ns(self.arguments.before), after_ns: ns(self.arguments.after) };
        let now = now();
        let verdict = match self.has_room() {
            true => self.memory.limit.judge(&alert, window, self.arguments.per_hour, now),
            false => Verdict::TooMany("holds of alerts have the part of the room that they may have"),
        };
        match verdict {
            Verdict::Known => self.known += 1,
            Verdict::TooMany(why) => {
                self.passed_over += 1;
                self.why = why;
                self.sum_up(false);
            }
            Verdict::Hold { from, to } => self.hold(alert, from, to, now)?,
        }
        Ok(())
    }

    /// Whether a hold that was made before what this run remembers has the alert.
    fn is_held(&self, expression: &str, time: Timestamp) -> bool {
        let covers = |order: &Order| {
            order.expression.as_deref() == Some(expression)
                && order.from.is_some_and(|from| from <= time)
                && order.to.is_some_and(|to| time < to)
        };
        holds::holds(self.tape).is_ok_and(|holds| holds.holds.iter().any(|held| covers(&held.order)))
    }

    /// Whether holds of alerts leave the greater part of the holds' room to people.
    fn has_room(&self) -> bool {
        let Ok(holds) = holds::holds(self.tape) else { return true };
        let own = holds.holds.iter().filter(|held| held.name.starts_with(NAME)).map(|held| held.bytes).sum::<u64>();
        holds.budget_bytes.is_none_or(|budget| own < budget / 2)
    }

    fn hold(&mut self, alert: Alert, from: Timestamp, to: Timestamp, now: Timestamp) -> Result<(), Failure> {
        let (one, other) = alert.ends;
        let pair = other.map_or_else(|| format!("{one}"), |other| format!("{one} and {other}"));
        let expression = match other {
            Some(other) => format!("addr = {one} and addr = {other}"),
            None => format!("addr = {one}"),
        };
        if self.is_held(&expression, alert.time.unwrap_or(now)) {
            self.known += 1;
            return Ok(());
        }
        let order = Order {
            reason: format!("alert: {}", alert.what),
            owner: self.arguments.owner.clone(),
            created: now,
            expression: Some(expression),
            from: Some(from),
            to: Some(to),
            review: self.arguments.review.map(|review| review.at(now)),
            bytes_max: Some(self.arguments.max_size.0),
            retain_s: None,
        };
        let time: String = rfc3339(alert.time.unwrap_or(now)).chars().take(19).collect();
        let name = format!("{NAME}{}", time.chars().filter(|letter| !"-:".contains(*letter)).collect::<String>());
        match hold::place_anew(self.tape, &name, &order) {
            Ok(name) => {
                terminal::notice(format_args!(
                    "{} of {pair}: hold {name}, {} to {} UTC",
                    escaped(&alert.what),
                    second_text(from),
                    second_text(to)
                ));
                if self.waiting.len() < WAITING_MAX {
                    self.waiting.push((name, alert));
                }
                Ok(())
            }
            // What the tape does not take now may fit later: the alert is not forgotten for that.
            Err(failure) => {
                self.memory.limit.forget(&alert);
                terminal::failure(&failure);
                Ok(())
            }
        }
    }

    /// Says what became of holds. Where nobody records, this fills them.
    fn look_after_holds(&mut self, is_end: bool) -> Result<(), Failure> {
        let is_copying = |name: &str| {
            holds::hold(self.tape, name)
                .is_some_and(|held| held.progress.is_none_or(|progress| progress.state == State::Copying))
        };
        if is_end || !self.waiting.is_empty() {
            let any = || self.waiting.iter().any(|(name, _)| is_copying(name));
            let begun = Instant::now();
            let patience = if is_end { Duration::from_secs(60) } else { Duration::ZERO };
            loop {
                let names = tape::Names(Arc::new(names::LocalNames::read()));
                match holds::serve(self.tape, names, || !any()) {
                    Ok(()) | Err(tape::Error::Locked { .. }) => {}
                    Err(error) => return Err(error.into()),
                }
                if !any() || begun.elapsed() >= patience {
                    break;
                }
                std::thread::sleep(LOOK_EVERY);
            }
        }
        self.sweep();
        let (waiting, done): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.waiting).into_iter().partition(|(name, _)| is_copying(name));
        self.waiting = waiting;
        for (name, alert) in done {
            let Some(held) = holds::hold(self.tape, &name) else { continue };
            let progress = held.progress.clone().unwrap_or_default();
            if progress.state == State::Refused {
                let why = progress.why.unwrap_or_default();
                terminal::warning(format_args!("hold {name} was refused: {}", escaped(&why)));
                self.memory.limit.forget(&alert);
                hold::withdraw(self.tape, &name);
            } else {
                terminal::notice(hold::sum(&held));
            }
        }
        Ok(())
    }

    /// Takes back holds of alerts for which nothing came in the end.
    fn sweep(&mut self) {
        if self.swept.is_some_and(|swept| swept.elapsed() < SUM_EVERY) {
            return;
        }
        self.swept = Some(Instant::now());
        let is_empty = |held: &Held| {
            let is_own = held.name.starts_with(NAME) && held.order.owner == self.arguments.owner;
            let progress = held.progress.as_ref();
            is_own && progress.is_some_and(|progress| progress.state == State::Kept && progress.packets == 0)
        };
        let holds = holds::holds(self.tape).unwrap_or_default();
        for held in holds.holds.iter().filter(|held| is_empty(held)) {
            terminal::notice(format_args!("hold {} is taken back: nothing came of it", escaped(&held.name)));
            let release = Release { reason: Some("nothing is kept".to_owned()), by: None };
            if let Err(error) = holds::release(self.tape, &held.name, &release) {
                terminal::failure(Failure::from(error));
            }
        }
    }

    /// Says how many alerts were not held, now and then.
    fn sum_up(&mut self, is_last: bool) {
        if self.passed_over > 0 && (is_last || self.summed.elapsed() >= SUM_EVERY) {
            let count = thousands(std::mem::take(&mut self.passed_over));
            terminal::warning(format_args!("{count} alerts were not held: {}", self.why));
            self.summed = Instant::now();
        }
        if is_last && self.known > 0 {
            terminal::notice(format_args!("alerts of what was held already: {}", thousands(self.known)));
        }
    }

    fn remember(&mut self) -> Result<(), Failure> {
        self.memory.mark = self.lines.mark();
        let memory = serde_json::to_vec(&self.memory).unwrap_or_default();
        Ok(holds::remember_watch(self.tape, &key_of(&self.arguments.eve), &memory)?)
    }
}

/// What the names of holds of alerts begin with.
const NAME: &str = "alert-";

/// What a watched file is remembered by: its path, whatever the working directory.
fn key_of(path: &Path) -> String {
    let absolute: PathBuf = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    absolute.to_string_lossy().into_owned()
}

fn stopped_by_signals() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        flag::register_conditional_default(signal, Arc::clone(&stop))
            .and_then(|_| flag::register(signal, Arc::clone(&stop)))
            .map_err(|error| Failure::system("cannot listen to signals", &error))?;
    }
    Ok(stop)
}
