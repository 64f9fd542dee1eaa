//! Lists: an indicator a line, tables with separators, Zeek's intelligence framework.

use super::prose::refanged;
use super::read::Found;
use super::{Indicator, Kind, domain};

/// Columns that speak about an indicator, by a part of their name.
const ABOUT: [&str; 12] =
    ["ref", "source", "link", "report", "comment", "tag", "date", "first", "last", "status", "id", "desc"];

/// Whether a text is one of Zeek's.
pub(super) fn is_zeek_intel(text: &str) -> bool {
    text.lines().take(20).any(|line| line.starts_with("#fields\t") && line.contains("indicator_type"))
}

/// Reads what Zeek's intelligence framework reads.
pub(super) fn read_zeek_intel(text: &str, found: &mut Found) {
    let mut columns: Vec<&str> = Vec::new();
    for line in text.lines() {
        if let Some(fields) = line.strip_prefix("#fields\t") {
            columns = fields.split('\t').collect();
        }
        if line.starts_with('#') || line.trim().is_empty() {
            continue;
        }
        let cells: Vec<&str> = line.split('\t').collect();
        let column = |name: &str| cells.get(columns.iter().position(|column| *column == name)?).copied();
        let (Some(text), Some(kind)) = (column("indicator"), column("indicator_type")) else { continue };
        let about = column("meta.desc").filter(|about| *about != "-").or_else(|| column("meta.source"));
        let indicator = match kind {
            "Intel::FILE_HASH" => Indicator::guess(text),
            kind => Kind::named(kind).and_then(|kind| Indicator::new(kind, text)),
        };
        match indicator {
            Some(indicator) => found.add(indicator, about),
            None => found.leave_out(text, "of a kind that is not looked for"),
        }
    }
}

/// Whether most lines hold an indicator and nothing else to speak of.
pub(super) fn is_list(text: &str) -> bool {
    const LINES_LOOKED_AT: usize = 1000;
    let (mut lines, mut hits) = (0, 0);
    for line in text.lines().map(without_comment).filter(|line| !line.is_empty()).take(LINES_LOOKED_AT) {
        lines += 1;
        let is_hit = match separator(line) {
            Some(separator) => {
                let names_kind = |cell: &String| Kind::named(cell.trim()).is_some();
                cells(line, separator).iter().any(|cell| is_indicator(cell) || names_kind(cell))
            }
            None => line.split_whitespace().count() <= 2 && line.split_whitespace().all(is_indicator),
        };
        hits += usize::from(is_hit);
    }
    hits > 0 && hits * 2 >= lines
}

/// Reads lines.
pub(super) fn read(text: &str, found: &mut Found) {
    let mut header: Vec<String> = Vec::new();
    let mut is_first = true;
    for line in text.lines() {
        let plain = without_comment(line);
        if plain.is_empty() {
            if let Some(names) = header_of(line.trim_start_matches(['#', ' '])) {
                header = names;
            }
            continue;
        }
        match separator(plain) {
            Some(separator) => {
                let row = cells(plain, separator);
                let may_be_header = std::mem::take(&mut is_first) && !row.iter().any(|cell| is_indicator(cell));
                match header_of(plain).filter(|_| may_be_header) {
                    Some(names) => header = names,
                    None => read_row(&row, &header, found),
                }
            }
            None => read_line(plain, found),
        }
    }
}

/// Reads one cell, of a kind if that is said.
pub(super) fn cell(text: &str, kind: Option<Kind>, about: Option<&str>, found: &mut Found) {
    let (plain, _) = refanged(text.trim());
    let indicator = kind.and_then(|kind| Indicator::new(kind, &plain)).or_else(|| Indicator::guess(&plain));
    if let Some(indicator) = indicator {
        found.add(indicator, about);
    }
}

fn read_line(line: &str, found: &mut Found) {
    let mut words = line.split_whitespace().peekable();
    if let Some(first) = words.peek()
        && ["0.0.0.0", "127.0.0.1", "::", "::1"].contains(first)
        && line.split_whitespace().count() > 1
    {
        // A hosts file that sends names nowhere.
        words.next();
    }
    words.for_each(|word| cell(word, None, None, found));
}

fn read_row(row: &[String], header: &[String], found: &mut Found) {
    let title = |index: usize| header.get(index).map(String::as_str).unwrap_or_default();
    let is_about =
        |index: usize| Kind::named(title(index)).is_none() && ABOUT.iter().any(|word| title(index).contains(word));
    let said = row.iter().find_map(|text| Kind::named(text.trim()));
    let about = row.iter().enumerate().find(|(index, text)| {
        !text.trim().is_empty()
            && ["comment", "desc", "tag", "threat", "malware"].iter().any(|word| title(*index).contains(word))
    });
    let about = about.map(|(_, text)| text.as_str());
    for (index, text) in row.iter().enumerate() {
        if is_about(index) || Kind::named(text.trim()).is_some() {
            continue;
        }
        let kind = Kind::named(title(index)).or(said);
        match kind {
            Some(Kind::UserAgent) if Kind::named(title(index)).is_none() && !is_value(title(index), index, row) => {}
            kind => cell(text, kind, about, found),
        }
    }
}

/// A user agent has no form of its own: it is what stands under "value", or the first cell that names no kind.
fn is_value(title: &str, index: usize, row: &[String]) -> bool {
    if !title.is_empty() {
        return ["value", "indicator", "ioc"].iter().any(|word| title.contains(word));
    }
    row.iter().position(|text| Kind::named(text.trim()).is_none()) == Some(index)
}

/// The columns' names, if these are names of columns.
fn header_of(line: &str) -> Option<Vec<String>> {
    const NAMES: [&str; 4] = ["type", "value", "indicator", "ioc"];
    let names: Vec<String> =
        cells(line, separator(line)?).iter().map(|name| name.trim().to_ascii_lowercase()).collect();
    let is_known = |name: &String| Kind::named(name).is_some() || NAMES.iter().any(|known| name.contains(known));
    names.iter().any(is_known).then_some(names)
}

fn separator(line: &str) -> Option<char> {
    [',', '\t', ';', '|'].into_iter().find(|separator| line.contains(*separator) && !line.starts_with("http"))
}

/// The cells of a row, quotes taken off (RFC 4180).
fn cells(line: &str, separator: char) -> Vec<String> {
    let (mut cells, mut cell, mut is_quoted) = (Vec::new(), String::new(), false);
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if is_quoted && letters.peek() == Some(&'"') => {
                cell.push('"');
                letters.next();
            }
            '"' => is_quoted = !is_quoted,
            letter if letter == separator && !is_quoted => cells.push(std::mem::take(&mut cell)),
            letter => cell.push(letter),
        }
    }
    cells.push(cell);
    cells
}

fn is_indicator(text: &str) -> bool {
    let (plain, is_defanged) = refanged(text.trim());
    match Indicator::guess(&plain) {
        Some(Indicator { kind: Kind::Domain, value }) => is_defanged || domain::is_plausible(&value),
        Some(_) => true,
        None => false,
    }
}

fn without_comment(line: &str) -> &str {
    let line = line.trim();
    if line.starts_with('#') || line.starts_with("//") {
        return "";
    }
    line.split_once(" #").map_or(line, |(plain, _)| plain.trim_end())
}
