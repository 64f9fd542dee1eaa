//! Runs the binary, finds captures and tools.

use std::process::{Command, Output, Stdio};

#[path = "../../../packet/tests/shared/captures.rs"]
mod shared;

pub(crate) use shared::folder as captures;
pub(crate) use shared::skipped as skip;

/// What came of a call.
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Itself, if it ended with `status`.
    pub(crate) fn ended_with(self, status: i32) -> Self {
        assert_eq!(self.status, status, "stdout:\n{}\nstderr:\n{}", self.text(), self.stderr);
        self
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code().unwrap_or(-1),
            stdout: output.stdout,
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// What recorders under test keep free: a test machine's disk may be full.
pub(crate) const KEEP_FREE: (&str, &str) = ("WIRETAPE_KEEP_FREE", "0");

/// The binary under test, without the variables of whoever runs the tests.
pub(crate) fn wiretape() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wiretape"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("WIRETAPE_") {
            command.env_remove(name);
        }
    }
    command.env(KEEP_FREE.0, KEEP_FREE.1).env("TZ", "UTC").stdin(Stdio::null());
    command
}

/// Runs the binary with the words of `line` as arguments.
pub(crate) fn run(line: &str) -> Ran {
    run_with(&line.split_whitespace().collect::<Vec<_>>())
}

/// Runs the binary with these arguments.
pub(crate) fn run_with(arguments: &[&str]) -> Ran {
    wiretape().args(arguments).output().expect("the binary runs").into()
}

/// A shell command, with the binary as `$WIRETAPE`.
pub(crate) fn shell(script: &str) -> Ran {
    let mut command = Command::new("bash");
    command.args(["-c", &format!("set -o pipefail; {script}")]).stdin(Stdio::null());
    command
        .env(KEEP_FREE.0, KEEP_FREE.1)
        .env("WIRETAPE", env!("CARGO_BIN_EXE_wiretape"))
        .output()
        .expect("a shell")
        .into()
}

/// Whether a tool is there; says so if it is not.
pub(crate) fn has(tool: &str) -> bool {
    let found = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(tool).is_file()));
    if !found {
        skip(tool);
    }
    found
}

/// Whether the test runs as root; says so if it does not.
pub(crate) fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    if !id {
        skip("root");
    }
    id
}
