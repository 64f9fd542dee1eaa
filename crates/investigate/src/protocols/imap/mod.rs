//! IMAP (RFC 3501, RFC 9051): who reads mail, and the mails: FETCH of whole mails and of parts, in one piece or in several,
//! and APPEND. LITERAL+ (RFC 7888), BINARY (RFC 3516), ID (RFC 2971), STARTTLS, AUTHENTICATE.

mod client;
mod fetched;
mod probe;
mod section;
mod server;
mod structure;
#[cfg(test)]
mod tests;

use self::client::Client;
use self::server::Server;
use super::{Protocol, Recognised, Step};
use crate::{At, Ends, Field, Side, Sink};

/// IMAP, as it is recognised.
pub(crate) const RECOGNISED: Recognised =
    Recognised { name: "imap", probe: probe::probe, begin: |_| Box::new(Imap::default()) };

/// A line of a command or response; structures of mails with many parts are long.
const LINE_BYTES_MAX: usize = 64 << 10;

#[derive(Default)]
struct Imap {
    client: Client,
    server: Server,
}

/// What a line from the server means for both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    No,
    Tls,
    Compressed,
}

impl Protocol for Imap {
    fn data(&mut self, side: Side, at: At, data: &[u8], sink: &mut dyn Sink) -> Step {
        let mut rest = data;
        while !rest.is_empty() {
            let (taken, turn) = match side {
                Side::Client => (self.client.data(at, rest, &mut self.server.fetched, sink), Turn::No),
                Side::Server => self.server.data(at, rest, &mut self.client, sink),
            };
            if turn != Turn::No {
                self.client.end(at, sink);
                self.server.fetched.clear(at, sink);
            }
            match turn {
                Turn::No => {}
                Turn::Tls => {
                    sink.fact(at, Field::Detail, "starttls");
                    return Step::Turns(data.len() - rest.len() + taken);
                }
                Turn::Compressed => {
                    sink.fact(at, Field::Detail, "compress=deflate");
                    return Step::Done;
                }
            }
            rest = rest.get(taken..).unwrap_or_default();
        }
        Step::Go
    }

    fn gap(&mut self, side: Side, at: At, bytes: u64, sink: &mut dyn Sink) -> Step {
        match side {
            Side::Client => self.client.gap(at, bytes, sink),
            Side::Server => self.server.gap(at, bytes, sink),
        }
        Step::Go
    }

    fn end(&mut self, side: Side, at: At, _ends: Ends, sink: &mut dyn Sink) {
        match side {
            Side::Client => self.client.end(at, sink),
            Side::Server => self.server.fetched.clear(at, sink),
        }
    }

    fn held_bytes(&self) -> usize {
        self.client.held_bytes() + self.server.held_bytes()
    }
}

/// The product that an ID command or response names: `("name" "x" "version" "1")`.
fn tell_product(at: At, list: &[u8], sink: &mut dyn Sink) {
    let words = client::strings(list);
    let value = |key: &[u8]| {
        let pair = words.chunks_exact(2).find(|pair| pair.first().is_some_and(|name| name.eq_ignore_ascii_case(key)));
        pair.and_then(|pair| pair.get(1)).map(|text| String::from_utf8_lossy(text).into_owned())
    };
    let product: Vec<String> = [value(b"name"), value(b"version")].into_iter().flatten().collect();
    tell(at, Field::Software, product.join(" ").as_bytes(), sink);
}

fn tell(at: At, field: Field, text: &[u8], sink: &mut dyn Sink) {
    let text = String::from_utf8_lossy(text);
    if !text.trim().is_empty() {
        sink.fact(at, field, text.trim());
    }
}
