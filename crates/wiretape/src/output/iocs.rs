//! What was seen of others: as a table, CSV or JSON.

use std::io::{self, Write};

use investigate::indicators::{Indicator, Item};
use serde_json::Value;

use super::grid::{self, Column, Datum};
use crate::args::{FlowFormat, IocsFormat};
use crate::output::coverage::thousands;
use crate::terminal::escaped;
use crate::units::{rfc3339, second_text};

/// Letters of a value that a table shows.
const SHOWN_MAX: usize = 100;

/// Prints the items.
pub(crate) fn print(out: &mut impl Write, format: IocsFormat, items: &[(Indicator, Item)]) -> io::Result<()> {
    let columns = [
        Column::new("kind", "KIND", false, 0),
        Column::new("value", "INDICATOR", false, 0),
        Column::new("count", "COUNT", true, 3),
        Column::new("flows", "FLOWS", true, 2),
        Column::new("first_seen", "FIRST SEEN", false, 1),
        Column::new("last_seen", "LAST SEEN", false, 1),
        Column::stored("sha1"),
        Column::stored("md5"),
        Column::stored("size"),
        Column::new("names", "NAMES", false, 4),
        Column::stored("flow_ids"),
    ];
    let rows: Vec<Vec<Datum>> = items.iter().map(|(indicator, item)| row(indicator, item)).collect();
    let format = match format {
        IocsFormat::Csv => FlowFormat::Csv,
        IocsFormat::Json => FlowFormat::Json,
        _ => FlowFormat::Table,
    };
    grid::print(out, format, &columns, &rows)
}

fn row(indicator: &Indicator, item: &Item) -> Vec<Datum> {
    const FLOW_IDS_MAX: usize = 100;
    let hash = |name: &str| item.also.iter().find(|hash| hash.kind.name() == name).map(|hash| hash.value.clone());
    let names: Vec<&str> = item.names.iter().map(String::as_str).collect();
    let ids: Vec<String> = item.flows.iter().take(FLOW_IDS_MAX).map(|id| flow::FlowId(*id).to_string()).collect();
    vec![
        Datum::plain(indicator.kind.name()),
        Datum::new(indicator.value.clone(), shortened(&indicator.value)),
        Datum::new(item.count, thousands(item.count)),
        Datum::new(item.flows.len(), thousands(item.flows.len() as u64)),
        Datum::new(rfc3339(item.first), second_text(item.first)),
        Datum::new(rfc3339(item.last), second_text(item.last)),
        Datum::plain(hash("sha1")),
        Datum::plain(hash("md5")),
        Datum::plain(item.size.map_or(Value::Null, Value::from)),
        Datum::new(names.join(" "), shortened(&names.join(" "))),
        Datum::plain(ids.join(" ")),
    ]
}

/// Escaped, and not longer than a line has room for.
pub(super) fn shortened(text: &str) -> String {
    let shown = escaped(text);
    match shown.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", shown.get(..end).unwrap_or_default()),
        None => shown,
    }
}
