//! RFB, the protocol of VNC (RFC 6143): how one logs in, and whose desktop it is.

use super::cutter::{Length, Talk, Talking};
use super::{Opening, Probe, Recognised, Step};
use crate::{At, Field, Side, Sink};

pub(crate) const RECOGNISED: Recognised =
    Recognised { name: "rfb", probe, begin: |_| Box::new(Talking::new(Rfb::default())) };

/// Such as "RFB 003.008\n".
const VERSION_BYTES: usize = 12;
/// Kinds of security (RFC 6143, 7.1.2, and IANA's list).
const INVALID: u8 = 0;
const NONE: u8 = 1;
const VNC: u8 = 2;

#[derive(Default)]
struct Rfb {
    /// The lower of both sides' versions, which is spoken: 3.3, 3.7 or 3.8.
    minor: u32,
    client: Next,
    server: Next,
}

/// What a side says next.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Next {
    #[default]
    Version,
    /// Nothing, before the other side has said something.
    Nothing,
    /// Which kinds of security there are, or the one that is taken.
    Security,
    /// Why there is none.
    Reason,
    /// What is to be encrypted with the password; and the same encrypted.
    Challenge,
    /// What became of it.
    Verdict,
    /// Whose desktop it is.
    Desktop,
    /// Whatever: it matters to nobody.
    Rest,
}

impl Talk for Rfb {
    const KEPT_BYTES_MAX: usize = 4096;

    fn length(&self, side: Side, head: &[u8]) -> Length {
        let text = |place: usize| match head.get(place..).and_then(<[u8]>::first_chunk) {
            None => Length::More,
            Some(bytes) => usize::try_from(u32::from_be_bytes(*bytes))
                .map_or(Length::Broken, |bytes| Length::Whole(bytes.saturating_add(place + 4))),
        };
        match (side, self.next(side)) {
            (_, Next::Version) => Length::Whole(VERSION_BYTES),
            (_, Next::Nothing) => Length::Broken,
            (Side::Client, Next::Security) => Length::Whole(1),
            (Side::Server, Next::Security) if self.minor < 7 => Length::Whole(4),
            (Side::Server, Next::Security) => {
                head.first().map_or(Length::More, |kinds| Length::Whole(1 + usize::from(*kinds)))
            }
            (_, Next::Reason) => text(0),
            (_, Next::Challenge) => Length::Whole(16),
            (_, Next::Verdict) => Length::Whole(4),
            (_, Next::Desktop) => text(20),
            (_, Next::Rest) => Length::Head(head.len()),
        }
    }

    fn message(&mut self, side: Side, at: At, message: &[u8], is_whole: bool, sink: &mut dyn Sink) -> Step {
        let told = match (side, self.next(side)) {
            (_, Next::Rest) => return Step::Go,
            (Side::Client, _) if !is_whole => return Step::Lost,
            (Side::Client, _) => self.asked(at, message, sink),
            (Side::Server, _) => self.answered(at, message, sink),
        };
        if told.is_some() { Step::Go } else { Step::Done }
    }
}

impl Rfb {
    fn next(&self, side: Side) -> Next {
        if side == Side::Client { self.client } else { self.server }
    }

    /// What the client says; `None` if nothing more can be followed.
    fn asked(&mut self, at: At, message: &[u8], sink: &mut dyn Sink) -> Option<()> {
        self.client = match self.client {
            Next::Version => {
                self.minor = match version(message)?.min(self.minor) {
                    ..7 => 3,
                    7 => 7,
                    _ => 8,
                };
                sink.fact(at, Field::Version, &format!("RFB 3.{}", self.minor));
                if self.minor < 7 { Next::Nothing } else { Next::Security }
            }
            Next::Security => {
                let kind = *message.first()?;
                self.server = self.takes(at, kind, sink)?;
                if kind == VNC { Next::Challenge } else { Next::Rest }
            }
            _ => Next::Rest,
        };
        Some(())
    }

    fn answered(&mut self, at: At, message: &[u8], sink: &mut dyn Sink) -> Option<()> {
        self.server = match self.server {
            Next::Version => {
                self.minor = version(message)?;
                Next::Security
            }
            Next::Security if self.minor < 7 => {
                let kind = *message.get(3)?;
                self.client = if kind == VNC { Next::Challenge } else { Next::Rest };
                self.takes(at, kind, sink)?
            }
            Next::Security => match message.split_first()? {
                (_, []) => Next::Reason,
                (_, kinds) => {
                    kinds.iter().for_each(|kind| {
                        sink.fact(at, Field::Detail, &format!("offered={}", security(*kind)));
                    });
                    Next::Nothing
                }
            },
            Next::Challenge => Next::Verdict,
            Next::Verdict if message.ends_with(&[0; 4]) => Next::Desktop,
            Next::Verdict => {
                sink.fact(at, Field::Detail, "login=failed");
                if self.minor < 8 {
                    return None;
                }
                Next::Reason
            }
            Next::Reason => {
                sink.fact(at, Field::Detail, &format!("refused={}", text(message.get(4..)?)));
                return None;
            }
            Next::Desktop => {
                sink.fact(at, Field::Detail, &format!("desktop={}", text(message.get(24..)?)));
                return None;
            }
            Next::Nothing | Next::Rest => return None,
        };
        Some(())
    }

    /// A kind of security is taken: what the server says then.
    fn takes(&mut self, at: At, kind: u8, sink: &mut dyn Sink) -> Option<Next> {
        sink.fact(at, Field::Detail, &format!("security={}", security(kind)));
        match kind {
            INVALID => Some(Next::Reason),
            NONE if self.minor >= 8 => Some(Next::Verdict),
            NONE => Some(Next::Desktop),
            VNC => Some(Next::Challenge),
            // What follows is encrypted, or of that kind's own.
            _ => None,
        }
    }
}

fn security(kind: u8) -> String {
    let name = match kind {
        NONE => "none",
        VNC => "vnc",
        5 | 6 | 13 | 129..=133 => "ra2",
        16 => "tight",
        18 => "tls",
        19 => "vencrypt",
        20 => "sasl",
        30..=36 => "apple",
        kind => return kind.to_string(),
    };
    name.to_owned()
}

/// The second number of a version; the first is always 3, but that of some servers is their own product's.
fn version(message: &[u8]) -> Option<u32> {
    let digits = message.strip_prefix(b"RFB ")?.strip_suffix(b"\n")?;
    let (first, second) = (digits.get(..3)?, digits.get(4..)?);
    let number = |digits: &[u8]| std::str::from_utf8(digits).ok()?.parse::<u32>().ok();
    if number(first)? > 3 { Some(8) } else { number(second) }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The server's version, which it says first.
fn probe(opening: &Opening<'_>) -> Probe {
    const FORM: &[u8; VERSION_BYTES] = b"RFB 000.000\n";
    let fits = |said: &[u8]| {
        said.iter().zip(FORM).all(|(byte, form)| if *form == b'0' { byte.is_ascii_digit() } else { byte == form })
    };
    match (opening.server, opening.client) {
        _ if !opening.is_stream => Probe::No,
        (server, client) if !fits(server) || !fits(client) => Probe::No,
        (server, _) if server.len() >= VERSION_BYTES => Probe::Yes,
        (_, client) if client.len() >= VERSION_BYTES => Probe::Yes,
        _ => Probe::More,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collected::Said;
    use crate::protocols::vectors::check;

    fn desktop() -> Vec<u8> {
        [&[4, 0, 3, 0][..], &[0; 16], b"\0\0\0\x05bob:1"].concat()
    }

    /// RFC 6143, 7.1 and 7.3.
    #[test]
    fn versions_and_kinds_of_security() {
        let desktop = desktop();
        let response = [7; 16];
        let facts = |version, details: &[&'static str]| {
            let details = details.iter().map(|detail| (Field::Detail, *detail));
            [(Field::Version, version)].into_iter().chain(details).collect::<Vec<_>>()
        };
        let begin = [Said::Server(b"RFB 003.008\n"), Said::Client(b"RFB 003.008\n"), Said::Server(b"\x02\x02\x13")];
        let vnc = [Said::Client(b"\x02"), Said::Server(&response), Said::Client(&response)];
        let granted = [Said::Server(b"\0\0\0\0"), Said::Client(b"\x01"), Said::Server(&desktop)];
        let offered = ["offered=vnc", "offered=vencrypt", "security=vnc", "desktop=bob:1"];
        check(&RECOGNISED, &[&begin[..], &vnc, &granted].concat(), &facts("RFB 3.8", &offered));
        let refused = [Said::Server(b"\0\0\0\x01\0\0\0\x07too bad")];
        let expected = ["offered=vnc", "offered=vencrypt", "security=vnc", "login=failed", "refused=too bad"];
        check(&RECOGNISED, &[&begin[..], &vnc, &refused].concat(), &facts("RFB 3.8", &expected));
        let old = [Said::Server(b"RFB 003.008\n"), Said::Client(b"RFB 003.003\n"), Said::Server(b"\0\0\0\x01")];
        let rest = [Said::Client(b"\x01"), Said::Server(&desktop)];
        check(&RECOGNISED, &[&old[..], &rest].concat(), &facts("RFB 3.3", &["security=none", "desktop=bob:1"]));
        let none = [Said::Server(b"RFB 004.001\n"), Said::Client(b"RFB 003.889\n"), Said::Server(b"\0\0\0\0\x02no")];
        check(&RECOGNISED, &none, &facts("RFB 3.8", &["refused=no"]));
    }
}
