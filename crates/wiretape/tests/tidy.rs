//! The house rules that a machine can check (CONTRIBUTING.md, "House rules").

use std::fs;
use std::path::{Path, PathBuf};

const LINES_MAX: usize = 800;

#[test]
fn files_are_short_enough_to_have_one_role() {
    check(|path, text| {
        let lines = text.lines().count();
        (lines > LINES_MAX).then(|| format!("{}: {lines} lines, at most {LINES_MAX}", path.display()))
    });
}

#[test]
fn rooms_are_named_for_a_thing() {
    const NAMELESS: [&str; 6] = ["utils", "util", "common", "base", "helpers", "misc"];
    check(|path, _| {
        let nameless = path.iter().filter_map(|part| part.to_str()).any(|part| {
            let stem = part.strip_suffix(".rs").unwrap_or(part);
            NAMELESS.contains(&stem)
        });
        nameless.then(|| format!("{}: name it for what it is", path.display()))
    });
}

#[test]
fn crates_import_only_downwards() {
    const MAY_IMPORT: [(&str, &[&str]); 7] = [
        ("packet", &[]),
        ("filter", &["packet"]),
        ("flow", &["packet"]),
        ("tape", &["packet", "filter", "flow"]),
        ("record", &["packet", "filter", "flow", "tape"]),
        ("investigate", &["packet", "filter"]),
        ("wiretape", &["packet", "filter", "flow", "tape", "record", "investigate"]),
    ];
    for (name, allowed) in MAY_IMPORT {
        let manifest = fs::read_to_string(root().join("crates").join(name).join("Cargo.toml")).unwrap();
        let dependencies = manifest.split("[dependencies]").nth(1).unwrap_or_default();
        let dependencies = dependencies.split("\n[").next().unwrap_or_default();
        for (other, _) in MAY_IMPORT {
            let imported = dependencies
                .lines()
                .any(|line| line.strip_prefix(other).is_some_and(|rest| rest.starts_with([' ', '.', '='])));
            assert!(!imported || allowed.contains(&other), "{name} must not import {other}");
        }
    }
}

#[test]
fn pure_crates_do_no_input_or_output() {
    const FORBIDDEN: [&str; 6] =
        ["std::fs", "std::net::Tcp", "std::net::Udp", "std::process::Command", "std::env", "rustix"];
    check(|path, text| {
        if !["packet", "filter", "flow", "investigate"].iter().any(|name| in_crate_source(path, name)) {
            return None;
        }
        first_line(&code_of(text), |line| FORBIDDEN.iter().any(|word| line.contains(word)))
            .map(|line| format!("{}:{line}: packet, filter, flow and investigate do no I/O", path.display()))
    });
}

#[test]
fn only_the_tape_writes_files() {
    const WRITING: [&str; 5] = ["fs::write", "File::create", "OpenOptions", "fs::remove", "fs::rename"];
    check(|path, text| {
        if !in_crate_source(path, "record") {
            return None;
        }
        first_line(&code_of(text), |line| WRITING.iter().any(|word| line.contains(word)))
            .map(|line| format!("{}:{line}: only `tape` writes to the tape", path.display()))
    });
}

#[test]
fn unsafe_code_has_its_room() {
    check(|path, text| {
        let sys = ["record", "tape"].iter().any(|name| in_crate_source(path, name))
            && path.components().any(|part| matches!(part.as_os_str().to_str(), Some("sys" | "sys.rs")));
        if sys || path.ends_with("tests/tidy.rs") {
            return None;
        }
        first_line(text, |line| {
            let code = line.split("//").next().unwrap_or_default();
            code.contains("unsafe {") || code.contains("unsafe fn") || code.contains("unsafe impl")
        })
        .map(|line| format!("{}:{line}: unsafe code belongs into the `sys` module", path.display()))
    });
}

#[test]
fn only_the_command_line_prints() {
    const PRINTING: [&str; 4] = ["println!", "eprintln!", "print!(", "dbg!"];
    check(|path, text| {
        let library = ["packet", "filter", "flow", "tape", "record", "investigate"]
            .iter()
            .any(|name| in_crate_source(path, name));
        if !library || path.components().any(|part| part.as_os_str() == "tests") {
            return None;
        }
        first_line(&code_of(text), |line| PRINTING.iter().any(|word| line.contains(word)))
            .map(|line| format!("{}:{line}: only the crate `wiretape` prints", path.display()))
    });
}

#[test]
fn nothing_is_promised_for_later() {
    const PROMISES: [&str; 5] = ["TODO", "FIXME", "XXX", "todo!(", "unimplemented!("];
    check(|path, text| {
        if path.ends_with("tests/tidy.rs") {
            return None;
        }
        first_line(text, |line| PROMISES.iter().any(|word| line.contains(word)))
            .map(|line| format!("{}:{line}: do it, or leave it out", path.display()))
    });
}

/// Runs `complaint` over every Rust file of the workspace and fails with all that it says.
fn check(complaint: impl Fn(&Path, &str) -> Option<String>) {
    let mut files = Vec::new();
    collect(&root().join("crates"), &mut files);
    assert!(files.len() > 5, "the source files were not found");
    let complaints: Vec<String> = files
        .iter()
        .filter_map(|path| {
            let text = fs::read_to_string(path).unwrap();
            complaint(path.strip_prefix(root()).unwrap(), &text)
        })
        .collect();
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The text before the file's tests.
fn code_of(text: &str) -> String {
    text.split("#[cfg(test)]").next().unwrap_or_default().to_owned()
}

fn first_line(text: &str, hit: impl Fn(&str) -> bool) -> Option<usize> {
    text.lines().position(|line| !line.trim_start().starts_with("//") && hit(line)).map(|index| index + 1)
}

fn in_crate_source(path: &Path, name: &str) -> bool {
    path.starts_with(Path::new("crates").join(name).join("src"))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}
