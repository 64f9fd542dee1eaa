//! Flows as text: a table for people, and the formats that other programs read.

mod csv;
mod eve;
mod json;
mod record;
mod table;
mod zeek;

use std::io::{self, Write};

pub(crate) use csv::quoted;
pub(crate) use json::write_value as write_json;
pub(crate) use record::{FlowRecord, protocol};

use crate::args::FlowFormat;

/// Prints flows in one of the formats.
pub(crate) struct FlowPrinter<W: Write> {
    out: W,
    format: Format,
}

enum Format {
    Table(table::Table),
    Json,
    Csv,
    Zeek,
    Eve,
}

impl<W: Write> FlowPrinter<W> {
    /// Begins; formats with a header print it, whether flows follow or not.
    pub(crate) fn new(mut out: W, format: FlowFormat, look: table::Look) -> io::Result<Self> {
        let format = match format {
            FlowFormat::Table => Format::Table(table::Table::new(look)),
            FlowFormat::Json => Format::Json,
            FlowFormat::Csv => {
                csv::header(&mut out)?;
                Format::Csv
            }
            FlowFormat::Zeek => {
                zeek::header(&mut out)?;
                Format::Zeek
            }
            FlowFormat::Eve => Format::Eve,
        };
        Ok(Self { out, format })
    }

    /// Prints one flow.
    pub(crate) fn flow(&mut self, flow: &FlowRecord) -> io::Result<()> {
        match &mut self.format {
            Format::Table(table) => table.row(&mut self.out, flow),
            Format::Json => json::line(&mut self.out, flow),
            Format::Csv => csv::line(&mut self.out, flow),
            Format::Zeek => zeek::line(&mut self.out, flow),
            Format::Eve => eve::line(&mut self.out, flow),
        }
    }

    /// Writes out what has been held back.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        if let Format::Table(table) = &mut self.format {
            table.settle(&mut self.out)?;
        }
        self.out.flush()
    }

    /// Ends.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        if let Format::Zeek = self.format {
            zeek::footer(&mut self.out)?;
        }
        self.flush()
    }
}

pub(crate) use table::Look;

#[cfg(test)]
pub(crate) use tests::row as sample_row;

#[cfg(test)]
mod tests;
