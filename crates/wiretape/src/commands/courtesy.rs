//! Questions give way to recording: by processor, disk and memory.

use std::path::Path;
use std::time::Duration;

use crate::errors::{Exit, Failure};
use crate::output::file;
use crate::terminal;
use crate::units::{Size, size_text};

/// A thirtieth of the processor beside a busy recorder, all of it otherwise. Without a priority of their own, reads get
/// theirs from it: the lowest of the best-effort ones (ioprio_set(2): `(nice + 20) / 5`).
const NICE: i32 = 15;

/// How often the memory is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Lets others go first, and ends this process when it takes more than `memory`; before any other thread begins, since
/// threads inherit it.
pub(super) fn give_way(memory: Option<Size>) -> Result<(), Failure> {
    // Refused, it costs nothing but politeness.
    let _ = rustix::process::setpriority_process(None, NICE);
    // When memory runs out all the same, the kernel is to take the question and not the recorder.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    let limit = memory.map_or_else(default_bytes, |Size(bytes)| bytes);
    let watch = move || {
        while used_bytes().is_none_or(|used| used <= limit) {
            std::thread::sleep(LOOK_EVERY);
        }
        file::discard_for_good();
        let failure = Failure::of(Exit::System, "the question takes too much memory")
            .because(format!("more than {} (--memory), which would be missing elsewhere", size_text(limit)))
            .attempt("narrow it: --last 1h, or an expression")
            .attempt("or allow more: --memory 4GB");
        terminal::failure(&failure);
        std::process::exit(failure.exit() as i32);
    };
    std::thread::Builder::new()
        .name("memory".to_owned())
        .spawn(watch)
        .map_err(|error| Failure::system("cannot start a thread", &error))?;
    Ok(())
}

/// A quarter of what this host, or this container, has.
fn default_bytes() -> u64 {
    const LEAST: u64 = 128 << 20;
    const MOST: u64 = 4 << 30;
    let host = field_bytes("/proc/meminfo", "MemTotal:");
    let number = |path: &str| std::fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    let container = number("/sys/fs/cgroup/memory.max");
    host.into_iter().chain(container).min().map_or(LEAST, |bytes| (bytes / 4).clamp(LEAST, MOST))
}

/// What this process has of its own: pages of files do not count, they can be taken away from it.
fn used_bytes() -> Option<u64> {
    field_bytes("/proc/self/status", "RssAnon:")
}

/// A value that the kernel gives in kibibytes.
fn field_bytes(path: impl AsRef<Path>, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(path).ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix(name))?;
    value.trim().trim_end_matches("kB").trim_end().parse::<u64>().ok().map(|kibibytes| kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_known() {
        assert!((128 << 20..=4 << 30).contains(&default_bytes()));
        assert!(used_bytes().is_some_and(|bytes| bytes > 100_000));
    }
}
