//! FTP (RFC 959): who logs in, and which files go over which connections, active and passive, IPv4 and IPv6 (RFC 2428).
//! REST, SIZE, MLSD (RFC 3659), AUTH TLS (RFC 4217).

mod address;
mod probe;
#[cfg(test)]
mod tests;

use packet::Address;

use super::line::Lines;
use super::{Parties, Protocol, Recognised, Step};
use crate::{At, Ends, Expected, Field, FileStart, Side, Sink};

/// FTP's control connection, as it is recognised.
pub(crate) const RECOGNISED: Recognised =
    Recognised { name: "ftp", probe: probe::probe, begin: |parties| Box::new(Ftp::new(parties)) };

/// What the data connections are called.
const DATA: &str = "ftp-data";

/// A command or reply.
const LINE_BYTES_MAX: usize = 8 << 10;

/// The working directory, as far as it is known.
const PATH_BYTES_MAX: usize = 4 << 10;

struct Ftp {
    parties: Parties,
    client: Lines,
    server: Lines,
    /// Where the data connection goes to, and whose end that is.
    place: Option<(Address, u16, Side)>,
    /// A transfer that was asked for before its place was known.
    transfer: Option<Transfer>,
    /// What the client has changed to, and what it asks for.
    folder: String,
    folder_asked: Option<String>,
    /// The file whose size was asked for, and its size.
    size: Option<(String, Option<u64>)>,
    offset: u64,
    is_binary: bool,
    is_greeted: bool,
}

#[derive(Clone)]
struct Transfer {
    file: FileStart,
    sender: Side,
}

impl Ftp {
    fn new(parties: &Parties) -> Self {
        Self {
            parties: *parties,
            client: Lines::new(LINE_BYTES_MAX),
            server: Lines::new(LINE_BYTES_MAX),
            place: None,
            transfer: None,
            folder: String::new(),
            folder_asked: None,
            size: None,
            offset: 0,
            is_binary: false,
            is_greeted: false,
        }
    }

    fn command(&mut self, at: At, line: &[u8], sink: &mut dyn Sink) {
        let line = String::from_utf8_lossy(line);
        // Telnet's signals may stand before ABOR and its like (RFC 959 4.1.3).
        let line = line.trim_start_matches(|sign: char| !sign.is_ascii_alphabetic()).trim_end();
        let (verb, argument) = line.split_once(' ').unwrap_or((line, ""));
        let verb = verb.to_ascii_uppercase();
        match verb.as_str() {
            "USER" => tell(at, Field::User, argument, sink),
            "PORT" => self.place(address::port(argument), Side::Client, at, sink),
            "EPRT" => self.place(address::extended_port(argument), Side::Client, at, sink),
            "PASV" | "EPSV" => self.place = None,
            "TYPE" => self.is_binary = argument.trim_start().starts_with(['I', 'i', 'L', 'l']),
            "REST" => self.offset = argument.trim().parse().unwrap_or(0),
            "SIZE" => self.size = Some((argument.to_owned(), None)),
            "CWD" | "XCWD" => self.folder_asked = Some(joined(&self.folder, argument)),
            "CDUP" | "XCUP" => self.folder_asked = Some(joined(&self.folder, "..")),
            "RETR" => self.transfers(at, Some(argument), Side::Server, sink),
            "STOR" | "APPE" | "STOU" => self.transfers(at, Some(argument), Side::Client, sink),
            "LIST" | "NLST" | "MLSD" => self.transfers(at, None, Side::Server, sink),
            _ => {}
        }
        if matches!(
            verb.as_str(),
            "RETR" | "STOR" | "APPE" | "STOU" | "DELE" | "RNFR" | "RNTO" | "MKD" | "RMD" | "SITE"
        ) {
            sink.fact(at, Field::Detail, &format!("{}={argument}", verb.to_ascii_lowercase()));
        }
    }

    fn reply(&mut self, at: At, line: &[u8], sink: &mut dyn Sink) -> Step {
        let Some((code, text)) = line.split_at_checked(3) else { return Step::Go };
        let text = String::from_utf8_lossy(text);
        // Of several lines the last has a space behind its code; a multi-line reply's first has the text that matters.
        let is_last = !text.starts_with('-');
        let text = text.get(1..).unwrap_or_default();
        match code {
            b"220" if !std::mem::replace(&mut self.is_greeted, true) => tell(at, Field::Software, text, sink),
            b"213" => {
                if let Some((_, size @ None)) = &mut self.size {
                    *size = text.trim().parse().ok();
                }
            }
            b"215" => tell(at, Field::Detail, &format!("system={text}"), sink),
            b"227" => self.place(address::passive(text), Side::Server, at, sink),
            b"229" => {
                let place = address::extended_passive(text).map(|port| (self.parties.server, port));
                self.place(place, Side::Server, at, sink);
            }
            b"230" if is_last => sink.fact(at, Field::Detail, "login=accepted"),
            b"234" if is_last => {
                sink.fact(at, Field::Detail, "starttls");
                return Step::Turns(0);
            }
            b"250" | b"200" if is_last => {
                if let Some(folder) = self.folder_asked.take() {
                    self.folder = folder;
                }
            }
            b"257" => {
                if let Some(path) = quoted(text).filter(|path| path.starts_with('/') && path.len() <= PATH_BYTES_MAX) {
                    self.folder = path;
                }
            }
            [b'4' | b'5', ..] if is_last => self.folder_asked = None,
            _ => {}
        }
        Step::Go
    }

    fn place(&mut self, place: Option<(Address, u16)>, side: Side, at: At, sink: &mut dyn Sink) {
        self.place = place.map(|(address, port)| (address, port, side));
        if let Some(transfer) = self.transfer.take() {
            self.expect(at, transfer, sink);
        }
    }

    fn transfers(&mut self, at: At, name: Option<&str>, sender: Side, sink: &mut dyn Sink) {
        let offset = std::mem::take(&mut self.offset);
        let size =
            self.size.take().filter(|(of, _)| self.is_binary && Some(of.as_str()) == name).and_then(|(_, size)| size);
        let is_named = name.is_some_and(|name| !name.is_empty());
        let size = size.filter(|_| sender == Side::Server);
        // A retrieval that goes on where another broke off: of the same size, or it is another file by now.
        let joins = name
            .zip(size)
            .map(|(name, size)| format!("ftp {} {} {size}", self.parties.server.to_ip(), joined(&self.folder, name)));
        let file = FileStart {
            protocol: DATA,
            name: name.filter(|_| is_named).map(str::to_owned),
            size,
            offset,
            joins,
            ..FileStart::default()
        };
        let transfer = Transfer { file, sender };
        if self.place.is_some() {
            self.expect(at, transfer, sink);
        } else {
            self.transfer = Some(transfer);
        }
    }

    fn expect(&mut self, at: At, transfer: Transfer, sink: &mut dyn Sink) {
        let Some((address, port, side)) = self.place else { return };
        let own = match side {
            Side::Client => self.parties.client,
            Side::Server => self.parties.server,
        };
        // Behind address translation the address that is said is not the one that is seen.
        let elsewhere = (own != address).then_some(own);
        for address in elsewhere.into_iter().chain([address]) {
            sink.expect(
                at,
                Expected {
                    address,
                    port,
                    proto: 6,
                    protocol: DATA,
                    file: transfer.file.clone(),
                    is_sender: Some(transfer.sender == side),
                },
            );
        }
    }
}

impl Protocol for Ftp {
    fn data(&mut self, side: Side, at: At, data: &[u8], sink: &mut dyn Sink) -> Step {
        let mut rest = data;
        while !rest.is_empty() {
            let lines = match side {
                Side::Client => &mut self.client,
                Side::Server => &mut self.server,
            };
            let (taken, line) = lines.take(rest);
            if let Some(line) = line.map(<[u8]>::to_vec) {
                match side {
                    Side::Client => self.command(at, &line, sink),
                    Side::Server => {
                        if let Step::Turns(_) = self.reply(at, &line, sink) {
                            return Step::Turns(data.len() - rest.len() + taken);
                        }
                    }
                }
            }
            rest = rest.get(taken..).unwrap_or_default();
        }
        Step::Go
    }

    fn gap(&mut self, side: Side, _at: At, _bytes: u64, _sink: &mut dyn Sink) -> Step {
        match side {
            Side::Client => self.client.gap(),
            Side::Server => self.server.gap(),
        }
        self.is_greeted = true;
        Step::Go
    }

    fn end(&mut self, _side: Side, _at: At, _ends: Ends, _sink: &mut dyn Sink) {}

    fn held_bytes(&self) -> usize {
        self.client.held_bytes() + self.server.held_bytes() + self.folder.capacity()
    }
}

/// A path as seen from a folder; both as the client writes them.
fn joined(folder: &str, path: &str) -> String {
    let path = path.trim();
    if path.starts_with('/') || folder.len() + path.len() > PATH_BYTES_MAX {
        return path.get(..PATH_BYTES_MAX).unwrap_or(path).to_owned();
    }
    if path == ".." {
        return folder.rsplit_once('/').map_or("", |(parent, _)| parent).to_owned();
    }
    format!("{}/{path}", folder.trim_end_matches('/'))
}

/// The path within quotes, where quotes are doubled (RFC 959 appendix II).
fn quoted(text: &str) -> Option<String> {
    let (_, rest) = text.split_once('"')?;
    let end = rest.rfind('"')?;
    rest.get(..end).map(|path| path.replace("\"\"", "\""))
}

fn tell(at: At, field: Field, text: &str, sink: &mut dyn Sink) {
    if !text.trim().is_empty() {
        sink.fact(at, field, text.trim());
    }
}
