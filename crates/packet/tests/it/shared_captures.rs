//! The captures beside the repository, and peer tools, when they are there.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

#[path = "../shared/captures.rs"]
mod shared;

pub(crate) use shared::folder;
use shared::skipped;

/// The rows of a truth file.
pub(crate) fn truth(folder: &Path, name: &str) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(folder.join("truth").join(name)).expect("truth file");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// What a tool prints for `input` on its standard input, and whether it was content; `None` if it is not installed.
pub(crate) fn run(tool: &str, arguments: &[&str], input: Vec<u8>) -> Option<(Vec<u8>, bool)> {
    let spawned =
        Command::new(tool).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let Ok(mut child) = spawned else {
        skipped(tool);
        return None;
    };
    let mut stdin = child.stdin.take().expect("stdin is a pipe");
    // A tool that refuses its input closes the pipe early.
    let feeding = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().expect("output of a tool");
    feeding.join().expect("writing to a pipe");
    Some((output.stdout, output.status.success()))
}
