//! POP3 (RFC 1939): who fetches mail, and the mails. CAPA (RFC 2449), STLS (RFC 2595), AUTH (RFC 5034).

use std::collections::VecDeque;

use super::dotted::Dotted;
use super::line::Lines;
use super::mime::Message;
use super::sasl::Exchange;
use super::{Opening, Probe, Protocol, Recognised, Step};
use crate::{At, Ends, Field, Side, Sink};

/// POP3, as it is recognised.
pub(crate) const RECOGNISED: Recognised = Recognised { name: "pop3", probe, begin: |_| Box::new(Pop3::new()) };

/// A command or status line (RFC 1939 allows 512, AUTH more).
const LINE_BYTES_MAX: usize = 16 << 10;

/// Commands that wait for their answer.
const WAITING_MAX: usize = 1024;

struct Pop3 {
    client: Lines,
    server: Lines,
    login: Option<Exchange>,
    waiting: VecDeque<Waiting>,
    answer: Answer,
    is_greeted: bool,
    has_gap: bool,
}

/// What a status line will answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waiting {
    /// One line.
    Line,
    /// Several, up to a dot.
    Lines,
    /// A mail, whole or (TOP) its beginning.
    Mail {
        is_whole: bool,
    },
    Login,
    StartTls,
}

/// What the server's next bytes are.
enum Answer {
    Status,
    Lines(Dotted),
    Mail { dotted: Dotted, message: Box<Message>, is_whole: bool },
}

impl Pop3 {
    fn new() -> Self {
        Self {
            client: Lines::new(LINE_BYTES_MAX),
            server: Lines::new(LINE_BYTES_MAX),
            login: None,
            waiting: VecDeque::new(),
            answer: Answer::Status,
            is_greeted: false,
            has_gap: false,
        }
    }

    fn command(&mut self, at: At, line: &[u8], sink: &mut dyn Sink) {
        if let Some(exchange) = &mut self.login {
            exchange.response(line, at, sink);
            return;
        }
        if self.has_gap && self.waiting.is_empty() {
            self.end_answer(at, Ends::CutOff, sink);
        }
        let mut words = line.split(|&byte| byte == b' ').filter(|word| !word.is_empty());
        let verb = words.next().unwrap_or_default().to_ascii_uppercase();
        let argument = words.next();
        let waiting = match verb.as_slice() {
            b"RETR" => Waiting::Mail { is_whole: true },
            b"TOP" => Waiting::Mail { is_whole: false },
            b"LIST" | b"UIDL" if argument.is_none() => Waiting::Lines,
            b"CAPA" => Waiting::Lines,
            b"STLS" => Waiting::StartTls,
            b"AUTH" => match argument {
                None => Waiting::Lines,
                Some(mechanism) => {
                    let mut exchange = Exchange::new(mechanism);
                    exchange.response(words.next().unwrap_or_default(), at, sink);
                    self.login = Some(exchange);
                    Waiting::Login
                }
            },
            b"USER" | b"APOP" => {
                fact(at, Field::User, argument.unwrap_or_default(), sink);
                Waiting::Line
            }
            _ => Waiting::Line,
        };
        if self.waiting.len() < WAITING_MAX {
            self.waiting.push_back(waiting);
        }
    }

    /// A status line; true when both sides turn to TLS.
    fn status(&mut self, at: At, line: &[u8], sink: &mut dyn Sink) -> bool {
        let is_ok = line.starts_with(b"+OK");
        if !is_ok && !line.starts_with(b"-ERR") {
            // A challenge, or what a gap left of an answer.
            return false;
        }
        if !std::mem::replace(&mut self.is_greeted, true) && self.waiting.is_empty() {
            fact(at, Field::Software, line.get(3..).unwrap_or_default(), sink);
            return false;
        }
        let waiting = self.waiting.pop_front().unwrap_or(Waiting::Line);
        if waiting == Waiting::Login {
            self.login = None;
        }
        match waiting {
            Waiting::Lines if is_ok => self.answer = Answer::Lines(Dotted::default()),
            Waiting::Mail { is_whole } if is_ok => {
                let message = Box::new(Message::begin(at, RECOGNISED.name, Side::Server, sink));
                self.answer = Answer::Mail { dotted: Dotted::default(), message, is_whole };
            }
            _ => {}
        }
        is_ok && waiting == Waiting::StartTls
    }

    fn end_answer(&mut self, at: At, ends: Ends, sink: &mut dyn Sink) {
        if let Answer::Mail { message, is_whole, .. } = std::mem::replace(&mut self.answer, Answer::Status) {
            message.end(at, if is_whole { ends } else { Ends::CutOff }, sink);
        }
        self.has_gap = false;
    }

    /// Takes some of the server's bytes: how many, and whether both sides turn to TLS.
    fn answer(&mut self, at: At, data: &[u8], sink: &mut dyn Sink) -> (usize, bool) {
        let end = match &mut self.answer {
            Answer::Status => {
                let (taken, line) = self.server.take(data);
                let line = line.map(<[u8]>::to_vec);
                let turns = line.is_some_and(|line| self.status(at, &line, sink));
                return (taken, turns);
            }
            Answer::Lines(dotted) => dotted.data(data, |_| {}),
            Answer::Mail { dotted, message, .. } => dotted.data(data, |text| message.data(at, text, sink)),
        };
        match end {
            Some(end) => {
                self.end_answer(at, Ends::Whole, sink);
                (end, false)
            }
            None => (data.len(), false),
        }
    }
}

impl Protocol for Pop3 {
    fn data(&mut self, side: Side, at: At, data: &[u8], sink: &mut dyn Sink) -> Step {
        let mut rest = data;
        while !rest.is_empty() {
            let (taken, turns) = match side {
                Side::Client => {
                    let (taken, line) = self.client.take(rest);
                    if let Some(line) = line.map(<[u8]>::to_vec) {
                        self.command(at, &line, sink);
                    }
                    (taken, false)
                }
                Side::Server => self.answer(at, rest, sink),
            };
            if turns {
                sink.fact(at, Field::Detail, "starttls");
                return Step::Turns(data.len() - rest.len() + taken);
            }
            rest = rest.get(taken..).unwrap_or_default();
        }
        Step::Go
    }

    fn gap(&mut self, side: Side, at: At, bytes: u64, sink: &mut dyn Sink) -> Step {
        match (side, &mut self.answer) {
            (Side::Client, _) => {
                self.client.gap();
                self.login = None;
            }
            (Side::Server, Answer::Status) => {
                self.server.gap();
                self.waiting.clear();
                self.is_greeted = true;
            }
            (Side::Server, Answer::Lines(dotted)) => {
                dotted.gap();
                self.has_gap = true;
            }
            (Side::Server, Answer::Mail { dotted, message, .. }) => {
                dotted.gap();
                message.gap(at, bytes, sink);
                self.has_gap = true;
            }
        }
        Step::Go
    }

    fn end(&mut self, side: Side, at: At, _ends: Ends, sink: &mut dyn Sink) {
        if side == Side::Server {
            self.end_answer(at, Ends::CutOff, sink);
        }
    }

    fn held_bytes(&self) -> usize {
        let message = match &self.answer {
            Answer::Mail { message, .. } => message.held_bytes(),
            Answer::Status | Answer::Lines(_) => 0,
        };
        message + self.client.held_bytes() + self.server.held_bytes()
    }
}

fn probe(opening: &Opening<'_>) -> Probe {
    if !opening.is_stream {
        return Probe::No;
    }
    let client = opening.client.to_ascii_uppercase();
    let verbs = [
        &b"CAPA\r\n"[..],
        b"USER ",
        b"APOP ",
        b"STLS\r\n",
        b"AUTH",
        b"PASS ",
        b"STAT\r\n",
        b"UIDL",
        b"LIST",
        b"RETR ",
        b"TOP ",
        b"QUIT\r\n",
    ];
    let is_verb = verbs.iter().any(|verb| client.starts_with(verb));
    let is_beginning = verbs.iter().any(|verb| verb.starts_with(&client));
    let status = [&b"+OK"[..], b"-ERR"];
    if status.iter().any(|status| opening.server.starts_with(status)) {
        // Redis says "+OK" too, but not before it has been asked.
        return match (is_verb, is_beginning) {
            (true, _) => Probe::Yes,
            (false, true) if client.is_empty() && opening.server.contains(&b' ') => Probe::Yes,
            (false, true) => Probe::More,
            (false, false) => Probe::No,
        };
    }
    let may_follow = status.iter().any(|status| status.starts_with(opening.server));
    match (may_follow, is_verb || is_beginning) {
        (true, true) => Probe::More,
        _ => Probe::No,
    }
}

fn fact(at: At, field: Field, text: &[u8], sink: &mut dyn Sink) {
    let text = String::from_utf8_lossy(text);
    if !text.trim().is_empty() {
        sink.fact(at, field, text.trim());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collected::{Collected, Said};

    #[test]
    fn the_conversation_of_rfc_1939() {
        let collected = Collected::cut_everywhere(
            RECOGNISED.begin,
            &[
                Said::Server(b"+OK POP3 server ready <1896.697170952@dbc.mtview.ca.us>\r\n"),
                Said::Client(b"APOP mrose c4c9334bac560ecc979e58001b3e22fb\r\n"),
                Said::Server(b"+OK mrose's maildrop has 2 messages (320 octets)\r\n"),
                Said::Client(b"STAT\r\nLIST\r\nRETR 1\r\nTOP 2 0\r\nRETR 3\r\n"),
                Said::Server(b"+OK 2 320\r\n+OK 2 messages (320 octets)\r\n1 120\r\n2 200\r\n.\r\n"),
                Said::Server(
                    b"+OK 120 octets\r\nFrom: a@b.example\r\n\r\n..x\r\n.\r\n+OK\r\nFrom: c@d.example\r\n\r\n.\r\n",
                ),
                Said::Server(b"-ERR no such message\r\n"),
                Said::Client(b"QUIT\r\n"),
                Said::Server(b"+OK bye\r\n"),
            ],
        );
        let named = collected.named();
        assert_eq!(named.len(), 3);
        assert_eq!(named[0].1, "From: a@b.example\r\n\r\n.x\r\n");
        assert_eq!(named[1].1, ".x\r\n");
        assert_eq!(named[2].1, "From: c@d.example\r\n\r\n");
        assert_eq!(collected.files[0].ends, Some(Ends::Whole));
        assert_eq!(collected.files[2].ends, Some(Ends::CutOff));
        assert_eq!(collected.all(Field::User), ["mrose"]);
        assert_eq!(collected.all(Field::MailFrom), ["a@b.example", "c@d.example"]);
    }

    #[test]
    fn stls_turns() {
        let script = [Said::Server(b"+OK hi\r\n"), Said::Client(b"STLS\r\n"), Said::Server(b"+OK\r\n")];
        assert!(Collected::cut_everywhere(RECOGNISED.begin, &script).turned.is_some());
    }

    #[test]
    fn openings() {
        let check = |client: &str, server: &str, expected: Probe| {
            let (client, server) = (client.as_bytes(), server.as_bytes());
            let opening =
                Opening { client, server, first: Side::Server, client_port: 1, server_port: 2, is_stream: true };
            assert_eq!(probe(&opening), expected, "{opening:?}");
        };
        check("", "+OK Dovecot ready.\r\n", Probe::Yes);
        check("", "+OK\r\n", Probe::More);
        check("CAPA\r\n", "+OK\r\n", Probe::Yes);
        check("*1\r\n$4\r\nPING\r\n", "+OK\r\n", Probe::No);
        check("", "+", Probe::More);
        check("USER x\r\n", "220 ftp\r\n", Probe::No);
    }
}
