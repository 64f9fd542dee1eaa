//! From the arguments to a command, and from its end to an exit status.

use std::ffi::OsString;

use clap::Parser;

use crate::args::{self, Cli, Command};
use crate::errors::{Exit, Failure};
use crate::{commands, tcpdump, terminal};

const EXAMPLES: &str = "\
sudo wiretape record                              record this host onto /var/lib/wiretape
wiretape flows --last 5m                          its conversations of the last five minutes
wiretape packets -w - 'tcp port 443' | tshark -r -      the packets of some of them
wiretape --help                                   everything else
";

/// Runs what the arguments say.
pub(crate) fn run(arguments: impl Iterator<Item = OsString>) -> Exit {
    let arguments: Vec<OsString> = arguments.collect();
    let done = match arguments.get(1).map(|first| first.to_string_lossy()) {
        None => commands::print(EXAMPLES),
        Some(first) if is_tcpdump_spelling(&first) => run_tcpdump(arguments.get(1..).unwrap_or_default()),
        Some(_) => run_command(&arguments),
    };
    done.unwrap_or_else(|failure| {
        if !failure.is_silent() {
            terminal::failure(&failure);
        }
        failure.exit()
    })
}

/// The first argument starts with a dash, except for those that ask what Wiretape itself can do.
fn is_tcpdump_spelling(first: &str) -> bool {
    first.starts_with('-') && !matches!(first, "-h" | "--help" | "-V" | "--version")
}

/// Commands that scripts and habits may expect, and that only later versions have.
const NOT_YET: [&str; 7] = ["serve", "ship", "verify", "keys", "doctor", "extcap", "sql"];

/// The failure to name for a command of another version; nothing for those that are here.
fn not_yet(name: &str) -> Option<Failure> {
    if !NOT_YET.contains(&name) || args::command().find_subcommand(name).is_some() {
        return None;
    }
    let version = env!("CARGO_PKG_VERSION");
    Some(Failure::call(format!("{name} is not in this version, {version}")).attempt("what is: wiretape --help"))
}

fn run_command(arguments: &[OsString]) -> Result<Exit, Failure> {
    if let Some(failure) = arguments.get(1).and_then(|first| not_yet(&first.to_string_lossy())) {
        return Err(failure);
    }
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let command = arguments.get(1).map(|name| format!("wiretape {}", name.to_string_lossy()));
            if let Some(failure) = Failure::command_line(&error, &command.unwrap_or_default()) {
                return Err(failure);
            }
            let _ = error.print();
            return Ok(if error.use_stderr() { Exit::Call } else { Exit::Done });
        }
    };
    match cli.command {
        None => commands::print(EXAMPLES),
        Some(Command::Record(arguments)) => commands::record::run(*arguments),
        Some(Command::Import(arguments)) => commands::import::run(&arguments),
        Some(Command::Status(arguments)) => commands::status::run(&arguments),
        Some(Command::Bench(arguments)) => commands::bench::run(&arguments),
        Some(Command::Flows(arguments)) => commands::flows::run(&arguments),
        Some(Command::Packets(arguments)) => commands::packets::run(&arguments),
        Some(Command::Follow(arguments)) => commands::follow::run(&arguments),
        Some(Command::Files(arguments)) => commands::files::run(&arguments),
        Some(Command::Iocs(arguments)) => commands::iocs::run(&arguments),
        Some(Command::Sweep(arguments)) => commands::sweep::run(&arguments),
        Some(Command::Replay(arguments)) => commands::replay::run(&arguments),
        Some(Command::Case(arguments)) => commands::case::run(&arguments),
        Some(Command::Hold(arguments)) => commands::hold::run(&arguments),
        Some(Command::Watch(arguments)) => commands::watch::run(&arguments),
        Some(Command::Filter(arguments)) => commands::filter::run(&arguments),
        Some(Command::Completions(wanted)) => commands::completions(wanted.shell),
        Some(Command::Man) => commands::manual(),
    }
}

fn run_tcpdump(arguments: &[OsString]) -> Result<Exit, Failure> {
    let text = |argument: &OsString| argument.to_str().map(str::to_owned);
    let arguments: Option<Vec<String>> = arguments.iter().map(text).collect();
    let arguments = arguments.ok_or_else(|| Failure::call("an argument is not valid UTF-8"))?;
    let (options, expression) = tcpdump::split(&arguments)?;
    let (call, warnings) = tcpdump::understand(options, expression)?;
    for warning in warnings {
        terminal::warning(warning);
    }
    match call {
        tcpdump::Call::Help => commands::print(&args::command().render_help().to_string()),
        tcpdump::Call::Version => commands::print(&args::command().render_version()),
        tcpdump::Call::Dump { style, expression, link } => commands::filter::dump(&expression, style, link.as_deref()),
        tcpdump::Call::Stream(stream) => commands::stream::run(stream),
        tcpdump::Call::ListInterfaces => commands::interfaces::list(),
        tcpdump::Call::Record { settings, rotation, old_files } => {
            commands::record::run_as_tcpdump(settings, rotation, &old_files)
        }
    }
}
