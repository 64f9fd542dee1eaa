//! The first lines of a recording: what is recorded where and why, how to ask, what is not protected.

use std::path::{Path, PathBuf};

use record::{Chosen, Interfaces, NetworkInterface, Recorder, Selection};

use super::plan::Plan;
use super::volume::Volume;
use crate::source;
use crate::terminal::{self, escaped};
use crate::units::{size_text, span_text};

/// Names of a kind that are listed; the rest is counted.
const NAMES_MAX: usize = 8;

/// Says all of it on stderr.
pub(super) fn greet(plan: &Plan, recorder: &Recorder, old_files: &[PathBuf]) {
    let tape = escaped(&plan.tape.to_string_lossy());
    terminal::notice(format_args!("{} records onto {tape}", concat!("version ", env!("CARGO_PKG_VERSION"))));
    let interfaces = Interfaces::read().unwrap_or_default();
    let chosen = plan.capture.selection.choose(&interfaces);
    line("interfaces", &recorded(&chosen, &plan.capture.selection, &interfaces));
    if let Some(text) = left_out(&chosen, &plan.capture.selection, &interfaces) {
        line("left out", &text);
    }
    line("memory", &format!("{} of rings in the kernel", size_text(recorder.ring_bytes() as u64)));
    if let Some(expression) = &plan.expression {
        line("filter", &format!("{} (what it leaves out is lost)", escaped(expression)));
    }
    line("budget", &budget(plan));
    // The first process of a container, as the image starts it.
    let is_container = std::process::id() == 1;
    let ask = if is_container { "docker exec CONTAINER /wiretape".to_owned() } else { "wiretape".to_owned() };
    let place = if is_container { String::new() } else { format!(" --tape {tape}") };
    if let Some(usable) = usable_bytes(plan).filter(|usable| *usable < tape::Options::BUDGET_BYTES_MIN) {
        terminal::warning(format_args!(
            "next to nothing will be kept: {} of the disk may be used now\n  make room, name a tape on another disk, or leave less free (--keep-free)",
            size_text(usable)
        ));
    }
    line("to ask", &format!("{ask} flows --last 5m{place}"));
    line("", &format!("{ask} packets --last 5m{place} -w - | tshark -r -"));
    line("unprotected", "the files are not sealed, signed or shipped yet: whoever reads this disk reads the traffic");
    if !old_files.is_empty() {
        line("old files", &old(old_files, &plan.tape));
    }
    let volume = Volume::of(&plan.tape);
    if volume.as_ref().is_some_and(Volume::discards) {
        line("disk", "mounted with `discard`: at hundreds of MB/s, files that age away slow it; fstrim.timer does not");
    }
    if volume.as_ref().is_some_and(Volume::is_anonymous) {
        terminal::warning(format_args!(
            "{tape} lies on an anonymous volume, which is deleted with its container\n  name a place that stays: docker run -v /var/log/tcpdump:/data …"
        ));
    }
}

fn line(title: &str, text: &str) {
    terminal::line(format_args!("  {title:<11} {text}"));
}

fn recorded(chosen: &[Chosen], selection: &Selection, interfaces: &Interfaces) -> String {
    let named = chosen.iter().filter_map(|one| Some((interfaces.by_index(one.index)?, one.heads_only)));
    let word = |(interface, heads_only): (&NetworkInterface, bool)| {
        let name = escaped(&interface.name);
        match selection {
            Selection::Auto if heads_only => format!("{name} (bridge: heads only)"),
            Selection::Auto if interface.default_route => format!("{name} (default route)"),
            Selection::Auto => format!("{name} (has an address)"),
            _ if !interface.up => format!("{name} (down)"),
            _ => name,
        }
    };
    some(named.map(word).collect())
}

fn left_out(chosen: &[Chosen], selection: &Selection, interfaces: &Interfaces) -> Option<String> {
    if *selection != Selection::Auto {
        return None;
    }
    let others = interfaces.iter().filter(|interface| !chosen.iter().any(|one| one.index == interface.index));
    let word = |interface: &NetworkInterface| {
        let why = match () {
            () if interface.loopback => "loopback, record it with -i auto,lo",
            () if interface.bridge_port => "bridge port",
            () => "no address",
        };
        format!("{} ({why})", escaped(&interface.name))
    };
    let words: Vec<String> = others.map(word).collect();
    (!words.is_empty()).then(|| some(words))
}

fn budget(plan: &Plan) -> String {
    let keep = &plan.keep;
    let mut text = size_text(keep.budget_bytes);
    match keep.keep_free {
        tape::KeepFree::Percent(percent) => text.push_str(&format!("; {percent} % of the file system stay free")),
        tape::KeepFree::Bytes(bytes) => text.push_str(&format!("; {} of the file system stay free", size_text(bytes))),
    }
    if let Some(usable) = usable_bytes(plan).filter(|usable| *usable < keep.budget_bytes) {
        text.push_str(&format!("; of that only {} can be used now: the rest is not free", size_text(usable)));
    }
    if let Some(age) = keep.age_max {
        text.push_str(&format!("; nothing older than {} is kept", span_text(age)));
    }
    text
}

/// What the tape may take above the floor of free disk, with what it has already.
fn usable_bytes(plan: &Plan) -> Option<u64> {
    let found = rustix::fs::statvfs(&plan.tape).ok()?;
    let (whole, free) = (found.f_blocks.saturating_mul(found.f_frsize), found.f_bavail.saturating_mul(found.f_frsize));
    let floor = match plan.keep.keep_free {
        tape::KeepFree::Percent(percent) => whole / 100 * u64::from(percent),
        tape::KeepFree::Bytes(bytes) => bytes,
    };
    Some(free.saturating_sub(floor).saturating_add(source::stored_bytes(&plan.tape)))
}

fn old(files: &[PathBuf], tape: &Path) -> String {
    let first = files.first().map(|file| escaped(&file.to_string_lossy())).unwrap_or_default();
    let import = tape.with_file_name("old.tape");
    let pattern = if files.len() > 1 {
        format!("{}*", first.trim_end_matches(|c: char| c.is_ascii_digit()))
    } else {
        first.clone()
    };
    format!(
        "{} of tcpdump's are left alone ({first}{}); to ask them too: wiretape import --tape {} {pattern}",
        files.len(),
        if files.len() > 1 { ", …" } else { "" },
        escaped(&import.to_string_lossy()),
    )
}

fn some(words: Vec<String>) -> String {
    let more = words.len().saturating_sub(NAMES_MAX);
    let mut text = words.into_iter().take(NAMES_MAX).collect::<Vec<_>>().join(", ");
    if more > 0 {
        text.push_str(&format!(" and {more} more"));
    }
    if text.is_empty() { "none".to_owned() } else { text }
}
