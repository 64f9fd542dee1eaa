//! What the sides of a conversation said, as it is shown.

use std::io::{self, Write};

use investigate::{At, Ends, Side, tcp};
use packet::{Headers, push_base64};
use serde::Serialize;

use super::flows::write_json;
use crate::args::FollowFormat;
use crate::terminal::is_deceptive;
use crate::units::{clock_text, rfc3339};

/// Bytes in a line of hex.
const HEX_BYTES: usize = 16;

/// Tells what is said, as it comes.
pub(crate) struct Teller<W: Write> {
    out: W,
    format: FollowFormat,
    /// Only this side.
    wanted: Option<Side>,
    client: Told,
    server: Told,
    has_met: bool,
    missing_bytes: u64,
    failed: Option<io::Error>,
}

/// How far a side is.
#[derive(Default)]
struct Told {
    offset: u64,
}

/// A line of JSON.
#[derive(Default, Serialize)]
struct Line<'a> {
    time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    side: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
    arrival: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gap: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    oddity: Option<&'a str>,
}

impl<W: Write> Teller<W> {
    pub(crate) fn new(out: W, format: FollowFormat, wanted: Option<Side>) -> Self {
        let (client, server) = Default::default();
        Self { out, format, wanted, client, server, has_met: false, missing_bytes: 0, failed: None }
    }

    /// Says who talks, once.
    pub(crate) fn meet(&mut self, side: Side, headers: &Headers) {
        let Some(key) = headers.key.filter(|_| !self.has_met) else { return };
        self.has_met = true;
        if matches!(self.format, FollowFormat::Text | FollowFormat::Hex) {
            let key = if side == Side::Client { key } else { key.reversed() };
            let end = |address: packet::Address, port: u16| match address.as_v4() {
                Some(_) => format!("{address}:{port}"),
                None => format!("[{address}]:{port}"),
            };
            let (client, server) = (end(key.src, key.src_port), end(key.dest, key.dest_port));
            self.print(|out| writeln!(out, "> client {client}\n< server {server}"));
        }
    }

    /// Whether nothing more can be told.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.is_some()
    }

    /// Bytes that were missing of what was wanted.
    pub(crate) fn missing_bytes(&self) -> u64 {
        self.missing_bytes
    }

    /// Ends.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.failed.map_or(Ok(()), Err)?;
        self.out.flush()
    }

    fn is_wanted(&self, side: Side) -> bool {
        self.wanted.is_none_or(|wanted| wanted == side)
    }

    fn print(&mut self, print: impl FnOnce(&mut W) -> io::Result<()>) {
        if self.failed.is_none() {
            self.failed = print(&mut self.out).err();
        }
    }

    /// Counts what a side said; where that began.
    fn pass(&mut self, side: Side, bytes: u64) -> u64 {
        let told = if side == Side::Client { &mut self.client } else { &mut self.server };
        let offset = told.offset;
        told.offset += bytes;
        offset
    }
}

impl<W: Write> tcp::Listener for Teller<W> {
    fn data(&mut self, side: Side, at: At, data: &[u8]) {
        let offset = self.pass(side, data.len() as u64);
        if !self.is_wanted(side) {
            return;
        }
        let format = self.format;
        self.print(|out| match format {
            FollowFormat::Text => {
                header(out, side, at, data.len())?;
                write_text(out, mark(side), data)
            }
            FollowFormat::Hex => {
                header(out, side, at, data.len())?;
                write_hex(out, mark(side), offset, data)
            }
            FollowFormat::Raw => out.write_all(data),
            FollowFormat::Json => {
                let mut text = String::with_capacity(data.len().div_ceil(3) * 4);
                push_base64(&mut text, data);
                write_json(out, &Line { data: Some(text), offset: Some(offset), ..Line::of(side, at) })
            }
        });
    }

    fn gap(&mut self, side: Side, at: At, bytes: u64) {
        let offset = self.pass(side, bytes);
        if !self.is_wanted(side) {
            return;
        }
        self.missing_bytes += bytes;
        let format = self.format;
        self.print(|out| match format {
            FollowFormat::Text | FollowFormat::Hex => {
                writeln!(out, "{} {} {bytes} bytes are missing", clock_text(at.time), name(side))
            }
            FollowFormat::Raw => Ok(()),
            FollowFormat::Json => {
                write_json(out, &Line { gap: Some(bytes), offset: Some(offset), ..Line::of(side, at) })
            }
        });
    }

    fn end(&mut self, side: Side, at: At, ends: Ends) {
        let format = self.format;
        let (Ends::Whole, true) = (ends, self.is_wanted(side)) else { return };
        self.print(|out| match format {
            FollowFormat::Text | FollowFormat::Hex => writeln!(out, "{} {} closes", clock_text(at.time), name(side)),
            FollowFormat::Raw => Ok(()),
            FollowFormat::Json => write_json(out, &Line { end: Some("closed"), ..Line::of(side, at) }),
        });
    }

    fn oddity(&mut self, at: At, what: &'static str) {
        let format = self.format;
        self.print(|out| match format {
            FollowFormat::Text | FollowFormat::Hex => writeln!(out, "{} odd: {what}", clock_text(at.time)),
            FollowFormat::Raw => Ok(()),
            FollowFormat::Json => {
                write_json(out, &Line { oddity: Some(what), side: None, ..Line::of(Side::Client, at) })
            }
        });
    }
}

impl Line<'_> {
    fn of(side: Side, at: At) -> Self {
        Self { time: rfc3339(at.time), side: Some(name(side)), arrival: at.arrival, ..Self::default() }
    }
}

fn name(side: Side) -> &'static str {
    match side {
        Side::Client => "client",
        Side::Server => "server",
    }
}

/// What each line of a side begins with.
fn mark(side: Side) -> char {
    match side {
        Side::Client => '>',
        Side::Server => '<',
    }
}

fn header(out: &mut impl Write, side: Side, at: At, bytes: usize) -> io::Result<()> {
    let plural = if bytes == 1 { "" } else { "s" };
    writeln!(out, "{} {} {bytes} byte{plural}", clock_text(at.time), name(side))
}

/// Lines of text, each behind its side's mark; what is not text is shown as escapes.
fn write_text(out: &mut impl Write, mark: char, data: &[u8]) -> io::Result<()> {
    for line in data.split_inclusive(|byte| *byte == b'\n') {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let text = text.strip_suffix(b"\r").filter(|_| text.len() < line.len()).unwrap_or(text);
        let mut shown = String::with_capacity(text.len());
        for chunk in text.utf8_chunks() {
            for letter in chunk.valid().chars() {
                match letter {
                    '\t' => shown.push(letter),
                    '\0'..='\u{7f}' if letter.is_control() => shown.push_str(&format!("\\x{:02x}", u32::from(letter))),
                    _ if letter.is_control() || is_deceptive(letter) => shown.extend(letter.escape_unicode()),
                    _ => shown.push(letter),
                }
            }
            chunk.invalid().iter().for_each(|byte| shown.push_str(&format!("\\x{byte:02x}")));
        }
        writeln!(out, "{mark} {shown}")?;
    }
    Ok(())
}

/// As `hexdump -C` shows it, with the offset in the side's stream.
fn write_hex(out: &mut impl Write, mark: char, offset: u64, data: &[u8]) -> io::Result<()> {
    for (row, bytes) in data.chunks(HEX_BYTES).enumerate() {
        let mut hex = String::with_capacity(HEX_BYTES * 3 + 1);
        for (column, byte) in bytes.iter().enumerate() {
            let between = if column == HEX_BYTES / 2 { " " } else { "" };
            hex.push_str(&format!("{between}{byte:02x} "));
        }
        let letters: String =
            bytes.iter().map(|byte| if matches!(byte, b' '..=b'~') { char::from(*byte) } else { '.' }).collect();
        writeln!(out, "{mark} {:08x}  {hex:<49} |{letters}|", offset + (row * HEX_BYTES) as u64)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped() {
        let check = |data: &[u8], expected: &str| {
            let mut out = Vec::new();
            write_text(&mut out, '>', data).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        };
        check(b"GET / HTTP/1.1\r\n\r\n", "> GET / HTTP/1.1\n> \n");
        check(b"a\x1b[2J\xffb\rc\0", "> a\\x1b[2J\\xffb\\x0dc\\x00\n");
        check("gr\u{fc}n \u{202e}x\n< forged".as_bytes(), "> gr\u{fc}n \\u{202e}x\n> < forged\n");
    }

    #[test]
    fn hex_is_that_of_hexdump() {
        let mut out = Vec::new();
        write_hex(&mut out, '<', 0x20, b"0123456789abcdefXY\x00").unwrap();
        // printf '0123456789abcdefXY\0' | hexdump -C
        let expected = "< 00000020  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  |0123456789abcdef|\n\
                        < 00000030  58 59 00                                          |XY.|\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
