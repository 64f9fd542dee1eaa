//! The commands, each in a file of its own.

pub(crate) mod bench;
pub(crate) mod case;
mod courtesy;
mod disguise;
mod explained;
mod export;
pub(crate) mod files;
pub(crate) mod filter;
mod flow_ids;
pub(crate) mod flows;
pub(crate) mod follow;
mod foresight;
mod histogram;
pub(crate) mod hold;
pub(crate) mod import;
mod indicators;
pub(crate) mod interfaces;
pub(crate) mod iocs;
mod lanes;
mod live;
mod news;
mod observed;
mod packet_filter;
pub(crate) mod packets;
mod progress;
mod question;
pub(crate) mod record;
pub(crate) mod replay;
mod spool;
pub(crate) mod status;
pub(crate) mod stream;
pub(crate) mod sweep;
mod top;
pub(crate) mod watch;

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use clap_complete::Shell;

use crate::args;
use crate::errors::{Exit, Failure};

/// Prints a text.
pub(crate) fn print(text: &str) -> Result<Exit, Failure> {
    write_out(text.as_bytes())
}

/// Prints a completion script.
pub(crate) fn completions(shell: Shell) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut args::command(), "wiretape", &mut script);
    write_out(&script)
}

/// Prints the manual page.
pub(crate) fn manual() -> Result<Exit, Failure> {
    let mut page = Vec::new();
    clap_mangen::Man::new(args::command()).render(&mut page).map_err(Failure::output)?;
    write_out(&page)
}

fn write_out(bytes: &[u8]) -> Result<Exit, Failure> {
    let mut out = std::io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map_err(Failure::output)?;
    Ok(Exit::Done)
}

/// Opens a file, or standard input for `-`.
fn open_input(path: &Path) -> Result<Box<dyn Read>, Failure> {
    if path == Path::new("-") {
        return Ok(Box::new(std::io::stdin().lock()));
    }
    let file = File::open(path).map_err(|error| Failure::system(format!("cannot open {}", path.display()), &error))?;
    Ok(Box::new(file))
}
