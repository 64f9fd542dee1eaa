//! The one place that words failures for people: what failed, why, what to try, and which exit status it is.

mod habits;
mod recording;
mod wording;

use std::fmt;
use std::io;
use std::process::ExitCode;

/// The exit status of a call; a contract that scripts depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Done = 0,
    /// Nothing matched, and the range was fully covered; for `status --check`: something is wrong.
    Nothing = 1,
    /// A wrong call or expression.
    Call = 2,
    /// Damaged or untrusted data.
    Damaged = 3,
    /// The system said no: permission, disk, network.
    System = 4,
    /// Nothing matched, but not everything could be looked at.
    NothingCertain = 5,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Something that failed.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    what: String,
    why: Option<String>,
    picture: Option<String>,
    attempts: Vec<String>,
    silent: bool,
}

impl Failure {
    /// A wrong call or expression.
    pub(crate) fn call(what: impl Into<String>) -> Self {
        Self::of(Exit::Call, what)
    }

    /// Data that cannot be read or trusted.
    pub(crate) fn damaged(what: impl Into<String>) -> Self {
        Self::of(Exit::Damaged, what)
    }

    /// The system refused something.
    pub(crate) fn system(what: impl Into<String>, error: &io::Error) -> Self {
        let failure = Self::of(Exit::System, what).because(system_reason(error));
        match system_advice(error) {
            Some(advice) => failure.attempt(advice),
            None => failure,
        }
    }

    /// A failure with the exit status `exit`.
    pub(crate) fn of(exit: Exit, what: impl Into<String>) -> Self {
        Self { exit, what: what.into(), why: None, picture: None, attempts: Vec::new(), silent: false }
    }

    /// Standard output could not be written; a reader that went away early is no error.
    pub(crate) fn output(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self { silent: true, ..Self::of(Exit::Done, "the reader has gone away") };
        }
        Self::of(Exit::System, "cannot write the answer").because(system_reason(&error))
    }

    /// Whether there is nothing to say about it.
    pub(crate) fn is_silent(&self) -> bool {
        self.silent
    }

    /// Adds why it failed.
    pub(crate) fn because(mut self, why: impl Into<String>) -> Self {
        self.why = Some(why.into());
        self
    }

    /// Adds lines that show the place.
    pub(crate) fn picture(mut self, lines: impl Into<String>) -> Self {
        self.picture = Some(lines.into());
        self
    }

    /// Adds something to try.
    pub(crate) fn attempt(mut self, attempt: impl Into<String>) -> Self {
        self.attempts.push(attempt.into());
        self
    }

    /// The exit status.
    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if let Some(why) = &self.why {
            let why = why.trim_end();
            write!(f, "{}{why}", if why.contains('\n') { ":\n" } else { ": " })?;
        }
        if let Some(picture) = &self.picture {
            write!(f, "\n{picture}")?;
        }
        for attempt in &self.attempts {
            write!(f, "\n  {attempt}")?;
        }
        Ok(())
    }
}

/// Words a panic, which is a fault of Wiretape's own, so that whoever sees it knows what it means for the recording.
pub(crate) fn word_panics() {
    std::panic::set_hook(Box::new(|panic| {
        if tape::is_guarded() {
            // A library gave up on a damaged file; the answer says which.
            return;
        }
        let place = panic.location().map(|place| format!(" at {}:{}", place.file(), place.line())).unwrap_or_default();
        let payload = panic.payload();
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
        crate::terminal::failure(format_args!(
            "a fault in Wiretape itself{place}: {}\n  what is on the tape stays readable; start again, and please report these lines",
            crate::terminal::escaped(text)
        ));
        crate::output::file::discard_for_good();
        std::process::exit(Exit::System as i32);
    }));
}

fn system_reason(error: &io::Error) -> String {
    let text = error.to_string();
    let plain = text.split(" (os error").next().unwrap_or(&text);
    let mut letters = plain.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

fn system_advice(error: &io::Error) -> Option<&'static str> {
    Some(match error.kind() {
        io::ErrorKind::PermissionDenied => "try as root, or as the user that the recorder runs as",
        io::ErrorKind::StorageFull => "make room on the file system, or give a smaller --budget",
        io::ErrorKind::ReadOnlyFilesystem => "mount the file system read-write, or choose another folder",
        _ => return None,
    })
}
