//! Questions give way, stay within their memory, and ask before they fill a disk.

use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::exporting::{capture, wait_for};
use crate::support::{has, run, shell, wiretape};

/// A question to a pipe into which nobody has written yet, and the pipe.
fn waiting(folder: &Path, arguments: &[&str]) -> (Child, std::fs::File) {
    let fifo = folder.join("fifo");
    shell(&format!("mkfifo {}", fifo.display())).ended_with(0);
    let mut command = wiretape();
    command.args(arguments).arg("-r").arg(&fifo).stderr(Stdio::piped()).stdout(Stdio::piped());
    let child = command.spawn().expect("the binary runs");
    // Opened for both, a pipe does not wait for its reader, which may end before it comes to that.
    let feed = std::fs::File::options().read(true).write(true).open(&fifo).expect("a pipe");
    (child, feed)
}

#[test]
fn questions_give_way() {
    let scratch = tempfile::tempdir().expect("a folder");
    let (child, mut feed) = waiting(scratch.path(), &["packets"]);
    let file = |name: &str| std::fs::read_to_string(format!("/proc/{}/{name}", child.id())).expect("a process");
    // proc(5): the nice value is the 17th field behind the name.
    let nice = || file("stat").rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(16)).map(str::to_owned);
    wait_for(|| nice().as_deref() == Some("15") && file("oom_score_adj").trim() == "1000");
    feed.write_all(&capture(&[(packet::LinkType::ETHERNET, 2)])).expect("taken");
    drop(feed);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!((output.status.code(), output.stdout.iter().filter(|byte| **byte == b'\n').count()), (Some(0), 2));
}

#[test]
fn too_much_memory_is_refused_in_words() {
    let scratch = tempfile::tempdir().expect("a folder");
    let out = scratch.path().join("out.pcapng");
    let (child, mut feed) = waiting(scratch.path(), &["packets", "--memory", "100kB", "-w", &out.to_string_lossy()]);
    let _ = feed.write_all(&capture(&[(packet::LinkType::ETHERNET, 2)]));
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("takes too much memory: more than 100 kB (--memory)"), "{said}");
    assert_eq!(std::fs::read_dir(scratch.path()).expect("a folder").count(), 1, "only the pipe is there");
}

/// On a terminal a large export is asked about first; anywhere else it never is.
#[test]
fn a_large_export_is_asked_about() {
    if !has("python3") {
        return;
    }
    let scratch = tempfile::tempdir().expect("a folder");
    let (source, out) = (scratch.path().join("x.pcapng"), scratch.path().join("out.pcapng"));
    // Two packets, and 120 MB of blocks of a kind that nobody knows, which are holes.
    let bytes = capture(&[(packet::LinkType::ETHERNET, 2)]);
    std::fs::write(&source, &bytes).expect("written");
    let file = std::fs::File::options().write(true).open(&source).expect("opened");
    let length = 1_000_000_u32;
    for block in 0..120 {
        let at = bytes.len() as u64 + block * u64::from(length);
        let head = [0x0bad_u32.to_le_bytes(), length.to_le_bytes()].concat();
        file.write_all_at(&head, at).expect("written");
        file.write_all_at(&length.to_le_bytes(), at + u64::from(length) - 4).expect("written");
    }
    let call = format!("packets -r {} -w {}", source.display(), out.display());

    let (said, status) = on_terminal(&call, "n\n");
    assert!(said.contains("at most 120 MB go into") && said.contains("continue? [y/N]"), "{said}");
    assert_eq!(status, 1, "{said}");
    assert!(!out.exists() && said.contains("nothing was written"), "{said}");
    let (said, status) = on_terminal(&call, "y\n");
    assert_eq!(status, 0, "{said}");
    assert!(out.exists() && !said.contains("looking"), "{said}");
    for (said, status) in [on_terminal(&format!("{call} --yes"), ""), on_terminal(&format!("{call} 2>&1 | cat"), "")] {
        assert!(!said.contains("continue?"), "{said}");
        assert_eq!(status, 0, "{said}");
    }
    assert!(!run(&call).ended_with(0).stderr.contains("continue?"));
}

/// What a call says on a terminal of its own, where `answer` is typed, and how it ends.
fn on_terminal(call: &str, answer: &str) -> (String, i32) {
    const SCRIPT: &str = "import os, pty, sys, time\n\
        pid, fd = pty.fork()\n\
        if pid == 0: os.execvp('bash', ['bash', '-c', sys.argv[1]])\n\
        os.write(fd, sys.argv[2].encode())\n\
        said = b''\n\
        while True:\n\
        \x20 try: part = os.read(fd, 65536)\n\
        \x20 except OSError: break\n\
        \x20 if not part: break\n\
        \x20 said += part\n\
        sys.stdout.buffer.write(said)\n\
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n";
    let begun = Instant::now();
    let output = std::process::Command::new("python3")
        .args(["-c", SCRIPT, &format!("{} {call}", env!("CARGO_BIN_EXE_wiretape")), answer])
        .output()
        .expect("python3 runs");
    assert!(begun.elapsed() < Duration::from_secs(30));
    (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.code().unwrap_or(-1))
}

#[test]
fn questions_are_explained_before_and_behind_their_answer() {
    let scratch = tempfile::tempdir().expect("a folder");
    let (tape, file) = (scratch.path().join("t.tape"), scratch.path().join("a.pcapng"));
    std::fs::write(&file, capture(&[(packet::LinkType::ETHERNET, 20)])).expect("written");
    run(&format!("import --tape {} {}", tape.display(), file.display())).ended_with(0);
    // Both streams into one, as on a terminal.
    let words = shell(&format!("$WIRETAPE packets --tape {} --explain udp 2>&1", tape.display())).ended_with(0).text();
    let place = |text: &str| words.find(text).unwrap_or_else(|| panic!("{text} in {words}"));
    assert!(place("plan: ") < place("cost: about") && place("cost: about") < place(" > "), "{words}");
    assert!(place(" > ") < place("stage "), "{words}");
    for more in ["udp", "--by dest_port", "--histogram"] {
        let json = run(&format!("flows --tape {} --explain --format json {more}", tape.display())).ended_with(0);
        let objects: Vec<serde_json::Value> =
            json.stderr.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        assert!(objects.len() == 2, "{}", json.stderr);
        assert!(objects[0]["plan"]["estimated_ms"].is_number(), "{}", json.stderr);
        assert!(objects[1]["explanation"]["stages"].is_array(), "{}", json.stderr);
    }
}
