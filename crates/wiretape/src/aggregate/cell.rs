//! One value of a flow's field, as something to group by.

use filter::question::{Field, Fields, Value};
use packet::{Address, Mac, Timestamp, protocol_name};
use serde_json::json;
use tape::question::Flow;

use crate::units::rfc3339;

/// A value of a field. What it means, the field says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Cell {
    /// The flow has none, or none is known.
    Missing,
    /// A count, a number of bytes or nanoseconds, a port, a protocol, flags.
    Number(u64),
    /// A point in time.
    Time(Timestamp),
    /// An address.
    Address(Address),
    /// A hardware address.
    Mac(Mac),
    /// True or false.
    Boolean(bool),
    /// Text.
    Text(Box<str>),
}

/// The values of several fields.
pub(crate) type Key = Box<[Cell]>;

/// Hands every combination of the values that a flow has in `fields` to `take`; each value of a list counts.
pub(crate) fn keys_of(flow: &Flow, fields: &[Field], key: &mut Vec<Cell>, take: &mut dyn FnMut(&[Cell])) {
    let Some((field, others)) = fields.split_first() else { return take(key) };
    for cell in cells(flow, *field) {
        key.push(cell);
        keys_of(flow, others, key, take);
        key.pop();
    }
}

/// The values of a field, each once; one that is missing if it has none.
fn cells(flow: &Flow, field: Field) -> Vec<Cell> {
    let mut cells = match field {
        Field::Addr => vec![cell(flow.field(Field::SrcIp)), cell(flow.field(Field::DestIp))],
        Field::PortAny => vec![cell(flow.field(Field::SrcPort)), cell(flow.field(Field::DestPort))],
        Field::Proto if flow.row.ip_version == 0 => {
            vec![Cell::Text(crate::output::flows::protocol(flow.row).into())]
        }
        _ => match flow.field(field) {
            Value::List(values) => values.into_iter().map(cell).collect(),
            value => vec![cell(value)],
        },
    };
    if cells.len() > 1 {
        cells.sort();
        cells.dedup();
    }
    if cells.is_empty() {
        cells.push(Cell::Missing);
    }
    cells
}

fn cell(value: Value) -> Cell {
    match value {
        Value::Missing | Value::Unknown | Value::List(_) => Cell::Missing,
        Value::Number(number) | Value::Duration(number) => Cell::Number(number),
        Value::Time(time) => Cell::Time(time),
        Value::Address(address) => Cell::Address(address),
        Value::Mac(mac) => Cell::Mac(mac),
        Value::Boolean(boolean) => Cell::Boolean(boolean),
        Value::Text(text) => Cell::Text(text.into()),
    }
}

impl Cell {
    /// As the JSON of a flow has it.
    pub(crate) fn to_json(&self, field: Field) -> serde_json::Value {
        match self {
            Self::Missing => serde_json::Value::Null,
            Self::Number(number) => match field {
                Field::Proto => json!(protocol_text(*number)),
                Field::TcpFlagsTs | Field::TcpFlagsTc => json!(format!("{number:02x}")),
                Field::Duration => json!(*number as f64 / 1e9),
                _ => json!(number),
            },
            Self::Time(time) => json!(rfc3339(*time)),
            Self::Address(address) => json!(address.to_string()),
            Self::Mac(mac) => json!(mac.to_string()),
            Self::Boolean(boolean) => json!(boolean),
            Self::Text(text) => json!(text),
        }
    }
}

fn protocol_text(number: u64) -> String {
    let name = u8::try_from(number).ok().and_then(protocol_name);
    name.map_or_else(|| number.to_string(), str::to_owned)
}
