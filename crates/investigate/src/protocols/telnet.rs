//! Telnet (RFC 854): who logs in, on what terminal.

use super::{Opening, Probe, Protocol, Recognised, Step};
use crate::{At, Field, Side, Sink};

pub(crate) const RECOGNISED: Recognised = Recognised { name: "telnet", probe, begin: |_| Box::<Telnet>::default() };

/// Bytes of a line, or of an option's values, that are kept.
const LINE_BYTES_MAX: usize = 256;
/// Logins that are told of one conversation.
const LOGINS_MAX: u32 = 64;

const END: u8 = 240;
const BEGIN: u8 = 250;
const WILL: u8 = 251;
const DO_NOT: u8 = 254;
const COMMAND: u8 = 255;

/// Options: RFC 1091, RFC 1572.
const TERMINAL: u8 = 24;
const ENVIRONMENT: u8 = 39;

#[derive(Default)]
struct Telnet {
    client: Half,
    server: Half,
    logins: u32,
    /// The server has asked who logs in.
    is_asked: bool,
}

/// One side: its commands taken out.
#[derive(Default)]
struct Half {
    state: State,
    /// The line at hand.
    line: Vec<u8>,
    /// What an option says of itself.
    values: Vec<u8>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    Command,
    /// Behind WILL, WON'T, DO or DON'T.
    Option,
    Values,
    CommandInValues,
}

impl Protocol for Telnet {
    fn data(&mut self, side: Side, at: At, data: &[u8], sink: &mut dyn Sink) -> Step {
        for &byte in data {
            let half = if side == Side::Client { &mut self.client } else { &mut self.server };
            match half.next(byte) {
                Heard::Text(byte) => self.text(side, at, byte, sink),
                Heard::Values if side == Side::Client => self.values(at, sink),
                Heard::Values | Heard::Nothing => {}
            }
        }
        Step::Go
    }

    fn gap(&mut self, side: Side, _at: At, _bytes: u64, _sink: &mut dyn Sink) -> Step {
        *(if side == Side::Client { &mut self.client } else { &mut self.server }) = Half::default();
        self.is_asked = false;
        Step::Go
    }

    fn held_bytes(&self) -> usize {
        self.client.line.len() + self.client.values.len() + self.server.line.len() + self.server.values.len()
    }
}

/// What a byte brings.
enum Heard {
    Nothing,
    Text(u8),
    /// An option's values are complete.
    Values,
}

impl Half {
    fn next(&mut self, byte: u8) -> Heard {
        let (state, heard) = match (self.state, byte) {
            (State::Text, COMMAND) => (State::Command, Heard::Nothing),
            (State::Text, byte) => (State::Text, Heard::Text(byte)),
            (State::Command, COMMAND) => (State::Text, Heard::Text(byte)),
            (State::Command, WILL..=DO_NOT) => (State::Option, Heard::Nothing),
            (State::Command, BEGIN) => {
                self.values.clear();
                (State::Values, Heard::Nothing)
            }
            (State::Command | State::Option, _) => (State::Text, Heard::Nothing),
            (State::Values, COMMAND) => (State::CommandInValues, Heard::Nothing),
            (State::CommandInValues, END) => (State::Text, Heard::Values),
            (State::Values | State::CommandInValues, byte) => {
                if self.values.len() < LINE_BYTES_MAX {
                    self.values.push(byte);
                }
                (State::Values, Heard::Nothing)
            }
        };
        self.state = state;
        heard
    }
}

impl Telnet {
    fn text(&mut self, side: Side, at: At, byte: u8, sink: &mut dyn Sink) {
        /// A character is taken back.
        const ERASE: [u8; 2] = [8, 127];
        let half = if side == Side::Client { &mut self.client } else { &mut self.server };
        match byte {
            b'\r' | b'\n' => {
                let line = std::mem::take(&mut half.line);
                if side == Side::Client && !line.is_empty() && std::mem::take(&mut self.is_asked) {
                    self.login(at, &line, sink);
                }
            }
            byte if ERASE.contains(&byte) => {
                half.line.pop();
            }
            0 => {}
            byte => {
                if half.line.len() >= LINE_BYTES_MAX {
                    half.line.clear();
                }
                half.line.push(byte);
                if side == Side::Server && byte == b':' {
                    let asked = half.line.to_ascii_lowercase();
                    let asks = |words: &[&[u8]]| words.iter().any(|word| asked.ends_with(word));
                    self.is_asked = match self.is_asked {
                        true => !asks(&[b"assword:", b"passwd:"]),
                        false => asks(&[b"login:", b"username:", b"user name:"]) && !asks(&[b"last login:"]),
                    };
                }
            }
        }
    }

    fn login(&mut self, at: At, line: &[u8], sink: &mut dyn Sink) {
        self.logins = self.logins.saturating_add(1);
        if self.logins <= LOGINS_MAX {
            sink.fact(at, Field::User, &String::from_utf8_lossy(line));
        }
    }

    /// What the client says of its terminal and of its environment.
    fn values(&mut self, at: At, sink: &mut dyn Sink) {
        const IS: u8 = 0;
        /// A variable's name begins, and its value.
        const VARIABLE: [u8; 2] = [0, 3];
        const VALUE: u8 = 1;
        let values = std::mem::take(&mut self.client.values);
        match values.as_slice() {
            [TERMINAL, IS, terminal @ ..] if !terminal.is_empty() => {
                sink.fact(at, Field::Detail, &format!("terminal={}", String::from_utf8_lossy(terminal)));
            }
            [ENVIRONMENT, IS, rest @ ..] => {
                for variable in rest.split(|byte| VARIABLE.contains(byte)) {
                    let mut parts = variable.splitn(2, |byte| *byte == VALUE);
                    if let (Some(b"USER"), Some(user)) = (parts.next(), parts.next()) {
                        self.login(at, user, sink);
                    }
                }
            }
            _ => {}
        }
    }
}

/// It begins with options, on either side: several, since other protocols have bytes like these.
fn probe(opening: &Opening<'_>) -> Probe {
    let begins = |said: &[u8]| said.first() == Some(&COMMAND);
    let said = if begins(opening.client) { opening.client } else { opening.server };
    let option = |place: usize| {
        let is = |place: usize, fits: fn(&u8) -> bool| said.get(place).is_none_or(fits);
        is(place, |byte| *byte == COMMAND)
            && is(place + 1, |byte| (WILL..=DO_NOT).contains(byte))
            && is(place + 2, |byte| *byte < 50)
    };
    match said.len() {
        _ if !opening.is_stream => Probe::No,
        0 if opening.client.is_empty() => Probe::More,
        0 => Probe::No,
        _ if !option(0) => Probe::No,
        1 | 2 => Probe::More,
        3 => Probe::Maybe,
        4 | 5 if !option(3) => Probe::Maybe,
        4 | 5 => Probe::More,
        _ if option(3) => Probe::Yes,
        // One option, and text.
        _ => Probe::Maybe,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collected::Said;
    use crate::protocols::vectors::check;

    /// RFC 854, RFC 1091, RFC 1572; and a login as systems ask for it.
    #[test]
    fn who_logs_in_on_what() {
        check(
            &RECOGNISED,
            &[
                Said::Server(b"\xff\xfd\x18\xff\xfd\x27\xff\xfb\x01"),
                Said::Client(b"\xff\xfb\x18\xff\xfb\x27"),
                Said::Server(b"\xff\xfa\x18\x01\xff\xf0\r\nBusyBox login: "),
                Said::Client(b"\xff\xfa\x18\0XTERM\xff\xf0\xff\xfa\x27\0\0USER\x01bob\0DISPLAY\x01x:0\xff\xf0"),
                Said::Client(b"rooo\x7ft\r\0"),
                Said::Server(b"rooo\x08t\r\nPassword: "),
                Said::Client(b"xc3511\r\n"),
                Said::Server(b"\r\nLast login: today\r\n# "),
                Said::Client(b"wget x\r\n"),
            ],
            &[(Field::Detail, "terminal=XTERM"), (Field::User, "bob"), (Field::User, "root")],
        );
    }

    #[test]
    fn openings() {
        let check = |client: &[u8], server: &[u8], expected: Probe| {
            let opening =
                Opening { client, server, first: Side::Server, client_port: 1, server_port: 23, is_stream: true };
            assert_eq!(probe(&opening), expected, "{client:?} {server:?}");
        };
        check(b"", b"\xff\xfd\x18\xff\xfd\x20", Probe::Yes);
        check(b"", b"\xff\xfd\x18", Probe::Maybe);
        check(b"", b"\xff\xfd\x18\xff", Probe::More);
        check(b"", b"\xff\xfd", Probe::More);
        check(b"", b"\xff\xd8\xff\xe0\0\x10JFIF", Probe::No);
        check(b"x", b"login: ", Probe::No);
    }
}
