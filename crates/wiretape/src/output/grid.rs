//! Lines of named values that are no flows: as a table, JSON or CSV.

use std::io::{self, Write};

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::flows::{quoted, write_json};
use crate::args::FlowFormat;
use crate::errors::Failure;
use crate::terminal::{self, escaped};

/// A column.
pub(crate) struct Column {
    /// Its name for programs; `None` for what only people get to see.
    pub(crate) name: Option<String>,
    /// Its name for people; `None` for what only programs get to see.
    pub(crate) title: Option<String>,
    /// Numbers stand at the right.
    pub(crate) right: bool,
    /// Columns of higher rank are left out first where there is little room; those of rank 0 never are.
    pub(crate) rank: u8,
}

impl Column {
    /// A column for people and programs.
    pub(crate) fn new(name: &str, title: &str, right: bool, rank: u8) -> Self {
        Self { name: Some(name.to_owned()), title: Some(title.to_owned()), right, rank }
    }

    /// A column for people.
    pub(crate) fn shown(title: &str, right: bool, rank: u8) -> Self {
        Self { name: None, ..Self::new("", title, right, rank) }
    }

    /// A column for programs.
    pub(crate) fn stored(name: &str) -> Self {
        Self { title: None, ..Self::new(name, "", false, 0) }
    }
}

/// A value, for programs and for people.
pub(crate) struct Datum {
    value: Value,
    text: String,
}

impl Datum {
    /// A value that people see as `text`.
    pub(crate) fn new(value: impl Into<Value>, text: impl Into<String>) -> Self {
        Self { value: value.into(), text: text.into() }
    }

    /// A value that people see as it is, nothing as a dash.
    pub(crate) fn plain(value: impl Into<Value>) -> Self {
        let value = value.into();
        let text = match &value {
            Value::Null => "-".to_owned(),
            Value::String(text) => escaped(text),
            other => other.to_string(),
        };
        Self { value, text }
    }
}

/// The formats that there are for other things than flows.
pub(crate) fn check_format(format: FlowFormat, what: &str) -> Result<(), Failure> {
    match format {
        FlowFormat::Table | FlowFormat::Json | FlowFormat::Csv => Ok(()),
        FlowFormat::Zeek | FlowFormat::Eve => Err(Failure::call(format!("{what} is printed as table, json or csv"))
            .because("the formats of Zeek and Suricata are for single flows")),
    }
}

/// Prints the lines.
pub(crate) fn print(
    out: &mut impl Write,
    format: FlowFormat,
    columns: &[Column],
    rows: &[Vec<Datum>],
) -> io::Result<()> {
    match format {
        FlowFormat::Json => rows.iter().try_for_each(|row| write_json(out, &Object(columns, row)))?,
        FlowFormat::Csv => csv(out, columns, rows)?,
        _ => table(out, columns, rows)?,
    }
    out.flush()
}

/// A line as an object whose members are in the order of the columns.
struct Object<'a>(&'a [Column], &'a [Datum]);

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let named = self.0.iter().zip(self.1).filter_map(|(column, datum)| Some((column.name.as_ref()?, &datum.value)));
        serializer.collect_map(named)
    }
}

fn csv(out: &mut impl Write, columns: &[Column], rows: &[Vec<Datum>]) -> io::Result<()> {
    let names: Vec<&str> = columns.iter().filter_map(|column| column.name.as_deref()).collect();
    write!(out, "{}\r\n", names.join(","))?;
    for row in rows {
        let stored = columns.iter().zip(row).filter(|(column, _)| column.name.is_some());
        let cells: Vec<String> = stored
            .map(|(_, datum)| match &datum.value {
                Value::Null => String::new(),
                Value::String(text) => quoted(text.clone()),
                other => other.to_string(),
            })
            .collect();
        write!(out, "{}\r\n", cells.join(","))?;
    }
    Ok(())
}

fn table(out: &mut impl Write, columns: &[Column], rows: &[Vec<Datum>]) -> io::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let widths = widths(columns, rows, terminal::stdout_columns());
    let titles = columns.iter().map(|column| column.title.as_deref().unwrap_or_default());
    let header = laid_out(titles, columns, &widths);
    if terminal::stdout_has_colour() {
        writeln!(out, "\x1b[1m{header}\x1b[0m")?;
    } else {
        writeln!(out, "{header}")?;
    }
    for row in rows {
        writeln!(out, "{}", laid_out(row.iter().map(|datum| datum.text.as_str()), columns, &widths))?;
    }
    Ok(())
}

/// The widest cell of each column; 0 for columns that there is no room for, or that are for programs.
fn widths(columns: &[Column], rows: &[Vec<Datum>], room: usize) -> Vec<usize> {
    let widest = |(index, column): (usize, &Column)| {
        let title = column.title.as_ref()?.chars().count();
        rows.iter().filter_map(|row| Some(row.get(index)?.text.chars().count())).max().map(|cell| cell.max(title))
    };
    let mut widths: Vec<usize> = columns.iter().enumerate().map(|column| widest(column).unwrap_or(0)).collect();
    while widths.iter().filter(|width| **width > 0).map(|width| width + 2).sum::<usize>() > room + 2 {
        let shown = columns.iter().zip(&mut widths).filter(|(column, width)| **width > 0 && column.rank > 0);
        let Some((_, width)) = shown.max_by_key(|(column, _)| column.rank) else { break };
        *width = 0;
    }
    widths
}

fn laid_out<'t>(cells: impl Iterator<Item = &'t str>, columns: &[Column], widths: &[usize]) -> String {
    let mut line = String::new();
    for ((cell, column), width) in cells.zip(columns).zip(widths).filter(|(_, width)| **width > 0) {
        if !line.is_empty() {
            line.push_str("  ");
        }
        let padding = " ".repeat(width.saturating_sub(cell.chars().count()));
        let parts = if column.right { [&padding, cell] } else { [cell, &padding] };
        line.extend(parts);
    }
    line.truncate(line.trim_end().len());
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(format: FlowFormat) -> String {
        let columns =
            [Column::new("name", "NAME", false, 0), Column::new("bytes", "BYTES", true, 1), Column::stored("id")];
        let row = |name: &str, bytes: u64| {
            vec![Datum::plain(name), Datum::new(bytes, format!("{bytes} B")), Datum::plain(Value::Null)]
        };
        let mut out = Vec::new();
        print(&mut out, format, &columns, &[row("a,\"b\u{1b}", 5), row("=1", 1500)]).expect("a Vec takes it");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn formats() {
        assert_eq!(printed(FlowFormat::Table), "NAME         BYTES\na,\"b\\u{1b}     5 B\n=1          1500 B\n");
        assert_eq!(
            printed(FlowFormat::Json),
            "{\"name\":\"a,\\\"b\\u001b\",\"bytes\":5,\"id\":null}\n{\"name\":\"=1\",\"bytes\":1500,\"id\":null}\n"
        );
        assert_eq!(printed(FlowFormat::Csv), "name,bytes,id\r\n\"a,\"\"b\\u{1b}\",5,\r\n'=1,1500,\r\n");
    }
}
