//! Where a recording goes that tcpdump would have written to `-w FILE`.

use std::path::{Path, PathBuf};

/// `P/dump.pcap` and `P/dump-%Y%m%d.pcap` become `P/dump.tape`; strftime(3) parts of any name are dropped.
pub(crate) fn tape_beside(file: &Path) -> PathBuf {
    let mut tape = PathBuf::new();
    let mut parts: Vec<_> = file.components().collect();
    let name = parts.pop().map(|last| last.as_os_str().to_string_lossy().into_owned()).unwrap_or_default();
    for part in parts {
        let plain = without_strftime(&part.as_os_str().to_string_lossy());
        if !plain.is_empty() {
            tape.push(plain);
        }
    }
    let stem = without_capture_suffix(&name);
    let plain = without_strftime(stem);
    tape.push(format!("{}.tape", if plain.is_empty() { "capture" } else { plain.as_str() }));
    tape
}

/// Files that tcpdump's rotation left beside: `dump.pcap`, `dump.pcap0`, `dump.pcap17`; none for names with strftime parts.
pub(crate) fn files_of_old(file: &Path) -> Vec<PathBuf> {
    let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else { return Vec::new() };
    let name = name.to_string_lossy();
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let rotated = |candidate: &str| {
        candidate.strip_prefix(&*name).is_some_and(|number| number.chars().all(|c| c.is_ascii_digit()))
    };
    let is_file = |entry: &std::fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_file());
    let entries = entries.flatten().filter(|entry| is_file(entry) && rotated(&entry.file_name().to_string_lossy()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.sort();
    files
}

fn without_capture_suffix(name: &str) -> &str {
    const SUFFIXES: [&str; 5] = [".pcap", ".pcapng", ".cap", ".dmp", ".dump"];
    let name = name.strip_suffix(".gz").unwrap_or(name);
    SUFFIXES.iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name)
}

/// Drops `%Y`, `%-d`, `%Ey` and the like, and the separators that then stand alone at an end or side by side.
fn without_strftime(name: &str) -> String {
    if !name.contains('%') {
        return name.to_owned();
    }
    let is_separator = |c: char| matches!(c, '-' | '_' | '.' | ':' | ' ' | '+');
    let mut plain = String::new();
    let mut letters = name.chars().peekable();
    let mut dropped = false;
    while let Some(letter) = letters.next() {
        if letter == '%' {
            while letters.next_if(|c| matches!(c, '-' | '_' | '0' | '^' | '#' | 'E' | 'O')).is_some() {}
            if letters.next() == Some('%') {
                plain.push('%');
            }
            dropped = true;
        } else if dropped && (is_separator(letter) || is_clock_letter(letter, letters.peek())) {
            // The T of %Y%m%dT%H%M%S, the dash of %H-%M: nothing stands on one side of it any more.
        } else {
            if dropped && !plain.is_empty() && !plain.ends_with(is_separator) {
                plain.push('-');
            }
            plain.push(letter);
            dropped = false;
        }
    }
    plain.trim_matches(is_separator).to_owned()
}

fn is_clock_letter(letter: char, next: Option<&char>) -> bool {
    matches!(letter, 'T' | 'Z') && next.is_none_or(|next| matches!(next, '%' | '.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tapes_beside_files() {
        let cases = [
            ("/data/dump.pcap", "/data/dump.tape"),
            ("dump.pcap", "dump.tape"),
            ("./dump", "./dump.tape"),
            ("/data/dump.pcap.gz", "/data/dump.tape"),
            ("/data/dump.pcapng", "/data/dump.tape"),
            ("/data/my.file.cap", "/data/my.file.tape"),
            ("/data/dump-%Y%m%d-%H%M%S.pcap", "/data/dump.tape"),
            ("/data/dump_%Y-%m-%dT%H:%M:%SZ.pcap", "/data/dump.tape"),
            ("/data/%F_%T_eth0.pcap", "/data/eth0.tape"),
            ("/data/a-%s-b.pcap", "/data/a-b.tape"),
            ("/data/%Y/%m/dump.pcap", "/data/dump.tape"),
            ("/data/%s.pcap", "/data/capture.tape"),
            ("/data/100%%.pcap", "/data/100%.tape"),
        ];
        for (file, expected) in cases {
            assert_eq!(tape_beside(Path::new(file)), Path::new(expected), "{file}");
        }
    }

    #[test]
    fn old_files_are_found() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["dump.pcap", "dump.pcap0", "dump.pcap12", "dump.pcapng", "other.pcap0"] {
            std::fs::write(folder.path().join(name), b"").expect("written");
        }
        std::fs::create_dir(folder.path().join("dump.pcap3")).expect("made");
        let found = files_of_old(&folder.path().join("dump.pcap"));
        let names: Vec<_> = found.iter().filter_map(|path| path.file_name()?.to_str()).collect();
        assert_eq!(names, ["dump.pcap", "dump.pcap0", "dump.pcap12"]);
    }
}
