//! What the libraries' errors mean to people.

use std::io;
use std::path::Path;

use packet::capture;

use super::{Exit, Failure, habits};
use crate::terminal::escaped;

impl Failure {
    /// An expression that was refused, with its place underlined.
    pub(crate) fn expression(text: &str, error: &filter::Error) -> Self {
        let shown = error.underlined(text);
        let indented: Vec<String> = shown.lines().map(|line| format!("  {line}")).collect();
        let failure =
            Self::call(format!("the expression cannot be used: {}", error.message)).picture(indented.join("\n"));
        match habits::wireshark(text) {
            Some(hint) => failure.attempt(hint),
            None => failure,
        }
    }

    /// A command line that cannot be understood, where there is more to say of it than clap does.
    pub(crate) fn command_line(error: &clap::Error, command: &str) -> Option<Self> {
        match error.kind() {
            clap::error::ErrorKind::UnknownArgument => habits::unknown_option(error, command),
            _ => None,
        }
    }

    /// A capture file that cannot be read, or not to its end.
    pub(crate) fn capture(path: &Path, error: &capture::Error) -> Self {
        let name = if path == Path::new("-") { "standard input".into() } else { escaped(&path.to_string_lossy()) };
        let what = format!("cannot read {name}");
        match error {
            capture::Error::Read { source, .. } => Self::system(what, source),
            capture::Error::Write(source) => Self::output(io::Error::new(source.kind(), source.to_string())),
            other => Self::damaged(what).because(escaped(&other.to_string())),
        }
    }

    /// A capture that could not be written.
    pub(crate) fn written_capture(error: capture::Error) -> Self {
        match error {
            capture::Error::Write(source) => Self::output(source),
            other => Self::damaged("cannot write the capture").because(other.to_string()),
        }
    }
}

impl From<tape::Error> for Failure {
    fn from(error: tape::Error) -> Self {
        use tape::Error;
        let shown = |path: &Path| escaped(&path.to_string_lossy());
        match &error {
            Error::Io { doing, path, source } => Self::system(format!("{doing} {} failed", shown(path)), source),
            Error::Capture { path, source } => Self::capture(path, source),
            Error::Expression { link_type, source } => {
                Self::call(format!("the expression cannot be asked of {link_type} packets"))
                    .because(escaped(&source.message))
                    .attempt("the packets here have no other link type")
            }
            Error::Missing { path } => Self::of(Exit::System, format!("{} is no tape", shown(path)))
                .because("it has no tape.toml")
                .attempt("name one: --tape DIR; a capture is read with -r FILE"),
            Error::Version { path, found, known } => Self::damaged(format!("{} cannot be used", shown(path)))
                .because(format!("it is a tape of format {found}, and this version knows format {known}"))
                .attempt("use the version that wrote it, or choose another folder; nothing was changed"),
            Error::NotATape { path, found } => Self::call(format!("{} cannot become a tape", shown(path)))
                .because(format!("it is not empty: it holds {}", escaped(found)))
                .attempt(format!("choose a folder of its own: --tape {}", shown(&path.join("wiretape.tape")))),
            Error::Locked { path, .. } => Self::of(Exit::System, "cannot record")
                .because(error.to_string())
                .attempt(format!("to see what it does: wiretape status --tape {}", shown(path)))
                .attempt("to record beside it, choose another --tape"),
            Error::OtherTape { path } => Self::of(Exit::System, "the recording has ended")
                .because(format!("another tape lies in {} now, with other interfaces", shown(path)))
                .attempt("start again to record onto that one"),
            Error::BudgetTooSmall { least_bytes, .. } => {
                Self::call("cannot record").because(error.to_string()).attempt(format!("--budget {least_bytes}"))
            }
            _ => Self::damaged("the tape is damaged").because(escaped(&error.to_string())),
        }
    }
}
