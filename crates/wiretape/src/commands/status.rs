//! `wiretape status`: what a tape holds, how fast it fills, how far back it reaches, what is missing.

use std::time::Duration;

use packet::Timestamp;
use serde_json::{Value, json};
use tape::format::chain::LeftOut;
use tape::holds::Holds;
use tape::question::Damage;
use tape::status::{Failing, LaneStatus, Problem, Rate, Status, Unpredictable};

use super::{hold, lanes};
use crate::args::{SourceArgs, StatusArgs, StatusFormat};
use crate::errors::{Exit, Failure};
use crate::output::coverage::thousands;
use crate::source;
use crate::terminal::{self, escaped};
use crate::units::{now, rfc3339, second_text, size_text, span_text};

/// Gaps and losses that are listed; the rest is counted.
const LINES_MAX: usize = 10;

/// Tells how the tape does.
pub(crate) fn run(arguments: &StatusArgs) -> Result<Exit, Failure> {
    if arguments.check {
        return Ok(check(&arguments.source));
    }
    if !arguments.source.read.is_empty() {
        return Err(Failure::call("a capture has no status").attempt("to see what is in it: wiretape flows -r FILE"));
    }
    let tape = source::resolve_tape(arguments.source.tape.as_deref())?;
    let status = tape::status::status(&tape)?;
    match arguments.format {
        StatusFormat::Text => super::print(&text(&tape.to_string_lossy(), &status))?,
        StatusFormat::Json => super::print(&format!("{}\n", to_json(&tape.to_string_lossy(), &status)))?,
    };
    let is_whole = status.damaged.is_empty() && status.missing.is_empty() && status.set_aside.is_empty();
    Ok(if is_whole { Exit::Done } else { Exit::Damaged })
}

/// 0 if all is well, 1 if not, whatever the reason; what is wrong goes to stderr.
fn check(arguments: &SourceArgs) -> Exit {
    let looked = source::resolve_tape(arguments.tape.as_deref())
        .and_then(|tape| tape::status::status(&tape).map_err(Failure::from));
    match looked.map(|status| status.problems()) {
        Ok(problems) if problems.is_empty() => Exit::Done,
        Ok(problems) => {
            problems.iter().for_each(|problem| terminal::failure(problem_text(problem)));
            Exit::Nothing
        }
        Err(failure) => {
            terminal::failure(failure);
            Exit::Nothing
        }
    }
}

fn problem_text(problem: &Problem) -> String {
    match problem {
        Problem::NotRecording { last_sign: Some(last) } => {
            format!("no recorder is at work; the last sign of one was at {} UTC", second_text(*last))
        }
        Problem::NotRecording { last_sign: None } => "no recorder has been at work".to_owned(),
        Problem::Failing(failing) => failing_text(failing),
        Problem::NoRoom { usable_bytes } => {
            format!(
                "next to nothing is kept: {} of the disk may be used, the rest is not free",
                size_text(*usable_bytes)
            )
        }
        Problem::Damaged(1) => "one thing on the tape is damaged, missing or set aside: status names it".to_owned(),
        Problem::Damaged(count) => {
            format!("{count} things on the tape are damaged, missing or set aside: status names them")
        }
        Problem::HoldFull(name) => format!("hold {} is full: what comes is not kept", escaped(name)),
        other => format!("{other:?}"),
    }
}

fn failing_text(failing: &Failing) -> String {
    format!("packets are lost since {} UTC: {}", second_text(failing.since), escaped(&failing.reason))
}

fn text(tape: &str, status: &Status) -> String {
    let mut lines = vec![
        format!("tape       {} of sensor {}", escaped(tape), escaped(&status.sensor)),
        format!("recorder   {}", recorder(status)),
        format!("disk       {}", disk(status)),
        format!("reach      {}", reach(status)),
        String::new(),
        "LANE      SEGMENTS        SIZE         PACKETS  OLDEST (UTC)         NEWEST (UTC)         RATE/h      WILL REACH"
            .to_owned(),
    ];
    lines.extend(status.lanes.iter().map(lane_line));
    lines.push(format!("{:<8} {:>9}  {:>10}", "flows", status.flow_files, size_text(status.flow_bytes)));
    lines.push(String::new());
    lines.extend(lanes::text(status));
    lines.push(String::new());
    section(&mut lines, "gaps", &status.gaps, |gap| {
        let length = Duration::from_nanos(gap.to.since(gap.from).try_into().unwrap_or(0));
        format!(
            "{} to {} ({}): {}",
            second_text(gap.from),
            second_text(gap.to),
            span_text(length),
            escaped(&gap.reason)
        )
    });
    section(&mut lines, "losses", &status.losses, |loss| {
        let packets = thousands(loss.packets);
        let times = format!("{} to {}", second_text(loss.from), second_text(loss.to));
        format!("{packets} packets, {times} ({}): {}", escaped(&loss.place), escaped(&loss.reason))
    });
    let word = |damage: &Damage| format!("{}: {}", escaped(&damage.path.to_string_lossy()), escaped(&damage.what));
    section(&mut lines, "damaged", &status.damaged, word);
    section(&mut lines, "missing", &status.missing, word);
    section(&mut lines, "set aside", &status.set_aside, |file| {
        format!("{} ({})", escaped(&file.path.to_string_lossy()), size_text(file.bytes))
    });
    lines.extend(policies(&status.policies));
    lines.extend(holds(&status.holds));
    lines.join("\n").trim_end().to_owned() + "\n"
}

/// What policies left out.
fn policies(policies: &[LeftOut]) -> Vec<String> {
    let line = |policy: &LeftOut| {
        let LeftOut { name, packets_dropped, bytes_dropped, packets_cut, bytes_cut } = policy;
        let mut parts = Vec::new();
        if *packets_dropped > 0 {
            parts.push(format!("{} packets ({}) not kept", thousands(*packets_dropped), size_text(*bytes_dropped)));
        }
        if *packets_cut > 0 {
            parts.push(format!("{} packets without {} of payload", thousands(*packets_cut), size_text(*bytes_cut)));
        }
        format!("  {}: {}", escaped(name), parts.join(", "))
    };
    let title = (!policies.is_empty()).then(|| format!("{:<10} left out, so far as the log goes:", "policies"));
    title.into_iter().chain(policies.iter().map(line)).collect()
}

/// What is kept out of the reach of ageing; nothing is said of a tape without holds.
fn holds(holds: &Holds) -> Vec<String> {
    if holds.holds.is_empty() {
        return Vec::new();
    }
    let of = holds.budget_bytes.map(|budget| format!(" of {}", size_text(budget))).unwrap_or_default();
    let mut lines = vec![format!("{:<10} {}, {}{of}:", "holds", holds.holds.len(), size_text(holds.bytes()))];
    lines.extend(holds.holds.iter().take(LINES_MAX).map(|held| format!("  {}", hold::line(held))));
    let more = holds.holds.len().saturating_sub(LINES_MAX);
    lines.extend((more > 0).then(|| format!("  and {more} more: wiretape hold list")));
    lines
}

/// The latest items of a kind, which are the last.
fn section<T>(lines: &mut Vec<String>, title: &str, items: &[T], word: impl Fn(&T) -> String) {
    if items.is_empty() {
        lines.push(format!("{title:<10} none"));
        return;
    }
    let earlier = items.len().saturating_sub(LINES_MAX);
    let before = if earlier > 0 { format!(", the last {LINES_MAX}") } else { String::new() };
    lines.push(format!("{title:<10} {}{before}:", items.len()));
    lines.extend(items.iter().skip(earlier).map(|item| format!("  {}", word(item))));
}

fn recorder(status: &Status) -> String {
    if let Some(failing) = &status.failing {
        return failing_text(failing);
    }
    match (status.recording, status.recorder_pid, status.last_sign) {
        (true, Some(pid), _) => format!("at work (process {pid})"),
        (true, None, _) => "at work".to_owned(),
        (false, _, Some(last)) => format!("not at work since {} UTC", second_text(last)),
        (false, _, None) => "never was at work here".to_owned(),
    }
}

fn disk(status: &Status) -> String {
    let used = size_text(status.bytes);
    match status.budget_bytes {
        Some(budget) => {
            let percent = status.bytes as f64 * 100.0 / (budget.max(1)) as f64;
            let mut text = format!("{used} of {} ({percent:.0} %)", size_text(budget));
            if let Some(usable) = status.usable_bytes.filter(|usable| *usable < budget) {
                text.push_str(&format!("; only {} can be used: the rest is not free", size_text(usable)));
            }
            text
        }
        None => used,
    }
}

fn reach(status: &Status) -> String {
    let oldest = status.lanes.iter().filter_map(|lane| lane.oldest).min();
    let Some(oldest) = oldest else { return "nothing is recorded yet".to_owned() };
    let newest = if status.recording {
        now()
    } else {
        status.lanes.iter().filter_map(|lane| lane.newest).max().unwrap_or(oldest)
    };
    let length = span_text(Duration::from_nanos(newest.since(oldest).try_into().unwrap_or(0)));
    let so_far = format!("{length} are on it, since {} UTC", second_text(oldest));
    match status.retention {
        Ok(retention) => {
            let rate = status.rate.map(rate_text).unwrap_or_default();
            format!(
                "{so_far}; at this rate ({rate}) the tape reaches back {}",
                span_text(Duration::from_nanos(retention))
            )
        }
        Err(why) => format!("{so_far}; how far it will reach is not known: {}", unpredictable_text(why)),
    }
}

fn unpredictable_text(why: Unpredictable) -> &'static str {
    match why {
        Unpredictable::Stopped => "no recorder is at work",
        Unpredictable::TooShort => "less than a minute is on it",
        Unpredictable::NoBudget => "the recorder left no word of its budget",
        Unpredictable::Silent => "nothing comes in",
    }
}

fn lane_line(lane: &LaneStatus) -> String {
    let time = |time: Option<Timestamp>| time.map_or("-".to_owned(), second_text);
    format!(
        "{:<8} {:>9}  {:>10}  {:>14}  {:<19}  {:<19}  {:>10}  {}",
        lane.lane.name(),
        lane.segments,
        size_text(lane.bytes),
        thousands(lane.packets),
        time(lane.oldest),
        time(lane.newest),
        lane.rate.map_or("-".to_owned(), |rate| size_text((rate.hour * 3600.0) as u64)),
        lane.retention_ns.map_or("-".to_owned(), |reach| span_text(Duration::from_nanos(reach))),
    )
    .trim_end()
    .to_owned()
}

fn rate_text(rate: Rate) -> String {
    format!("{}/s over an hour, {}/s over a minute", size_text(rate.hour as u64), size_text(rate.minute as u64))
}

fn to_json(tape: &str, status: &Status) -> Value {
    let time = |time: Option<Timestamp>| time.map(rfc3339);
    let seconds = |nanoseconds: Option<u64>| nanoseconds.map(|nanoseconds| nanoseconds as f64 / 1e9);
    let rate = |rate: Option<Rate>| rate.map(|rate| json!({ "minute": rate.minute, "hour": rate.hour }));
    let damages = |damages: &[Damage]| {
        let one = |damage: &Damage| json!({ "path": damage.path.to_string_lossy(), "what": damage.what });
        damages.iter().map(one).collect::<Vec<_>>()
    };
    let lane = |lane: &LaneStatus| {
        json!({
            "lane": lane.lane.name(),
            "segments": lane.segments,
            "bytes": lane.bytes,
            "packets": lane.packets,
            "oldest": time(lane.oldest),
            "newest": time(lane.newest),
            "bytes_per_second": rate(lane.rate),
            "retention_seconds": seconds(lane.retention_ns),
            "reach_seconds": lanes::reach_ns(lane).map(|reach| reach as f64 / 1e9),
            "pace": lanes::pace_json(lane),
            "evicted": lanes::evicted_json(lane.evicted.as_ref()),
        })
    };
    json!({
        "tape": tape,
        "id": status.id,
        "sensor": status.sensor,
        "created": rfc3339(status.created),
        "recording": status.recording,
        "recorder_pid": status.recorder_pid,
        "last_sign": time(status.last_sign),
        "failing": status.failing.as_ref().map(|failing| json!({
            "since": rfc3339(failing.since), "reason": failing.reason,
        })),
        "bytes": status.bytes,
        "budget_bytes": status.budget_bytes,
        "usable_bytes": status.usable_bytes,
        "flow_files": status.flow_files,
        "flow_bytes": status.flow_bytes,
        "flows_evicted": lanes::evicted_json(status.flows_evicted.as_ref()),
        "overloaded_since": time(status.overloaded),
        "bytes_per_second": rate(status.rate),
        "retention_seconds": seconds(status.retention.ok()),
        "retention_unknown": status.retention.err().map(unpredictable_text),
        "lanes": status.lanes.iter().map(lane).collect::<Vec<_>>(),
        "gaps": status.gaps.iter().map(|gap| json!({
            "from": rfc3339(gap.from), "to": rfc3339(gap.to), "reason": gap.reason,
        })).collect::<Vec<_>>(),
        "losses": status.losses.iter().map(|loss| json!({
            "from": rfc3339(loss.from), "to": rfc3339(loss.to), "place": loss.place, "reason": loss.reason,
            "packets": loss.packets, "bytes": loss.bytes,
        })).collect::<Vec<_>>(),
        "damaged": damages(&status.damaged),
        "missing": damages(&status.missing),
        "policies": status.policies.iter().map(|policy| json!({
            "name": policy.name, "packets_dropped": policy.packets_dropped, "bytes_dropped": policy.bytes_dropped,
            "packets_cut": policy.packets_cut, "bytes_cut": policy.bytes_cut,
        })).collect::<Vec<_>>(),
        "holds": {
            "bytes": status.holds.bytes(),
            "budget_bytes": status.holds.budget_bytes,
            "holds": status.holds.holds.iter().map(hold::to_json).collect::<Vec<_>>(),
        },
        "set_aside": status.set_aside.iter().map(|file| json!({
            "path": file.path.to_string_lossy(), "bytes": file.bytes,
        })).collect::<Vec<_>>(),
    })
}
