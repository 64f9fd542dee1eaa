//! Where indicators have been seen: each with its hosts, then by host, then by hour.

use std::io::{self, Write};

use flow::FlowId;
use investigate::indicators::{Seen, Sightings, Summed, Watchlist};
use packet::Timestamp;
use serde_json::{Value, json};

use super::flows::write_json;
use super::grid::{self, Column, Datum};
use super::iocs::shortened;
use crate::args::FlowFormat;
use crate::output::coverage::thousands;
use crate::units::{rfc3339, second_text};

/// Flows and hosts that are named of each; the rest is counted.
const NAMED_MAX: usize = 100;

/// Three tables: indicators, hosts, hours.
pub(crate) fn table(mut out: impl Write, sightings: &Sightings<'_>, list: &Watchlist) -> io::Result<()> {
    if sightings.seen().is_empty() {
        return Ok(());
    }
    let columns = [
        Column::shown("INDICATOR", false, 0),
        Column::shown("KIND", false, 3),
        Column::shown("FIRST SEEN", false, 0),
        Column::shown("LAST SEEN", false, 1),
        Column::shown("FLOWS", true, 0),
        Column::shown("HOSTS", false, 0),
        Column::shown("SEEN AS", false, 2),
        Column::shown("ABOUT", false, 4),
    ];
    let rows: Vec<Vec<Datum>> = sightings.seen().iter().map(|(place, seen)| row(list, *place, seen)).collect();
    grid::print(&mut out, FlowFormat::Table, &columns, &rows)?;
    let columns = |first: &str| {
        [
            Column::shown(first, false, 0),
            Column::shown("INDICATORS", true, 0),
            Column::shown("FLOWS", true, 0),
            Column::shown("FIRST SEEN", false, 0),
            Column::shown("LAST SEEN", false, 0),
        ]
    };
    writeln!(out)?;
    let hosts: Vec<Vec<Datum>> = sightings.hosts().iter().map(|(host, sum)| sum_row(&host.to_string(), sum)).collect();
    grid::print(&mut out, FlowFormat::Table, &columns("HOST"), &hosts)?;
    writeln!(out)?;
    let hours: Vec<Vec<Datum>> =
        sightings.hours().iter().map(|(hour, sum)| sum_row(&second_text(*hour), sum)).collect();
    grid::print(&mut out, FlowFormat::Table, &columns("HOUR"), &hours)
}

/// One object a line: indicators, hosts, hours, told apart by `record`.
pub(crate) fn json(mut out: impl Write, sightings: &Sightings<'_>, list: &Watchlist) -> io::Result<()> {
    for (place, seen) in sightings.seen() {
        let Some(listed) = list.listed().get(*place) else { continue };
        let hosts: Vec<String> = seen.hosts.iter().take(NAMED_MAX).map(ToString::to_string).collect();
        let mut line = json!({
            "record": "indicator",
            "kind": listed.indicator.kind.name(),
            "value": listed.indicator.value,
            "count": seen.count,
            "first_seen": time(seen.first),
            "last_seen": time(seen.last),
            "flows": seen.flows.len(),
            "flow_ids": ids(&seen.flows),
            "hosts": hosts,
            "fields": seen.fields,
            "values": seen.values,
        });
        if let Some(about) = &listed.about {
            line["about"] = json!(about);
        }
        write_json(&mut out, &line)?;
    }
    for (host, sum) in sightings.hosts() {
        write_json(&mut out, &summed("host", json!(host.to_string()), sum, list))?;
    }
    for (hour, sum) in sightings.hours() {
        write_json(&mut out, &summed("hour", json!(rfc3339(*hour)), sum, list))?;
    }
    out.flush()
}

fn row(list: &Watchlist, place: usize, seen: &Seen) -> Vec<Datum> {
    let listed = list.listed().get(place);
    let text = |text: &str| Datum::new(Value::Null, shortened(text));
    let hosts: Vec<String> = seen.hosts.iter().take(3).map(ToString::to_string).collect();
    let more = seen.hosts.len().saturating_sub(hosts.len());
    let hosts = if more > 0 { format!("{} and {more} more", hosts.join(" ")) } else { hosts.join(" ") };
    let fields: Vec<&str> = seen.fields.iter().copied().collect();
    let values: Vec<&str> = seen.values.iter().map(String::as_str).collect();
    let seen_as =
        if values.is_empty() { fields.join(" ") } else { format!("{}: {}", fields.join(" "), values.join(" ")) };
    let when = |time: Option<Timestamp>| time.map(second_text).unwrap_or_default();
    vec![
        text(listed.map_or("", |listed| &listed.indicator.value)),
        text(listed.map_or("", |listed| listed.indicator.kind.name())),
        text(&when(seen.first)),
        text(&when(seen.last)),
        text(&thousands(seen.flows.len() as u64)),
        text(&hosts),
        text(&seen_as),
        text(listed.and_then(|listed| listed.about.as_deref()).unwrap_or("")),
    ]
}

fn sum_row(name: &str, sum: &Summed) -> Vec<Datum> {
    let text = |text: &str| Datum::new(Value::Null, text);
    let (first, last) = sum.times.unwrap_or_default();
    vec![
        text(name),
        text(&thousands(sum.indicators.len() as u64)),
        text(&thousands(sum.flows.len() as u64)),
        text(&second_text(first)),
        text(&second_text(last)),
    ]
}

fn summed(record: &str, name: Value, sum: &Summed, list: &Watchlist) -> Value {
    let values: Vec<&str> = sum
        .indicators
        .iter()
        .take(NAMED_MAX)
        .filter_map(|place| list.listed().get(*place).map(|listed| listed.indicator.value.as_str()))
        .collect();
    let (first, last) = sum.times.unwrap_or_default();
    json!({
        "record": record,
        record: name,
        "indicators": sum.indicators.len(),
        "values": values,
        "flows": sum.flows.len(),
        "flow_ids": ids(&sum.flows),
        "first_seen": rfc3339(first),
        "last_seen": rfc3339(last),
    })
}

fn time(time: Option<Timestamp>) -> Value {
    time.map_or(Value::Null, |time| Value::String(rfc3339(time)))
}

fn ids(flows: &std::collections::BTreeSet<u64>) -> Vec<String> {
    flows.iter().take(NAMED_MAX).map(|id| FlowId(*id).to_string()).collect()
}
