//! The commands, each in a file of its own.

use std::io::Write;

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
