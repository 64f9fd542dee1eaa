//! What an export will cost, before it is made.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::Path;

use tape::question::{self, Estimate, Query, Source};

use crate::errors::{Exit, Failure};
use crate::source;
use crate::terminal::{self, escaped};
use crate::units::{count_text, size_text};

/// Exports below this are made without asking.
const ASKED_BYTES: u64 = 100_000_000;

/// What pcapng adds to a packet: its block with time, lengths, flags and number.
const BLOCK_BYTES: u64 = 52;

/// Says what is about to be written, asks where somebody is there to answer, and warns when there is no room for it.
pub(super) fn look_ahead(path: &Path, asked: &Source, query: &Query, is_agreed: bool) -> Result<(), Failure> {
    if query.live {
        return Ok(());
    }
    let can_ask = !is_agreed && io::stdin().is_terminal() && terminal::stderr_is_terminal();
    let free = free_bytes(path);
    // Counting takes a while: without anybody to ask it is done where it may matter.
    let is_tight = free.is_some_and(|free| stored_bytes(asked).saturating_mul(4) > free);
    if !can_ask && !is_tight {
        return Ok(());
    }
    let (packets, bytes) = match question::estimate(asked, query)? {
        Some(Estimate { packets_max, bytes_max }) => {
            (Some(packets_max), bytes_max.saturating_add(packets_max.saturating_mul(BLOCK_BYTES)))
        }
        None => (None, stored_bytes(asked)),
    };
    let shortage = free.filter(|free| bytes > *free).map(|free| format!("but only {} are free there", size_text(free)));
    let packets = packets.map_or(String::new(), |packets| format!("{} packets, ", count_text(packets)));
    let text = format!("at most {packets}{} go into {}", size_text(bytes), escaped(&path.to_string_lossy()));
    match shortage {
        Some(shortage) if can_ask => ask(&format!("{text}, {shortage}")),
        Some(shortage) => {
            terminal::warning(format_args!("{text}, {shortage}"));
            Ok(())
        }
        None if can_ask && bytes >= ASKED_BYTES => ask(&text),
        None => Ok(()),
    }
}

/// Goes on with a yes only.
fn ask(text: &str) -> Result<(), Failure> {
    let _ = write!(io::stderr().lock(), "wiretape: {text}; continue? [y/N] ");
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(|error| Failure::system("cannot read the answer", &error))?;
    if matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
        return Ok(());
    }
    Err(Failure::of(Exit::Nothing, "nothing was written").attempt("to be not asked: --yes"))
}

/// Bytes that can still be written beside `path`.
fn free_bytes(path: &Path) -> Option<u64> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let found = rustix::fs::statvfs(folder).ok()?;
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}

/// What the source takes on the disk.
fn stored_bytes(asked: &Source) -> u64 {
    match asked {
        Source::Captures(paths) => paths.iter().map(|path| source::file_bytes(path)).sum(),
        Source::Tape(tape) => source::stored_bytes(tape),
    }
}
