//! Flows for people: as many columns as the terminal has room for, the telling ones first.

use std::io::{self, Write};
use std::time::Duration;

use super::FlowRecord;
use crate::terminal::escaped;
use crate::units::{second_text, size_text, span_text};

/// What the table is printed on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    /// Width in characters.
    pub(crate) columns: usize,
    /// Whether the header is bold.
    pub(crate) colour: bool,
    /// Rows that are looked at before the widths are settled.
    pub(crate) rows_ahead: usize,
}

struct Column {
    title: &'static str,
    /// Lower numbers are kept longer when there is little room.
    rank: u8,
    right: bool,
    cell: fn(&FlowRecord) -> String,
}

const fn column(title: &'static str, rank: u8, right: bool, cell: fn(&FlowRecord) -> String) -> Column {
    Column { title, rank, right, cell }
}

const COLUMNS: [Column; 18] = [
    column("START (UTC)", 3, false, |flow| second_text(flow.start)),
    column("LASTS", 11, true, |flow| lasts(flow.duration)),
    column("PROTO", 2, false, |flow| flow.proto.clone()),
    column("FROM", 0, false, |flow| end(&flow.src_ip, flow.src_port, &flow.src_mac)),
    column("TO", 1, false, |flow| end(&flow.dest_ip, flow.dest_port, &flow.dest_mac)),
    column("SPEAKS", 9, false, |flow| shown(flow.payload.first("app_proto"))),
    column("ABOUT", 6, false, |flow| shown(flow.payload.about())),
    column("DIRECTION", 10, false, |flow| flow.direction.to_owned()),
    column("STATE", 8, false, |flow| flow.conn_state.to_owned()),
    column("PKTS>", 12, true, |flow| flow.pkts_toserver.to_string()),
    column("<PKTS", 13, true, |flow| flow.pkts_toclient.to_string()),
    column("BYTES>", 4, true, |flow| size_text(flow.bytes_toserver)),
    column("<BYTES", 5, true, |flow| size_text(flow.bytes_toclient)),
    column("KEPT", 14, false, |flow| flow.kept.to_owned()),
    column("LANE", 15, false, |flow| flow.lane.unwrap_or("-").to_owned()),
    column("INTERFACE", 16, false, |flow| flow.in_iface.as_deref().map_or("-".to_owned(), escaped)),
    column("IN", 17, false, wrapping),
    column("FLOW", 7, false, |flow| flow.flow_id.clone()),
];

type Row = [String; COLUMNS.len()];

/// A table whose widths are settled by its first rows.
pub(super) struct Table {
    look: Look,
    ahead: Vec<Row>,
    /// Width of each column, 0 for those that are left out.
    widths: Option<[usize; COLUMNS.len()]>,
}

impl Table {
    /// A table without rows.
    pub(super) fn new(look: Look) -> Self {
        Self { look, ahead: Vec::new(), widths: None }
    }

    /// Prints a flow, or holds it back until the widths are settled.
    pub(super) fn row(&mut self, out: &mut impl Write, flow: &FlowRecord) -> io::Result<()> {
        let row = COLUMNS.each_ref().map(|column| (column.cell)(flow));
        if let Some(widths) = &self.widths {
            return write_row(out, &row, widths);
        }
        self.ahead.push(row);
        if self.ahead.len() >= self.look.rows_ahead { self.settle(out) } else { Ok(()) }
    }

    /// Settles the widths and prints what was held back.
    pub(super) fn settle(&mut self, out: &mut impl Write) -> io::Result<()> {
        if self.ahead.is_empty() || self.widths.is_some() {
            return Ok(());
        }
        let widths = widths(&self.ahead, self.look.columns);
        write_header(out, &widths, self.look.colour)?;
        for row in self.ahead.drain(..) {
            write_row(out, &row, &widths)?;
        }
        self.widths = Some(widths);
        Ok(())
    }
}

/// Widest cells, with the least telling columns left out until a line fits. Columns that say nothing go first.
fn widths(rows: &[Row], columns: usize) -> [usize; COLUMNS.len()] {
    let mut widths = [0; COLUMNS.len()];
    for (index, (width, column)) in widths.iter_mut().zip(&COLUMNS).enumerate() {
        let cells = || rows.iter().filter_map(|row| row.get(index));
        if cells().any(|cell| cell != "-") {
            let widest = cells().map(|cell| cell.chars().count()).max().unwrap_or(0);
            *width = widest.max(column.title.chars().count());
        }
    }
    let total = |widths: &[usize]| widths.iter().filter(|width| **width > 0).map(|width| width + 2).sum::<usize>();
    while total(&widths) > columns + 2 {
        let shown = COLUMNS.iter().zip(widths.iter_mut()).filter(|(column, width)| **width > 0 && column.rank > 1);
        match shown.max_by_key(|(column, _)| column.rank) {
            Some((_, width)) => *width = 0,
            None => break,
        }
    }
    widths
}

fn write_header(out: &mut impl Write, widths: &[usize], colour: bool) -> io::Result<()> {
    let titles = COLUMNS.each_ref().map(|column| column.title.to_owned());
    let line = laid_out(&titles, widths);
    if colour { writeln!(out, "\x1b[1m{line}\x1b[0m") } else { writeln!(out, "{line}") }
}

fn write_row(out: &mut impl Write, row: &Row, widths: &[usize]) -> io::Result<()> {
    writeln!(out, "{}", laid_out(row, widths))
}

fn laid_out(row: &Row, widths: &[usize]) -> String {
    let mut line = String::new();
    for ((cell, column), width) in row.iter().zip(&COLUMNS).zip(widths).filter(|(_, width)| **width > 0) {
        if !line.is_empty() {
            line.push_str("  ");
        }
        let padding = " ".repeat(width.saturating_sub(cell.chars().count()));
        let parts = if column.right { [&padding, cell.as_str()] } else { [cell.as_str(), &padding] };
        line.extend(parts);
    }
    line.truncate(line.trim_end().len());
    line
}

fn end(ip: &Option<String>, port: Option<u16>, mac: &Option<String>) -> String {
    match (ip, port) {
        (Some(ip), Some(port)) if ip.contains(':') => format!("[{ip}]:{port}"),
        (Some(ip), Some(port)) => format!("{ip}:{port}"),
        (Some(ip), None) => ip.clone(),
        (None, _) => mac.clone().unwrap_or_else(|| "-".to_owned()),
    }
}

/// A value, cut to what a column can bear.
fn shown(value: Option<&str>) -> String {
    const LETTERS_MAX: usize = 48;
    let Some(value) = value else { return "-".to_owned() };
    let text = escaped(value);
    match text.char_indices().nth(LETTERS_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

fn lasts(seconds: f64) -> String {
    if seconds < 10.0 { format!("{seconds:.3} s") } else { span_text(Duration::from_secs_f64(seconds.max(0.0))) }
}

fn wrapping(flow: &FlowRecord) -> String {
    let vlans = flow.vlan.iter().map(|vlan| format!("vlan:{vlan}"));
    let tunnel = flow.tunnel.map(|name| flow.tunnel_id.map_or(name.to_owned(), |id| format!("{name}:{id}")));
    let parts: Vec<String> = vlans.chain(tunnel).collect();
    if parts.is_empty() { "-".to_owned() } else { parts.join(" ") }
}
