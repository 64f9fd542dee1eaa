//! Finds the recorders that run on this host, and the tapes that they record onto.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Parser;

use crate::args::{Cli, Command};
use crate::source::DEFAULT_TAPE;
use crate::tcpdump;

/// The tapes of the recorders that can be seen; those of containers through /proc/PID/root.
pub(crate) fn tapes_being_recorded() -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let is_process = |path: &Path| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.bytes().all(|c| c.is_ascii_digit()))
    };
    let processes = entries.flatten().map(|entry| entry.path()).filter(|path| is_process(path));
    let found: BTreeSet<PathBuf> = processes.filter_map(|process| tape_of(&process)).collect();
    found.into_iter().collect()
}

/// The tape of one process. The lock that it holds says it best; where another user's descriptors cannot be seen (or a
/// process changed its user), its command line does.
fn tape_of(process: &Path) -> Option<PathBuf> {
    let command = std::fs::read_to_string(process.join("comm")).ok()?;
    if command.trim_end() != "wiretape" {
        return None;
    }
    let path = locked_tape(process).or_else(|| tape_of_command_line(process))?;
    let visible = [process.join("root").join(path.strip_prefix("/").ok()?), path.clone()];
    // Behind other mounts (of `ip netns exec`, say) the same path is mostly the same folder, and reads better.
    let is_ours = is_same_file_tree(process) || is_same_folder(&visible[0], &visible[1]);
    let visible = if is_ours { &visible[1..] } else { &visible[..] };
    visible.iter().find(|path| path.join("tape.toml").is_file()).cloned()
}

fn locked_tape(process: &Path) -> Option<PathBuf> {
    let descriptors = std::fs::read_dir(process.join("fd")).ok()?;
    let targets = descriptors.flatten().filter_map(|entry| std::fs::read_link(entry.path()).ok());
    targets.filter(|target| target.ends_with("live/lock")).find_map(|lock| Some(lock.parent()?.parent()?.to_path_buf()))
}

fn tape_of_command_line(process: &Path) -> Option<PathBuf> {
    let line = std::fs::read(process.join("cmdline")).ok()?;
    let words: Vec<String> =
        line.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect();
    let words = words.strip_suffix(&[String::new()]).unwrap_or(&words);
    let tape = recorded_onto(words)?.unwrap_or_else(|| {
        let environment = std::fs::read(process.join("environ")).unwrap_or_default();
        let name = b"WIRETAPE_TAPE=".as_slice();
        let given = environment.split(|byte| *byte == 0).find_map(|variable| variable.strip_prefix(name));
        given.map_or(PathBuf::from(DEFAULT_TAPE), |value| String::from_utf8_lossy(value).into_owned().into())
    });
    if tape.is_absolute() { Some(tape) } else { Some(std::fs::read_link(process.join("cwd")).ok()?.join(tape)) }
}

/// What a command line records onto: nothing, a place that it does not name, or this.
fn recorded_onto(words: &[String]) -> Option<Option<PathBuf>> {
    if words.get(1)?.starts_with('-') {
        let (mut options, expression) = tcpdump::split(words.get(1..)?).ok()?;
        // Another process's expression file is none of ours, and may be its standard input.
        options.retain(|option| option.name != "-F");
        return match tcpdump::understand(options, expression).ok()?.0 {
            tcpdump::Call::Record { settings, .. } => Some(settings.tape),
            _ => None,
        };
    }
    match Cli::try_parse_from(words).ok()?.command? {
        Command::Record(arguments) => Some(arguments.settings.tape),
        _ => None,
    }
}

fn is_same_folder(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |path: &Path| std::fs::metadata(path).ok().map(|found| (found.dev(), found.ino()));
    identity(one).is_some() && identity(one) == identity(other)
}

/// Whether the process has the same mounts as this one; when that cannot be seen, it is assumed.
fn is_same_file_tree(process: &Path) -> bool {
    let mounts = |process: &Path| std::fs::read_link(process.join("ns/mnt")).ok();
    match (mounts(process), mounts(Path::new("/proc/self"))) {
        (Some(theirs), Some(ours)) => theirs == ours,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines() {
        let cases: [(&str, Option<Option<&str>>); 5] = [
            ("/wiretape -i eth0 -n -s 0 -C 1000 -W 10 -w /data/dump.pcap", Some(Some("/data/dump.tape"))),
            ("wiretape record --tape /t", Some(Some("/t"))),
            ("wiretape record -i any", Some(None)),
            ("wiretape flows --last 5m", None),
            ("wiretape -D", None),
        ];
        for (line, expected) in cases {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            assert_eq!(recorded_onto(&words), expected.map(|tape| tape.map(PathBuf::from)), "{line}");
        }
    }
}
