//! SOURCE: the tape or the captures that a question goes to.

use std::path::{Path, PathBuf};

use crate::args::SourceArgs;
use crate::errors::{Exit, Failure};
use crate::recorder;

/// Where `record` records, and questions look last.
pub(crate) const DEFAULT_TAPE: &str = "/var/lib/wiretape";

/// What was asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A tape's directory.
    Tape(PathBuf),
    /// Captures, in this order.
    Captures(Vec<PathBuf>),
}

/// The source that the call names, or else the one that suggests itself.
pub(crate) fn resolve(arguments: &SourceArgs) -> Result<Place, Failure> {
    if !arguments.read.is_empty() {
        return Ok(Place::Captures(arguments.read.clone()));
    }
    resolve_tape(arguments.tape.as_deref()).map(Place::Tape)
}

/// The same for those who can do nothing with a capture.
pub(crate) fn resolve_tape(named: Option<&Path>) -> Result<PathBuf, Failure> {
    if let Some(folder) = named {
        return tape_in(folder).map_err(Missing::into_failure);
    }
    let variable = std::env::var_os("WIRETAPE_TAPE").filter(|value| !value.is_empty()).map(PathBuf::from);
    let variable_answer = variable.as_deref().map(tape_in);
    if let Some(Ok(tape)) = variable_answer {
        return Ok(tape);
    }
    match recorder::tapes_being_recorded().as_slice() {
        [] => {}
        [only] => return Ok(only.clone()),
        several => return Err(choose("several recorders run here", several)),
    }
    match (variable_answer, tape_in(Path::new(DEFAULT_TAPE))) {
        (_, Ok(tape)) => Ok(tape),
        (Some(Err(missing)), _) => Err(missing.into_failure()),
        (_, Err(Missing::Several(folder, tapes))) => Err(Missing::Several(folder, tapes).into_failure()),
        (_, Err(_)) => Err(Failure::of(Exit::System, "there is no tape to ask")
            .because(format!("no recorder can be seen running here, and {DEFAULT_TAPE} holds no tape"))
            .attempt("name one:           --tape DIR")
            .attempt("or a capture:       -r FILE")
            .attempt("or begin to record: sudo wiretape record")),
    }
}

/// Why a folder leads to no tape.
enum Missing {
    Nothing(PathBuf),
    Several(PathBuf, Vec<PathBuf>),
    Unreadable(PathBuf, std::io::Error),
}

impl Missing {
    fn into_failure(self) -> Failure {
        match self {
            Self::Nothing(folder) => Failure::of(Exit::System, format!("{} is no tape", folder.display()))
                .because("it has no tape.toml, and it does not hold exactly one folder that is named *.tape")
                .attempt("a capture is read with -r FILE"),
            Self::Several(folder, tapes) => choose(&format!("{} holds several tapes", folder.display()), &tapes),
            Self::Unreadable(folder, error) => Failure::system(format!("cannot open {}", folder.display()), &error),
        }
    }
}

/// The only `*.tape` in a folder that is no tape itself.
pub(crate) fn only_tape_in(folder: &Path) -> Option<PathBuf> {
    tape_in(folder).ok()
}

/// `folder` itself if it is a tape, or the only `*.tape` in it.
fn tape_in(folder: &Path) -> Result<PathBuf, Missing> {
    if folder.join("tape.toml").is_file() {
        return Ok(folder.to_path_buf());
    }
    let entries = std::fs::read_dir(folder).map_err(|error| Missing::Unreadable(folder.to_path_buf(), error))?;
    let is_tape = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "tape") && path.is_dir();
    let mut tapes: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(is_tape).collect();
    tapes.sort();
    match tapes.len() {
        0 => Err(Missing::Nothing(folder.to_path_buf())),
        1 => Ok(tapes.remove(0)),
        _ => Err(Missing::Several(folder.to_path_buf(), tapes)),
    }
}

/// What the segments of a tape take on the disk.
pub(crate) fn stored_bytes(tape: &Path) -> u64 {
    let lanes = flow::Lane::ALL.into_iter().filter_map(|lane| std::fs::read_dir(tape.join(lane.name())).ok());
    lanes.flat_map(|entries| entries.flatten().map(|entry| file_bytes(&entry.path()))).sum()
}

/// The length of a file; nothing of what is none.
pub(crate) fn file_bytes(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |found| if found.is_file() { found.len() } else { 0 })
}

fn choose(what: &str, tapes: &[PathBuf]) -> Failure {
    let failure = Failure::call(what).because("choose one");
    tapes.iter().fold(failure, |failure, tape| failure.attempt(format!("--tape {}", tape.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_one_tape_counts_as_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path();
        let find = || tape_in(path).map_err(|missing| missing.into_failure().to_string());
        assert!(find().expect_err("nothing there").contains("is no tape"));
        std::fs::create_dir(path.join("a.tape")).expect("made");
        std::fs::write(path.join("b.tape"), "").expect("written");
        assert_eq!(find(), Ok(path.join("a.tape")));
        std::fs::create_dir(path.join("c.tape")).expect("made");
        assert!(find().expect_err("two there").contains("c.tape"));
        std::fs::write(path.join("tape.toml"), "").expect("written");
        assert_eq!(find(), Ok(path.to_path_buf()));
    }
}
