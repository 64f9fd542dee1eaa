//! `packets -w`: packets as a capture, into a file or a pipe.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::Path;

use packet::LinkType;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tape::question::{self, Coverage, Query, Source};

use super::disguise::Disguise;
use super::foresight;
use super::progress::Waiting;
use crate::args::{CaptureFormat, LinkWanted, PacketsArgs};
use crate::errors::{Exit, Failure};
use crate::output::capture::{CaptureWriter, Changes, SourceLinks, Wanted, WriteError};
use crate::output::coverage::thousands;
use crate::output::file::{self, CaptureFile, Packing};
use crate::terminal;

/// Writes the matching packets to standard output.
pub(super) fn to_stdout(source: &Source, query: &Query, arguments: &PacketsArgs) -> Result<Coverage, Failure> {
    if terminal::stdout_is_terminal() {
        return Err(Failure::call("a capture would garble this terminal")
            .attempt("into a file:    -w FILE")
            .attempt("into a program: -w - | tshark -r -")
            .attempt("to read lines:  leave -w out"));
    }
    let format = arguments.format.unwrap_or(CaptureFormat::Pcapng);
    let disguise = Disguise::wanted(arguments)?;
    write(source, query, wanted(source, query, arguments, format, true)?, disguise, io::stdout().lock())
}

/// Writes the matching packets into a file.
pub(super) fn to_file(
    path: &Path,
    source: &Source,
    query: &Query,
    arguments: &PacketsArgs,
) -> Result<Coverage, Failure> {
    refuse_source(path, source)?;
    let (named, packing) = by_name(path)?;
    let format = arguments.format.or(named).unwrap_or(CaptureFormat::Pcapng);
    let wanted = wanted(source, query, arguments, format, file::is_stream(path))?;
    if !file::is_stream(path) {
        foresight::look_ahead(path, source, query, arguments.yes)?;
    }
    let failed = |error: io::Error| Failure::system(format!("cannot write {}", path.display()), &error);
    if !query.live {
        leave_nothing_on_signals()?;
    }
    let disguise = Disguise::wanted(arguments)?;
    let mut out = CaptureFile::create(path, packing).map_err(failed)?;
    let coverage = write(source, query, wanted, disguise, &mut out)?;
    out.finish().map_err(failed)?;
    Ok(coverage)
}

/// A signal ends the process as ever, but the half of a file that is there by then goes with it.
pub(super) fn leave_nothing_on_signals() -> Result<(), Failure> {
    let mut signals =
        Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(|error| Failure::system("cannot listen to signals", &error))?;
    let listen = move || {
        for signal in signals.forever() {
            file::discard_for_good();
            let _ = signal_hook::low_level::emulate_default_handler(signal);
        }
    };
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(listen)
        .map_err(|error| Failure::system("cannot start a thread", &error))?;
    Ok(())
}

/// The format and the compression that a file's name asks for.
fn by_name(path: &Path) -> Result<(Option<CaptureFormat>, Packing), Failure> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let (plain, packing) = match name.rsplit_once('.') {
        Some((plain, "gz")) => (plain, Packing::Gzip),
        Some((plain, "zst" | "zstd")) => (plain, Packing::Zstd),
        Some((_, ending @ ("bz2" | "xz" | "lz4" | "zip" | "7z"))) => {
            return Err(Failure::call(format!("captures are not compressed as .{ending} here"))
                .attempt("name it .zst or .gz, which Wireshark opens as they are"));
        }
        _ => (name.as_str(), Packing::Plain),
    };
    let format = match plain.rsplit_once('.') {
        Some((_, "pcap" | "cap" | "dmp")) => Some(CaptureFormat::Pcap),
        Some((_, "pcapng" | "ntar")) => Some(CaptureFormat::Pcapng),
        _ => None,
    };
    Ok((format, packing))
}

fn wanted(
    source: &Source,
    query: &Query,
    arguments: &PacketsArgs,
    format: CaptureFormat,
    is_pipe: bool,
) -> Result<Wanted, Failure> {
    let link = arguments.link.unwrap_or(LinkWanted::Keep);
    let single = is_pipe || format == CaptureFormat::Pcap;
    let links = if single && link == LinkWanted::Keep { links(source, query.live)? } else { SourceLinks::Unknown };
    Ok(Wanted { format, link, single, source: links, live: query.live })
}

/// What is known of the link types to come. While a tape is recorded, an interface of another type can appear.
fn links(source: &Source, is_live: bool) -> Result<SourceLinks, Failure> {
    let types = question::link_types(source)?;
    Ok(match types.known.as_slice() {
        [_, _, ..] => SourceLinks::Several,
        _ if types.is_complete && !is_live => SourceLinks::One,
        _ => SourceLinks::Unknown,
    })
}

/// Evidence is never written over by what is read from it.
fn refuse_source(target: &Path, source: &Source) -> Result<(), Failure> {
    use std::os::unix::fs::MetadataExt;
    let identity = |path: &Path| std::fs::metadata(path).ok().map(|found| (found.dev(), found.ino()));
    let is_source = match source {
        Source::Captures(paths) => {
            identity(target).is_some_and(|file| paths.iter().any(|path| identity(path) == Some(file)))
        }
        Source::Tape(tape) => {
            let absolute = std::path::absolute(target).unwrap_or_else(|_| target.to_path_buf());
            let tape = identity(tape);
            tape.is_some() && absolute.ancestors().skip(1).any(|folder| identity(folder) == tape)
        }
    };
    if is_source {
        return Err(Failure::call(format!("{} is what is being read, and would be destroyed", target.display()))
            .attempt("write into another file"));
    }
    Ok(())
}

fn write(
    source: &Source,
    query: &Query,
    wanted: Wanted,
    mut disguise: Option<Disguise>,
    out: impl Write,
) -> Result<Coverage, Failure> {
    let mut writer = CaptureWriter::new(out, wanted);
    let mut failed = None;
    let mut waiting = Waiting::begin();
    let coverage = question::packets(source, query, &mut |packet, interface| {
        let written = match &mut disguise {
            None => writer.packet(packet, interface),
            Some(disguise) => match disguise.packet(packet, interface) {
                Some((packet, interface)) => writer.packet(&packet, &interface),
                None => Ok(()),
            },
        };
        match written {
            Ok(()) => {
                waiting.packet(packet.data.len());
                ControlFlow::Continue(())
            }
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        }
    })?;
    waiting.end();
    let hidden = disguise.map_or(0, Disguise::finish);
    let finished = match failed {
        Some(error) => Err(error),
        None => writer.finish(),
    };
    let changes = finished.map_err(|error| unwritten(error, coverage.matched))?;
    say_changes(&changes, coverage.matched, wanted);
    Ok(Coverage { matched: coverage.matched.saturating_sub(changes.left_out + hidden), ..coverage })
}

fn unwritten(error: WriteError, matched: u64) -> Failure {
    match error {
        WriteError::Capture(error) => Failure::written_capture(error),
        WriteError::SecondLinkType { begun, found } => {
            Failure::of(Exit::Call, format!("packet {} has link type {found}", thousands(matched)))
                .because(format!("the capture has begun with {begun}, and one like this can have only one link type"))
                .attempt("converted to one:     --link sll2")
                .attempt("kept as they are:     -w FILE.pcapng")
        }
    }
}

fn say_changes(changes: &Changes, matched: u64, wanted: Wanted) {
    if let Some(link_type) = changes.converted_to {
        let what = if wanted.format == CaptureFormat::Pcap { "a pcap file" } else { "one stream" };
        terminal::notice(format_args!(
            "the packets have several link types: all were converted to {link_type} ({}), as {what} can have only one; -w FILE.pcapng keeps them as they are",
            link_name(link_type)
        ));
    }
    if let Some(reason) = changes.reason {
        terminal::warning(format_args!(
            "{} of {} packets are left out: {reason}; -w FILE.pcapng keeps them",
            thousands(changes.left_out),
            thousands(matched)
        ));
    }
}

fn link_name(link_type: LinkType) -> &'static str {
    if link_type == LinkType::LINUX_SLL2 { "Linux cooked capture v2" } else { "Ethernet" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_how_to_write() {
        use CaptureFormat::{Pcap, Pcapng};
        let cases = [
            ("x.pcap", Some((Some(Pcap), Packing::Plain))),
            ("/a.b/X.PCAP", Some((Some(Pcap), Packing::Plain))),
            ("x.cap", Some((Some(Pcap), Packing::Plain))),
            ("x.pcapng", Some((Some(Pcapng), Packing::Plain))),
            ("x.pcap.gz", Some((Some(Pcap), Packing::Gzip))),
            ("x.pcapng.zst", Some((Some(Pcapng), Packing::Zstd))),
            ("x.gz", Some((None, Packing::Gzip))),
            ("evidence", Some((None, Packing::Plain))),
            ("2026.11.23", Some((None, Packing::Plain))),
            ("x.pcap.xz", None),
        ];
        for (name, expected) in cases {
            assert_eq!(by_name(Path::new(name)).ok(), expected, "{name}");
        }
    }
}
