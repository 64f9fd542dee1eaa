//! Redis: commands by name, never their values (RESP, versions 2 and 3).

use super::cutter::{Length, Talk, Talking};
use super::once::Once;
use super::{Opening, Probe, Recognised, Step};
use crate::{At, Field, Side, Sink};

pub(crate) const RECOGNISED: Recognised =
    Recognised { name: "redis", probe, begin: |_| Box::new(Talking::new(Redis::default())) };

/// Bytes of an argument that are kept; longer ones are data.
const ARGUMENT_BYTES_MAX: usize = 256;
/// Arguments of a command that are kept: the name, and who logs in or what is set.
const ARGUMENTS_MAX: usize = 3;
/// Lines of the server in which its version is looked for.
const LINES_MAX: u16 = 4096;

#[derive(Default)]
struct Redis {
    /// Arguments that are still to come, and the bytes of the one that comes now.
    arguments: u64,
    bytes: Option<usize>,
    command: Vec<String>,
    told: Once,
    lines: u16,
}

impl Talk for Redis {
    const KEPT_BYTES_MAX: usize = 4096;
    const ENDS_WITH: Option<u8> = Some(b'\n');

    fn length(&self, side: Side, head: &[u8]) -> Length {
        match (side, self.bytes) {
            (Side::Client, Some(bytes)) if bytes <= ARGUMENT_BYTES_MAX => Length::Whole(bytes.saturating_add(2)),
            (Side::Client, Some(bytes)) => Length::Head(bytes.saturating_add(2)),
            (Side::Server, _) if self.lines >= LINES_MAX => Length::Head(head.len()),
            _ => match memchr::memchr(b'\n', head) {
                Some(end) => Length::Whole(end + 1),
                None if head.len() >= Self::KEPT_BYTES_MAX => Length::Head(head.len()),
                None => Length::More,
            },
        }
    }

    fn message(&mut self, side: Side, at: At, message: &[u8], is_whole: bool, sink: &mut dyn Sink) -> Step {
        match side {
            Side::Client => self.asked(at, message, is_whole, sink),
            Side::Server => self.answered(at, message, sink),
        }
    }
}

impl Redis {
    fn asked(&mut self, at: At, message: &[u8], is_whole: bool, sink: &mut dyn Sink) -> Step {
        if self.bytes.take().is_some() {
            if self.command.len() < ARGUMENTS_MAX {
                let argument = if is_whole { message.trim_ascii_end() } else { &[] };
                self.command.push(String::from_utf8_lossy(argument).into_owned());
            }
            self.arguments = self.arguments.saturating_sub(1);
        } else {
            let line = message.trim_ascii_end();
            match (line.split_first(), self.arguments) {
                (Some((b'*', count)), 0) => match digits(count) {
                    Some(count) => self.arguments = count,
                    None => return Step::Lost,
                },
                (Some((b'$', bytes)), 1..) => match digits(bytes).and_then(|bytes| usize::try_from(bytes).ok()) {
                    Some(bytes) => self.bytes = Some(bytes),
                    None => return Step::Lost,
                },
                // A line as people type it
                (Some(_), 0) => {
                    let words = line.split(u8::is_ascii_whitespace).take(ARGUMENTS_MAX);
                    self.command = words.map(|word| String::from_utf8_lossy(word).into_owned()).collect();
                }
                (None, 0) => {}
                _ => return Step::Lost,
            }
        }
        if self.arguments == 0 && !self.command.is_empty() {
            let command = std::mem::take(&mut self.command);
            self.tell(at, &command, sink);
        }
        Step::Go
    }

    fn tell(&mut self, at: At, command: &[String], sink: &mut dyn Sink) {
        let Some(name) = command.first().map(|name| name.to_ascii_uppercase()) else { return };
        match (name.as_str(), command) {
            ("AUTH", [_, user, _]) => sink.fact(at, Field::User, user),
            ("SELECT", [_, database]) => sink.fact(at, Field::Detail, &format!("database={database}")),
            ("CLIENT", [_, what, client]) if what.eq_ignore_ascii_case("SETNAME") => {
                sink.fact(at, Field::Software, client);
            }
            // What an intruder sets: where to write files, whom to copy from.
            ("CONFIG" | "SLAVEOF" | "REPLICAOF" | "MODULE", [_, rest @ ..]) => {
                sink.fact(at, Field::Detail, &format!("{}={}", name.to_ascii_lowercase(), rest.join(" ")));
            }
            _ => {}
        }
        self.told.tell(at, Field::Detail, &format!("command={name}"), sink);
    }

    fn answered(&mut self, at: At, line: &[u8], sink: &mut dyn Sink) -> Step {
        self.lines = self.lines.saturating_add(1);
        if let Some(version) = line.strip_prefix(b"redis_version:") {
            sink.fact(at, Field::Software, &format!("Redis {}", String::from_utf8_lossy(version.trim_ascii_end())));
            self.lines = LINES_MAX;
        }
        Step::Go
    }
}

fn digits(bytes: &[u8]) -> Option<u64> {
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

/// A command as people type it, of those that no other protocol has.
fn is_typed(said: &[u8]) -> bool {
    let line = said.get(..said.len().min(16)).unwrap_or_default().to_ascii_uppercase();
    [&b"PING\r\n"[..], b"INFO\r\n", b"CONFIG ", b"FLUSHALL\r\n", b"SLAVEOF ", b"REPLICAOF "]
        .iter()
        .any(|command| line.starts_with(command))
}

/// An array of strings, the first of them a command's name.
fn probe(opening: &Opening<'_>) -> Probe {
    if opening.is_stream && is_typed(opening.client) && matches!(opening.server, [b'+' | b'$', ..]) {
        return Probe::Yes;
    }
    let Some((b'*', rest)) = opening.client.split_first() else {
        if opening.is_stream && is_typed(opening.client) && opening.server.is_empty() {
            return Probe::More;
        }
        return if opening.client.is_empty() && opening.is_stream { Probe::More } else { Probe::No };
    };
    if !opening.is_stream {
        return Probe::No;
    }
    let mut lines = rest.split(|&byte| byte == b'\n');
    let is_number = |line: &[u8]| {
        let digits = line.strip_suffix(b"\r").unwrap_or(line);
        !digits.is_empty() && digits.len() <= 9 && digits.iter().all(u8::is_ascii_digit)
    };
    let (count, length, name) = (lines.next(), lines.next(), lines.next());
    match (count.map(is_number), length.and_then(|line| line.strip_prefix(b"$")).map(is_number), name) {
        (Some(true), Some(true), Some([b'A'..=b'Z' | b'a'..=b'z', ..])) => Probe::Yes,
        (Some(true), Some(true), Some([]) | None) => Probe::More,
        (Some(true), None, None) => Probe::More,
        (Some(true), None, Some(_)) => Probe::No,
        (Some(false), _, _) if rest.len() < 10 && rest.iter().all(u8::is_ascii_digit) => Probe::More,
        _ => Probe::No,
    }
}
