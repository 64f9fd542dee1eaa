//! Files as they are shown.

use std::io::{self, Write};

use flow::FlowId;
use investigate::Side;
use investigate::files::{ContentId, FoundFile, Hashes, Hex};
use packet::{FlowKey, Timestamp, community_id};
use serde::Serialize;

use super::flows::write_json;
use super::grid::{self, Column, Datum};
use crate::args::{FilesFormat, FlowFormat};
use crate::terminal::escaped;
use crate::units::{rfc3339, second_text, size_text};

/// A file with all its fields: the contract of names. Fields that it does not have are left out.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct FileRecord {
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha1: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    md5: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wire_sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wire_sha1: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wire_md5: Option<String>,
    /// Of the whole file, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    /// What there is of it.
    bytes: u64,
    complete: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    missing: Vec<MissingRecord>,
    /// It is one range; the whole file has a line of its own.
    #[serde(skip_serializing_if = "is_false")]
    piece: bool,
    /// Transfers that it was put together from, where they were several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pieces: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filename: Option<String>,
    /// By its first bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    mime: Option<&'static str>,
    /// As the sender says.
    #[serde(skip_serializing_if = "Option::is_none")]
    mime_said: Option<String>,
    protocol: &'static str,
    flow_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    community_id: Option<String>,
    time: String,
    /// Which way it went: toserver or toclient.
    #[serde(skip_serializing_if = "Option::is_none")]
    direction: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    src_ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    src_port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dest_ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dest_port: Option<u16>,
    /// Its name in the folder of --out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kept_as: Option<String>,
    /// YARA rules that match it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) yara: Vec<String>,
    #[serde(skip)]
    pub(crate) content: Option<ContentId>,
    #[serde(skip)]
    at: Timestamp,
    #[serde(skip)]
    state: String,
}

#[derive(Clone, Debug, Serialize)]
struct MissingRecord {
    offset: u64,
    /// Left out where nobody knows how much.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
}

impl FileRecord {
    /// The fields of a file that went between the ends of `key`, which is the client's.
    pub(crate) fn new(file: &FoundFile, key: Option<&FlowKey>) -> Self {
        let hex = |hashes: Option<Hashes>, of: fn(&Hashes) -> &[u8]| hashes.map(|hashes| Hex(of(&hashes)).to_string());
        let wire = file.wire.and_then(|wire| wire.hashes);
        let missing = file.missing.iter().map(|missing| MissingRecord { offset: missing.offset, bytes: missing.bytes });
        Self {
            sha256: hex(file.hashes, |hashes| &hashes.sha256),
            sha1: hex(file.hashes, |hashes| &hashes.sha1),
            md5: hex(file.hashes, |hashes| &hashes.md5),
            wire_sha256: hex(wire, |hashes| &hashes.sha256),
            wire_sha1: hex(wire, |hashes| &hashes.sha1),
            wire_md5: hex(wire, |hashes| &hashes.md5),
            size: file.size,
            bytes: file.there,
            complete: file.is_complete(),
            missing: missing.collect(),
            piece: file.is_piece,
            pieces: Some(file.pieces).filter(|pieces| *pieces > 1),
            filename: file.name.clone(),
            mime: file.mime,
            mime_said: file.mime_said.clone(),
            protocol: file.protocol,
            flow_id: FlowId(file.flow).to_string(),
            community_id: key.and_then(|key| community_id(key, 0)),
            time: rfc3339(file.time),
            direction: file.sender.map(|sender| if sender == Side::Client { "toserver" } else { "toclient" }),
            src_ip: key.map(|key| key.src.to_string()),
            src_port: key.map(|key| key.src_port),
            dest_ip: key.map(|key| key.dest.to_string()),
            dest_port: key.map(|key| key.dest_port),
            kept_as: None,
            yara: Vec::new(),
            content: file.content,
            at: file.time,
            state: state(file),
        }
    }

    /// Its SHA-256, if all of it is there.
    pub(crate) fn sha256(&self) -> Option<&str> {
        self.sha256.as_deref()
    }

    /// Its flow.
    pub(crate) fn flow_id(&self) -> &str {
        &self.flow_id
    }

    /// Whether it is a range of a file that has a line of its own.
    pub(crate) fn is_told_otherwise(&self) -> bool {
        self.piece && self.content.is_none()
    }

    fn row(&self) -> Vec<Datum> {
        let ends = match (&self.src_ip, &self.dest_ip, self.direction) {
            (Some(client), Some(server), Some("toserver")) => format!("{client} > {server}"),
            (Some(client), Some(server), _) => format!("{server} > {client}"),
            _ => "-".to_owned(),
        };
        let name = self.filename.as_deref().map_or_else(|| "-".to_owned(), shortened);
        let mime = self.mime.or(self.mime_said.as_deref()).map_or_else(|| "-".to_owned(), escaped);
        let hash = self.sha256.as_deref().unwrap_or("-").to_owned();
        let shown = |text: String| Datum::new((), text);
        let cells = [second_text(self.at), self.protocol.to_owned(), ends, self.state.clone(), mime, name, hash];
        cells
            .into_iter()
            .map(shown)
            .chain([shown(self.flow_id.clone()), shown(escaped(&self.yara.join(" ")))])
            .collect()
    }
}

/// Lines of a table; more files make another one.
const ROWS_MAX: usize = 10_000;
/// Longest name in a table; names of the network have any length.
const NAME_LETTERS_MAX: usize = 40;

fn shortened(name: &str) -> String {
    let shown = escaped(name);
    let letters = shown.chars().count();
    if letters <= NAME_LETTERS_MAX {
        return shown;
    }
    let tail: String = shown.chars().skip(letters - NAME_LETTERS_MAX + 1).collect();
    format!("\u{2026}{tail}")
}

/// How much of it there is, in words.
fn state(file: &FoundFile) -> String {
    let there = size_text(file.there);
    let (what, whole) = match (file.is_piece, file.is_head_only()) {
        _ if file.is_complete() && file.is_unhashed => return format!("{there}, out of order"),
        _ if file.is_complete() => return there,
        (true, _) => ("range, ", file.size),
        (_, true) => ("head only, ", file.size),
        _ => ("", file.size),
    };
    // Of an encoded body only the encoded size may be known.
    let wire = file.wire.filter(|_| whole.is_none()).and_then(|wire| Some((wire.there, wire.size?)));
    match (whole, wire) {
        (Some(size), _) => format!("{what}{there} of {}", size_text(size)),
        (None, Some((there, size))) => format!("{what}{} of {} encoded", size_text(there), size_text(size)),
        (None, None) => format!("{what}{there} of ?"),
    }
}

fn is_false(value: &bool) -> bool {
    !value
}

/// Prints files as they are found, or as a table at the end.
pub(crate) struct Printer<W: Write> {
    out: io::BufWriter<W>,
    format: FilesFormat,
    rows: Vec<(Timestamp, Vec<Datum>)>,
    has_rules: bool,
}

impl<W: Write> Printer<W> {
    pub(crate) fn new(out: W, format: FilesFormat) -> Self {
        Self { out: io::BufWriter::with_capacity(1 << 16, out), format, rows: Vec::new(), has_rules: false }
    }

    pub(crate) fn file(&mut self, file: FileRecord) -> io::Result<()> {
        match self.format {
            FilesFormat::Json => write_json(&mut self.out, &file),
            FilesFormat::Table if file.is_told_otherwise() => Ok(()),
            FilesFormat::Table => {
                self.has_rules |= !file.yara.is_empty();
                self.rows.push((file.at, file.row()));
                if self.rows.len() < ROWS_MAX { Ok(()) } else { self.table() }
            }
        }
    }

    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.table()?;
        self.out.flush()
    }

    fn table(&mut self) -> io::Result<()> {
        let mut rows = std::mem::take(&mut self.rows);
        if rows.is_empty() {
            return Ok(());
        }
        rows.sort_by_key(|(time, _)| *time);
        let mut columns = vec![
            Column::shown("TIME", false, 3),
            Column::shown("PROTOCOL", false, 5),
            Column::shown("FROM > TO", false, 4),
            Column::shown("SIZE", true, 0),
            Column::shown("TYPE", false, 2),
            Column::shown("NAME", false, 0),
            Column::shown("SHA256", false, 1),
            Column::shown("FLOW", false, 6),
        ];
        if self.has_rules {
            columns.push(Column::shown("RULES", false, 0));
        }
        let rows: Vec<Vec<Datum>> = rows.into_iter().map(|(_, row)| row).collect();
        grid::print(&mut self.out, FlowFormat::Table, &columns, &rows)
    }
}
