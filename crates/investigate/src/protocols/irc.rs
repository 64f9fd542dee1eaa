//! IRC: nicknames, users, channels (RFC 2812).

use super::cutter::{Length, Talk, Talking, line};
use super::{Opening, Probe, Recognised, Step};
use crate::{At, Field, Side, Sink};

pub(crate) const RECOGNISED: Recognised =
    Recognised { name: "irc", probe, begin: |_| Box::new(Talking::new(Irc::default())) };

/// Different channels that are told of one conversation.
const CHANNELS_MAX: usize = 256;

#[derive(Default)]
struct Irc {
    channels: Vec<String>,
}

impl Talk for Irc {
    const KEPT_BYTES_MAX: usize = 8 << 10;
    const ENDS_WITH: Option<u8> = Some(b'\n');

    fn length(&self, _side: Side, head: &[u8]) -> Length {
        match line(head) {
            Length::More if head.len() >= Self::KEPT_BYTES_MAX => Length::Head(head.len()),
            length => length,
        }
    }

    fn message(&mut self, side: Side, at: At, message: &[u8], _is_whole: bool, sink: &mut dyn Sink) -> Step {
        let line = String::from_utf8_lossy(message.trim_ascii());
        let (_sender, line) = prefix(&line);
        let (command, rest) = line.split_once(' ').unwrap_or((line, ""));
        let words: Vec<&str> = parameters(rest).collect();
        match (side, command.to_ascii_uppercase().as_str(), words.as_slice()) {
            (Side::Client, "NICK", [nick, ..]) => sink.fact(at, Field::User, nick),
            (Side::Client, "USER", [user, .., name]) => {
                sink.fact(at, Field::Detail, &format!("user={user}"));
                sink.fact(at, Field::Detail, &format!("name={name}"));
            }
            (Side::Client, "JOIN", [channels, ..]) => {
                channels.split(',').for_each(|channel| self.channel(at, channel, sink));
            }
            (Side::Client, "PRIVMSG" | "NOTICE", [target, ..]) => self.channel(at, target, sink),
            (_, "STARTTLS", _) if side == Side::Client => {}
            // The answer to STARTTLS
            (Side::Server, "670", _) => return Step::Turns(message.len()),
            // Who the server is, and with what it runs
            (Side::Server, "004", [_, server, software, ..]) => {
                sink.fact(at, Field::HostName, server);
                sink.fact(at, Field::Software, software);
            }
            _ => {}
        }
        Step::Go
    }

    fn held_bytes(&self) -> usize {
        self.channels.iter().map(String::len).sum()
    }
}

impl Irc {
    fn channel(&mut self, at: At, channel: &str, sink: &mut dyn Sink) {
        let is_channel = channel.starts_with(['#', '&', '+', '!']);
        if is_channel && self.channels.len() < CHANNELS_MAX && !self.channels.iter().any(|known| known == channel) {
            sink.fact(at, Field::Detail, &format!("channel={channel}"));
            self.channels.push(channel.to_owned());
        }
    }
}

/// The sender before a command, and the rest.
fn prefix(line: &str) -> (Option<&str>, &str) {
    match line.strip_prefix(':').and_then(|line| line.split_once(' ')) {
        Some((sender, rest)) => (Some(sender), rest.trim_start()),
        None => (None, line),
    }
}

/// Parameters, of which the last can have spaces.
fn parameters(rest: &str) -> impl Iterator<Item = &str> {
    const PARAMETERS_MAX: usize = 15;
    let mut rest = Some(rest);
    let next = move || {
        let text = rest?.trim_start();
        if let Some(last) = text.strip_prefix(':') {
            rest = None;
            return Some(last);
        }
        let (word, later) = text.split_once(' ').map_or((text, None), |(word, later)| (word, Some(later)));
        rest = later;
        Some(word).filter(|word| !word.is_empty())
    };
    std::iter::from_fn(next).take(PARAMETERS_MAX)
}

/// A client that gives its name, or a server that answers by numbers.
fn probe(opening: &Opening<'_>) -> Probe {
    if !opening.is_stream {
        return Probe::No;
    }
    let client = client_says(opening.client);
    if client == Probe::More { server_says(opening.server).max(Probe::More) } else { client }
}

fn client_says(said: &[u8]) -> Probe {
    const FIRST: [&[u8]; 4] = [b"NICK ", b"USER ", b"CAP LS", b"PASS "];
    for line in said.split_inclusive(|&byte| byte == b'\n') {
        let is_whole = line.ends_with(b"\n");
        if !FIRST
            .iter()
            .any(|first| if line.len() < first.len() { first.starts_with(line) } else { line.starts_with(first) })
        {
            return Probe::No;
        }
        let words = line.trim_ascii().split(u8::is_ascii_whitespace).count();
        match line {
            [b'N' | b'C', ..] if is_whole => return Probe::Yes,
            // Other protocols have users without more.
            [b'U', ..] if is_whole => return if words >= 4 { Probe::Yes } else { Probe::No },
            _ => {}
        }
    }
    if said.len() < 512 { Probe::More } else { Probe::No }
}

fn server_says(said: &[u8]) -> Probe {
    let line = said.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let mut words = line.split(|&byte| byte == b' ');
    match (words.next(), words.next(), words.next()) {
        (Some([b':', ..]), Some(b"NOTICE" | b"001" | b"020"), Some(_)) => Probe::Yes,
        (Some(b"NOTICE"), Some(b"AUTH"), Some(_)) => Probe::Yes,
        _ => Probe::No,
    }
}
