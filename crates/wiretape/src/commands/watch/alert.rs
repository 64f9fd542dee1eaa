//! Alerts as others write them: Suricata's EVE, Zeek's notice.log as TSV or JSON, and plain JSON lines.

use std::net::IpAddr;

use packet::Timestamp;
use serde_json::Value;

use crate::units::Moment;

/// Letters of a text that are kept.
const TEXT_LETTERS_MAX: usize = 200;

/// What somebody noticed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Alert {
    /// When, if it says so.
    pub(super) time: Option<Timestamp>,
    /// Between whom, the smaller address first; which of them is the server is not to be relied on.
    pub(super) ends: (IpAddr, Option<IpAddr>),
    /// What it is called: for people.
    pub(super) what: String,
    /// What it is told from others by.
    pub(super) kind: String,
    /// Suricata's severity, 1 is the worst.
    pub(super) severity: Option<u64>,
}

/// Reads lines.
#[derive(Debug, Default)]
pub(super) struct AlertReader {
    /// The columns of a Zeek log.
    fields: Vec<String>,
    separator: Option<String>,
}

impl AlertReader {
    /// The alert in a line, if it is one.
    pub(super) fn read(&mut self, line: &str) -> Option<Alert> {
        let line = line.trim_end_matches(['\r', '\n']);
        if line.starts_with('#') {
            self.header(line);
            return None;
        }
        if line.trim_start().starts_with('{') {
            return of_json(&serde_json::from_str(line).ok()?);
        }
        self.of_zeek(line)
    }

    /// `#separator \x09` and `#fields ts uid …` of a Zeek log.
    fn header(&mut self, line: &str) {
        if let Some(separator) = line.strip_prefix("#separator ") {
            let hex = separator.strip_prefix("\\x").and_then(|hex| u8::from_str_radix(hex, 16).ok());
            self.separator = Some(hex.map_or_else(|| separator.to_owned(), |byte| char::from(byte).to_string()));
        } else if let Some(fields) = line.strip_prefix("#fields") {
            let separator = self.separator.as_deref().unwrap_or("\t");
            self.fields = fields.split(separator).filter(|name| !name.is_empty()).map(str::to_owned).collect();
        }
    }

    fn of_zeek(&self, line: &str) -> Option<Alert> {
        let cells: Vec<&str> = line.split(self.separator.as_deref().unwrap_or("\t")).collect();
        let cell = |name: &str| {
            let place = self.fields.iter().position(|field| field == name)?;
            cells.get(place).copied().filter(|cell| !matches!(*cell, "-" | "(empty)" | ""))
        };
        let note = cell("note")?;
        let pair = (cell("id.orig_h").or(cell("src")), cell("id.resp_h").or(cell("dst")));
        Some(Alert {
            time: cell("ts").and_then(time_of),
            ends: ends(pair)?,
            what: shortened(&format!("{note} {}", cell("msg").unwrap_or_default())),
            kind: shortened(note),
            severity: None,
        })
    }
}

fn of_json(object: &Value) -> Option<Alert> {
    if let Some(kind) = object.get("event_type") {
        return if kind == "alert" { of_eve(object) } else { None };
    }
    let text = |name: &str| object.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let first = |names: &[&str]| names.iter().find_map(|name| text(name));
    let pair = (
        first(&["src_ip", "id.orig_h", "src", "source_ip", "source.ip"]),
        first(&["dest_ip", "id.resp_h", "dst_ip", "dst", "destination_ip", "destination.ip"]),
    );
    let kind = first(&["note", "signature", "rule", "kind", "reason", "message", "msg"]).unwrap_or("alert");
    let what = match (text("note"), text("msg")) {
        (Some(note), Some(message)) => format!("{note} {message}"),
        _ => kind.to_owned(),
    };
    let time = ["timestamp", "time", "ts", "@timestamp"].iter().find_map(|name| match object.get(*name)? {
        Value::String(text) => time_of(text),
        Value::Number(number) => time_of(&number.to_string()),
        _ => None,
    });
    Some(Alert { time, ends: ends(pair)?, what: shortened(&what), kind: shortened(kind), severity: None })
}

/// The addresses of the alert can be the other way round than those of the flow: both are the same two.
fn of_eve(object: &Value) -> Option<Alert> {
    let text = |object: &Value, name: &str| object.get(name).and_then(Value::as_str).map(str::to_owned);
    let flow = object.get("flow");
    let address = |name: &str| text(object, name).or_else(|| text(flow?, name));
    let (src, dest) = (address("src_ip"), address("dest_ip"));
    let alert = object.get("alert")?;
    let id = alert.get("signature_id").and_then(Value::as_u64);
    let signature = text(alert, "signature").unwrap_or_default();
    let numbered = id.map_or_else(String::new, |id| format!(" (sid {id})"));
    Some(Alert {
        time: text(object, "timestamp").as_deref().and_then(time_of),
        ends: ends((src.as_deref(), dest.as_deref()))?,
        what: shortened(&format!("{signature}{numbered}")),
        kind: id.map_or_else(|| shortened(&signature), |id| id.to_string()),
        severity: alert.get("severity").and_then(Value::as_u64),
    })
}

/// The two ends in an order of their own; addresses that name nobody are left out.
fn ends((one, other): (Option<&str>, Option<&str>)) -> Option<(IpAddr, Option<IpAddr>)> {
    let somebody = |text: Option<&str>| {
        let address: IpAddr = text?.parse().ok()?;
        let broadcast = matches!(address, IpAddr::V4(v4) if v4.is_broadcast());
        (!address.is_unspecified() && !address.is_multicast() && !broadcast).then_some(address)
    };
    match (somebody(one), somebody(other)) {
        (Some(one), Some(other)) if one != other => Some((one.min(other), Some(one.max(other)))),
        (Some(one), _) | (None, Some(one)) => Some((one, None)),
        (None, None) => None,
    }
}

/// RFC 3339, Suricata's offset without a colon, or seconds since 1970.
fn time_of(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let bytes = text.as_bytes();
    let sign = text.len().checked_sub(5).and_then(|place| bytes.get(place)).copied();
    let is_bare = matches!(sign, Some(b'+' | b'-')) && text.contains('T');
    let with_colon =
        if is_bare { text.split_at_checked(text.len() - 2).map(|(head, tail)| format!("{head}:{tail}")) } else { None };
    let text = with_colon.as_deref().unwrap_or(text);
    // What is no point in time (a span, a word) is none here.
    let is_point = text.starts_with(|first: char| first.is_ascii_digit()) && !text.ends_with(char::is_alphabetic)
        || text.ends_with('Z');
    is_point.then(|| text.parse::<Moment>().ok()).flatten().map(|moment| moment.at(Timestamp(0)))
}

fn shortened(text: &str) -> String {
    text.trim().chars().take(TEXT_LETTERS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lines: &[&str], expected: Option<(&str, Option<&str>, &str, Option<i64>)>) {
        let mut reader = AlertReader::default();
        let mut last = None;
        for line in lines {
            last = reader.read(line);
        }
        let found = last.map(|alert| {
            let time = alert.time.map(|time| time.0 / 1_000_000_000);
            (alert.ends.0.to_string(), alert.ends.1.map(|end| end.to_string()), alert.kind, time)
        });
        let expected =
            expected.map(|(one, other, kind, time)| (one.to_owned(), other.map(str::to_owned), kind.to_owned(), time));
        assert_eq!(found, expected, "{lines:?}");
    }

    // Lines as Suricata 7 and Zeek 6 write them.
    const EVE: &str = r#"{"timestamp":"2026-11-23T11:00:00.500000+0100","flow_id":1,"in_iface":"eth0","event_type":"alert","src_ip":"203.0.113.7","src_port":80,"dest_ip":"10.0.0.5","dest_port":49152,"proto":"TCP","alert":{"action":"allowed","gid":1,"signature_id":2100498,"rev":7,"signature":"GPL ATTACK_RESPONSE id check returned root","category":"Potentially Bad Traffic","severity":2},"flow":{"src_ip":"10.0.0.5","dest_ip":"203.0.113.7"}}"#;
    const ZEEK: [&str; 4] = [
        "#separator \\x09",
        "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tnote\tmsg\tsrc\tdst",
        "#types\ttime\tstring\taddr\tport\taddr\tport\tenum\tstring\taddr\taddr",
        "1795428000.250000\tC1\t10.0.0.5\t49152\t203.0.113.7\t80\tScan::Port_Scan\tscanned 15 ports\t-\t-",
    ];

    #[test]
    fn every_kind_of_line() {
        // date -u -d 2026-11-23T10:00:00Z +%s
        check(&[EVE], Some(("10.0.0.5", Some("203.0.113.7"), "2100498", Some(1_795_428_000))));
        check(&ZEEK, Some(("10.0.0.5", Some("203.0.113.7"), "Scan::Port_Scan", Some(1_795_428_000))));
        check(
            &[r#"{"ts":1795428000.25,"note":"SSH::Password_Guessing","msg":"x","src":"2001:db8::7"}"#],
            Some(("2001:db8::7", None, "SSH::Password_Guessing", Some(1_795_428_000))),
        );
        check(
            &[r#"{"time":"2026-11-23T10:00:00Z","src_ip":"192.0.2.9","dest_ip":"192.0.2.1","reason":"by hand"}"#],
            Some(("192.0.2.1", Some("192.0.2.9"), "by hand", Some(1_795_428_000))),
        );
    }

    #[test]
    fn other_lines_are_no_alerts() {
        check(&[r#"{"event_type":"flow","src_ip":"10.0.0.1","dest_ip":"10.0.0.2"}"#], None);
        check(&[r#"{"event_type":"alert","src_ip":"10.0.0.1","dest_ip":"10.0.0.2"}"#], None);
        check(&[r#"{"src_ip":"nobody"}"#], None);
        check(&[r#"{"src_ip":"0.0.0.0","dest_ip":"255.255.255.255"}"#], None);
        check(&["{", "", "some words"], None);
        check(&[r#"{"src_ip":"10.0.0.1","time":"2h"}"#], Some(("10.0.0.1", None, "alert", None)));
    }
}
