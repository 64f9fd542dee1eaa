//! Wiretape, a network flight recorder: the command line.
#![forbid(unsafe_code)]

mod aggregate;
mod args;
mod commands;
mod errors;
mod keeper;
mod links;
mod names;
mod output;
mod payload;
mod readme;
mod recorder;
mod settings;
mod source;
mod start;
mod tcpdump;
mod terminal;
mod units;

use std::process::ExitCode;

fn main() -> ExitCode {
    errors::word_panics();
    start::run(std::env::args_os()).into()
}
