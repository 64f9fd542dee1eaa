//! Holds for people and programs.

use std::time::Duration;

use packet::Timestamp;
use serde_json::{Value, json};
use tape::holds::{Held, Holds, Progress, State};

use super::is_review_due;
use crate::args::HoldFormat;
use crate::commands::print;
use crate::errors::{Exit, Failure};
use crate::output::coverage::counted;
use crate::output::flows::write_json;
use crate::terminal::{self, escaped};
use crate::units::{now, rfc3339, second_text, size_text, span_text};

/// Prints all holds.
pub(super) fn list(holds: &Holds, format: HoldFormat) -> Result<Exit, Failure> {
    let text: String = match format {
        HoldFormat::Json => holds.holds.iter().map(|held| json_line(&to_json(held))).collect(),
        HoldFormat::Text if holds.holds.is_empty() => String::new(),
        HoldFormat::Text => holds.holds.iter().map(|held| line(held) + "\n").collect(),
    };
    print(&text)?;
    let count = holds.holds.len();
    let of = holds.budget_bytes.map(|budget| format!(" of {}", size_text(budget))).unwrap_or_default();
    let what = if count == 1 { "hold" } else { "holds" };
    terminal::notice(format_args!("{count} {what}, {}{of}", size_text(holds.bytes())));
    Ok(if count == 0 { Exit::Nothing } else { Exit::Done })
}

/// Prints one.
pub(super) fn one(held: &Held, format: HoldFormat) -> Result<Exit, Failure> {
    match format {
        HoldFormat::Json => print(&json_line(&to_json(held))),
        HoldFormat::Text => print(&text(held)),
    }
}

/// Prints what a new hold keeps, and says what it could not get.
pub(super) fn conclude(held: &Held, format: HoldFormat) -> Result<(), Failure> {
    match format {
        HoldFormat::Json => print(&json_line(&to_json(held)))?,
        HoldFormat::Text => print(&format!("{}\n", sum(held)))?,
    };
    let progress = held.progress.clone().unwrap_or_default();
    missing(&progress).into_iter().for_each(terminal::notice);
    Ok(())
}

/// `NAME: 12 flows, 1,234 packets, 3.4 MB; following`.
pub(in crate::commands) fn sum(held: &Held) -> String {
    let Progress { flows, packets, state, .. } = held.progress.clone().unwrap_or_default();
    let (flows, packets) = (counted(flows, "flow"), counted(packets, "packet"));
    format!("{}: {flows}, {packets}, {}; {}", escaped(&held.name), size_text(held.bytes), state_text(held, state))
}

fn state_text(held: &Held, state: State) -> String {
    match (state, held.order.to) {
        (_, _) if held.is_released => "about to go".to_owned(),
        (State::Copying | State::Following, _) if held.order.retain_s.is_some() => retained(held),
        (State::Copying, _) => "not copied yet, or not all of it".to_owned(),
        (State::Following, Some(to)) => format!("what comes until {} UTC is kept too", second_text(to)),
        (State::Following, None) => "what comes is kept too".to_owned(),
        (State::Kept, _) => "nothing more is to come".to_owned(),
        (State::Full, _) => "full: what came later is not kept".to_owned(),
        (State::Refused, _) => "refused".to_owned(),
    }
}

/// How far back a policy's hold reaches, if that is less than it should.
fn retained(held: &Held) -> String {
    let span = Duration::from_secs(held.order.retain_s.unwrap_or(0));
    let progress = held.progress.clone().unwrap_or_default();
    if progress.retains(&held.order, now()) {
        return format!("kept for {}", span_text(span));
    }
    let reach = progress.first.map_or(0, |first| u64::try_from(now().since(first)).unwrap_or(0));
    format!(
        "kept for {} only, not {}: there is no room for more",
        span_text(Duration::from_nanos(reach)),
        span_text(span)
    )
}

/// A line of the list.
pub(in crate::commands) fn line(held: &Held) -> String {
    let due = match held.order.review {
        Some(review) if is_review_due(held) => format!("; review was due {}", date(review)),
        Some(review) => format!("; review {}", date(review)),
        None => String::new(),
    };
    format!("{}{due}; {}: {}", sum(held), escaped(&held.order.owner), escaped(&held.order.reason))
}

fn date(time: Timestamp) -> String {
    second_text(time).chars().take(10).collect()
}

/// What could not be kept because it was gone.
fn missing(progress: &Progress) -> Vec<String> {
    let mut lines = Vec::new();
    if progress.incomplete_flows > 0 {
        let flows = counted(progress.incomplete_flows, "matching flow");
        lines.push(format!("{flows} had lost packets to ageing before they could be copied"));
    }
    for expired in &progress.expired {
        lines.push(match expired.oldest {
            Some(oldest) => {
                format!("expired before it was asked for: {} before {} UTC", expired.lane, second_text(oldest))
            }
            None => format!("expired before it was asked for: all of {}", expired.lane),
        });
    }
    if progress.gaps > 0 {
        lines.push(format!("{} without recording in its range", counted(progress.gaps, "time")));
    }
    lines
}

fn json_line(value: &Value) -> String {
    let mut line = Vec::new();
    // Memory takes all of it.
    let _ = write_json(&mut line, value);
    String::from_utf8_lossy(&line).into_owned()
}

/// All that is known of a hold, for people.
fn text(held: &Held) -> String {
    let progress = held.progress.clone().unwrap_or_default();
    let order = &held.order;
    let time = |time: Option<Timestamp>, none: &str| time.map_or(none.to_owned(), |time| second_text(time) + " UTC");
    let mut lines = vec![
        format!("hold        {}", escaped(&held.name)),
        format!("reason      {}", escaped(&order.reason)),
        format!("owner       {}", escaped(&order.owner)),
        format!("created     {}", time(Some(order.created), "")),
        format!("expression  {}", order.expression.as_deref().map_or("everything".to_owned(), escaped)),
        format!("from        {}", time(order.from, "the beginning")),
        format!("to          {}", time(order.to, "until it is released")),
        format!("state       {}", state_text(held, progress.state)),
        format!(
            "review      {}{}",
            time(order.review, "no date"),
            if is_review_due(held) { ", which has passed" } else { "" }
        ),
        format!("keeps       {}, {}", counted(progress.flows, "flow"), counted(progress.packets, "packet")),
        format!("disk        {}", size_text(held.bytes)),
    ];
    if let (Some(first), Some(last)) = (progress.first, progress.last) {
        lines.push(format!("packets     {} to {} UTC", second_text(first), second_text(last)));
    }
    lines.extend(progress.why.as_ref().map(|why| format!("why         {}", escaped(why))));
    lines.extend(missing(&progress).iter().map(|line| format!("missing     {line}")));
    let path = held.path.to_string_lossy();
    lines.push(format!("to read it  wiretape packets --tape {}", escaped(&path)));
    lines.join("\n") + "\n"
}

/// The same for programs.
pub(in crate::commands) fn to_json(held: &Held) -> Value {
    let time = |time: Option<Timestamp>| time.map(rfc3339);
    let order = &held.order;
    let progress = held.progress.clone().unwrap_or_default();
    json!({
        "name": held.name,
        "state": if held.is_released { "released" } else { progress.state.name() },
        "why": progress.why,
        "reason": order.reason,
        "owner": order.owner,
        "created": rfc3339(order.created),
        "expression": order.expression,
        "from": time(order.from),
        "to": time(order.to),
        "review": time(order.review),
        "review_passed": is_review_due(held),
        "bytes_max": order.bytes_max,
        "retain_seconds": order.retain_s,
        "retained": order.retain_s.map(|_| progress.retains(order, now())),
        "flows": progress.flows,
        "packets": progress.packets,
        "captured_bytes": progress.captured_bytes,
        "bytes": held.bytes,
        "first": time(progress.first),
        "last": time(progress.last),
        "incomplete_flows": progress.incomplete_flows,
        "expired": progress.expired.iter().map(|expired| json!({
            "lane": expired.lane, "oldest": time(expired.oldest),
        })).collect::<Vec<_>>(),
        "gaps": progress.gaps,
        "path": held.path.to_string_lossy(),
    })
}
