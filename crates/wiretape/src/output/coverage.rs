//! What an answer covers, in words: gaps, losses, what has expired, so that "nothing found" means something.

use std::time::Duration;

use packet::Timestamp;
use tape::question::{Coverage, Expired};

use crate::errors::Exit;
use crate::terminal::{self, escaped};
use crate::units::{second_text, span_text};

/// Lines of one kind that are shown; the rest is counted.
const LINES_MAX: usize = 8;

/// Says on stderr what the answer covers, and gives the exit status that goes with it.
pub(crate) fn conclude(coverage: &Coverage, what: &str) -> Exit {
    conclude_limited(coverage, what, None)
}

/// The same for an answer that may have ended at a limit.
pub(crate) fn conclude_limited(coverage: &Coverage, what: &str, limit: Option<u64>) -> Exit {
    terminal::notice(summary(coverage, what, limit));
    for line in details(coverage) {
        terminal::line(line);
    }
    match coverage.matched {
        _ if !coverage.damaged.is_empty() => Exit::Damaged,
        0 if coverage.is_complete() => Exit::Nothing,
        0 => Exit::NothingCertain,
        _ => Exit::Done,
    }
}

/// How many there are, and whether all was there to be searched.
pub(crate) fn summary(coverage: &Coverage, what: &str, limit: Option<u64>) -> String {
    let count = match coverage.matched {
        count if count > 0 && limit.is_some_and(|limit| count >= limit) => {
            let what = if count == 1 { what.trim_end_matches('s') } else { what };
            format!("{} {what}, as many as were asked for", thousands(count))
        }
        0 => format!("no {what} matched"),
        1 => format!("1 {}", what.trim_end_matches('s')),
        count => format!("{} {what}", thousands(count)),
    };
    if coverage.is_complete() {
        format!("{count}; the range is covered without a gap")
    } else {
        format!("{count}; the range is not fully covered:")
    }
}

/// A line for each thing that the answer could not see.
pub(crate) fn details(coverage: &Coverage) -> Vec<String> {
    let mut lines = Vec::new();
    some(&mut lines, &coverage.gaps, |gap| {
        if gap.from == Timestamp::MIN {
            return format!("  gap      all before {}: {}", second_text(gap.to), escaped(&gap.reason));
        }
        let length = Duration::from_nanos(gap.to.since(gap.from).try_into().unwrap_or(0));
        let (from, to) = (second_text(gap.from), second_text(gap.to));
        format!("  gap      {from} to {to} ({}): {}", span_text(length), escaped(&gap.reason))
    });
    some(&mut lines, &coverage.losses, |loss| {
        let bytes = if loss.bytes > 0 { format!(", {} bytes", thousands(loss.bytes)) } else { String::new() };
        let (packets, from, to) = (thousands(loss.packets), second_text(loss.from), second_text(loss.to));
        let (place, reason) = (escaped(&loss.place), escaped(&loss.reason));
        format!("  lost     {packets} packets{bytes} between {from} and {to} ({place}): {reason}")
    });
    some(&mut lines, &coverage.expired, expired);
    some(&mut lines, &coverage.damaged, |damage| {
        format!("  damaged  {}: {}", escaped(&damage.path.to_string_lossy()), escaped(&damage.what))
    });
    some(&mut lines, &coverage.unjudged, |unjudged| {
        let (packets, reason) = (thousands(unjudged.packets), escaped(&unjudged.reason));
        format!("  unknown  {packets} {} packets cannot be asked this: {reason}", unjudged.link_type)
    });
    if coverage.undecided_flows > 0 {
        let flows = counted(coverage.undecided_flows, "flow");
        lines.push(format!(
            "  unknown  {flows} may match: what would decide it has expired, is not recorded or was not read"
        ));
    }
    if coverage.undecided_packets > 0 {
        let packets = counted(coverage.undecided_packets, "packet");
        lines.push(format!("  unknown  {packets} may match, cut short of what would decide it"));
    }
    if coverage.rowless_frames > 0 {
        let frames = counted(coverage.rowless_frames, "frame");
        lines.push(format!("  unknown  {frames} with packets of flows that have no rows"));
    }
    if coverage.beyond_heads > 0 {
        let rows = counted(coverage.beyond_heads, "row");
        lines.push(format!(
            "  unknown  {rows} of flows that went on behind their heads: what was said there was not read"
        ));
    }
    lines
}

fn expired(expired: &Expired) -> String {
    let what = expired.lane.map_or("flow rows", |lane| lane.name());
    match expired.oldest {
        Some(oldest) => format!("  expired  {what} before {}", second_text(oldest)),
        None => format!("  expired  all of {what}"),
    }
}

fn some<T>(lines: &mut Vec<String>, items: &[T], word: impl Fn(&T) -> String) {
    lines.extend(items.iter().take(LINES_MAX).map(word));
    if items.len() > LINES_MAX {
        lines.push(format!("           and {} more", items.len() - LINES_MAX));
    }
}

/// So many of something: `1 flow`, `1,234 flows`.
pub(crate) fn counted(count: u64, what: &str) -> String {
    format!("{} {what}{}", thousands(count), if count == 1 { "" } else { "s" })
}

/// A number with commas between its thousands.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use tape::question::{Damage, Gap, Loss};

    use super::*;

    #[test]
    fn what_is_missing_is_said() {
        let minute = Timestamp::from_seconds(60, 0);
        let coverage = Coverage {
            gaps: vec![Gap { from: Timestamp(0), to: minute, reason: "stopped\x1b".into() }],
            losses: vec![Loss {
                place: "eth0".into(),
                reason: "ring full".into(),
                packets: 12_345,
                bytes: 0,
                from: Timestamp(0),
                to: minute,
            }],
            damaged: vec![Damage { path: PathBuf::from("/t/a"), what: "checksum".into() }],
            undecided_flows: 2,
            undecided_packets: 1,
            ..Coverage::default()
        };
        let expected = [
            "  gap      1970-01-01 00:00:00 to 1970-01-01 00:01:00 (1 min): stopped\\u{1b}",
            "  lost     12,345 packets between 1970-01-01 00:00:00 and 1970-01-01 00:01:00 (eth0): ring full",
            "  damaged  /t/a: checksum",
            "  unknown  2 flows may match: what would decide it has expired, is not recorded or was not read",
            "  unknown  1 packet may match, cut short of what would decide it",
        ];
        assert_eq!(details(&coverage), expected);
        assert_eq!(summary(&coverage, "flows", None), "no flows matched; the range is not fully covered:");
        let whole = Coverage { matched: 1, ..Coverage::default() };
        assert_eq!(summary(&whole, "flows", None), "1 flow; the range is covered without a gap");
        let limited = Coverage { matched: 2, ..Coverage::default() };
        let expected = "2 flows, as many as were asked for; the range is covered without a gap";
        assert_eq!(summary(&limited, "flows", Some(2)), expected);
        assert!(summary(&whole, "packets", Some(1)).starts_with("1 packet, as many"));
    }

    #[test]
    fn thousands_are_grouped() {
        for (number, expected) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(thousands(number), expected);
        }
    }
}
