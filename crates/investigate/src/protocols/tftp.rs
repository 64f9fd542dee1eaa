//! TFTP (RFC 1350): files, with the options of RFC 2347 to 2349 and RFC 7440. The answers come from another port.

use packet::Cursor;

use super::{Opening, Parties, Probe, Protocol, Recognised, Step};
use crate::{At, Body, Ends, Expected, Field, FileId, FileStart, Side, Sink};

/// TFTP, as it is recognised.
pub(crate) const RECOGNISED: Recognised =
    Recognised { name: "tftp", probe, begin: |parties| Box::new(Tftp::new(parties)) };

const READ: u16 = 1;
const WRITE: u16 = 2;
const DATA: u16 = 3;
const ACKNOWLEDGE: u16 = 4;
const ERROR: u16 = 5;
const OPTIONS: u16 = 6;

/// Bytes of a block, unless another size is agreed on.
const BLOCK_BYTES: u64 = 512;

/// Blocks that may be skipped: more is another transfer (RFC 7440 allows windows of 65535, nobody uses them).
const SKIPPED_MAX: u16 = 4096;

struct Tftp {
    parties: Parties,
    start: FileStart,
    is_text: bool,
    block_bytes: Option<u64>,
    transfer: Option<Transfer>,
}

/// A file on its way.
struct Transfer {
    file: FileId,
    sender: Side,
    /// Number of the block that comes next, counted on beyond 16 bits.
    next: u64,
    /// Bytes of the last block, if it was shorter than a block is.
    last: Option<u64>,
    text: Text,
    has_ended: bool,
}

/// The carriage return of netascii that may begin a line end.
#[derive(Default)]
struct Text {
    has_return: bool,
}

impl Tftp {
    fn new(parties: &Parties) -> Self {
        let start = FileStart { protocol: RECOGNISED.name, ..FileStart::default() };
        Self { parties: *parties, start, is_text: false, block_bytes: None, transfer: None }
    }

    fn request(&mut self, side: Side, at: At, request: &Request, sink: &mut dyn Sink) {
        self.finish(at, Ends::CutOff, sink);
        let sender = if request.is_read { side.other() } else { side };
        let (verb, name) = (if request.is_read { "read" } else { "write" }, &request.name);
        sink.fact(at, Field::Detail, &format!("{verb}={name}"));
        let size = request.size.filter(|size| *size > 0 && !request.is_text);
        // The mode is remembered in the type: the answering port knows no more than the file's start.
        let mime = request.is_text.then(|| NETASCII.to_owned());
        self.start =
            FileStart { name: Some(name.clone()), size, mime, is_encoded: request.is_text, ..self.start.clone() };
        self.is_text = request.is_text;
        self.block_bytes = None;
        let (address, port) = match side {
            Side::Client => (self.parties.client, self.parties.client_port),
            Side::Server => (self.parties.server, self.parties.server_port),
        };
        let file = FileStart { sender: None, ..self.start.clone() };
        let is_sender = Some(sender == side);
        sink.expect(at, Expected { address, port, proto: 17, protocol: RECOGNISED.name, file, is_sender });
    }

    fn options(&mut self, options: &[u8]) {
        let mut words = Words(options);
        while let (Some(name), Some(value)) = (words.next(), words.next()) {
            let value = value.parse().ok();
            match name.to_ascii_lowercase().as_str() {
                "blksize" => self.block_bytes = value.filter(|bytes| (1..=65464).contains(bytes)),
                "tsize" if !self.is_text => self.start.size = value.filter(|bytes| *bytes > 0).or(self.start.size),
                _ => {}
            }
        }
    }

    fn block(&mut self, side: Side, at: At, block: u16, data: &[u8], sink: &mut dyn Sink) {
        if self.transfer.is_none() {
            let start = FileStart { sender: Some(side), ..self.start.clone() };
            let (file, text) = (sink.file_start(at, start), Text::default());
            self.transfer = Some(Transfer { file, sender: side, next: 1, last: None, text, has_ended: false });
        }
        let Some(transfer) = self.transfer.as_mut().filter(|transfer| transfer.sender == side && !transfer.has_ended)
        else {
            return;
        };
        let bytes = data.len() as u64;
        let block_bytes = *self.block_bytes.get_or_insert(BLOCK_BYTES.max(bytes));
        let mut skipped = block.wrapping_sub(transfer.next as u16);
        if transfer.next > 1 && transfer.next as u16 == 0 && skipped == 1 {
            // Some count on from 1 after 65535.
            transfer.next += 1;
            skipped = 0;
        }
        if skipped > SKIPPED_MAX {
            // Told again, since its acknowledgement was lost.
            return;
        }
        if skipped > 0 {
            transfer.gap(u64::from(skipped) * block_bytes, self.is_text, sink);
        }
        transfer.next += u64::from(skipped) + 1;
        transfer.data(data, self.is_text, sink);
        transfer.last = (bytes < block_bytes).then_some(bytes);
    }

    /// The last block had all its bytes, or it was the file's end.
    fn settle(&mut self, at: At, sink: &mut dyn Sink) {
        if self.transfer.as_ref().is_some_and(|transfer| transfer.last.is_some()) {
            self.finish(at, Ends::Whole, sink);
        }
    }

    fn finish(&mut self, _at: At, ends: Ends, sink: &mut dyn Sink) {
        if let Some(transfer) = &mut self.transfer
            && !std::mem::replace(&mut transfer.has_ended, true)
        {
            sink.file_end(transfer.file, ends);
        }
        if ends == Ends::CutOff {
            self.transfer = None;
        }
    }
}

impl Transfer {
    fn data(&mut self, data: &[u8], is_text: bool, sink: &mut dyn Sink) {
        if is_text {
            sink.file_data(self.file, Body::Wire, data);
            sink.file_data(self.file, Body::Plain, &self.text.plain(data));
        } else {
            sink.file_data(self.file, Body::Plain, data);
        }
    }

    fn gap(&mut self, bytes: u64, is_text: bool, sink: &mut dyn Sink) {
        if is_text {
            sink.file_gap(self.file, Body::Wire, bytes);
        }
        sink.file_gap(self.file, Body::Plain, bytes);
    }
}

impl Protocol for Tftp {
    fn expected(&mut self, _at: At, expected: &Expected, _sink: &mut dyn Sink) {
        self.start = expected.file.clone();
        self.is_text = self.start.mime.as_deref() == Some(NETASCII);
    }

    fn data(&mut self, side: Side, at: At, data: &[u8], sink: &mut dyn Sink) -> Step {
        self.settle(at, sink);
        let mut cursor = Cursor::new(data);
        match cursor.u16() {
            Some(READ | WRITE) => {
                if let Some(request) = request(data) {
                    self.request(side, at, &request, sink);
                }
            }
            Some(DATA) => {
                if let Some(block) = cursor.u16() {
                    self.block(side, at, block, cursor.rest(), sink);
                }
            }
            Some(OPTIONS) => self.options(cursor.rest()),
            Some(ERROR) => {
                let text =
                    cursor.rest().get(2..).unwrap_or_default().split(|&byte| byte == 0).next().unwrap_or_default();
                sink.fact(at, Field::Detail, &format!("error={}", String::from_utf8_lossy(text)));
                self.finish(at, Ends::CutOff, sink);
            }
            _ => {}
        }
        Step::Go
    }

    fn gap(&mut self, side: Side, _at: At, bytes: u64, sink: &mut dyn Sink) -> Step {
        // The rest of the datagram that was just told.
        let (is_text, block_bytes) = (self.is_text, self.block_bytes);
        if let Some(transfer) = self.transfer.as_mut().filter(|transfer| transfer.sender == side && !transfer.has_ended)
            && let Some(last) = transfer.last
        {
            transfer.gap(bytes, is_text, sink);
            let known = block_bytes.unwrap_or(BLOCK_BYTES);
            transfer.last = Some(last + bytes).filter(|bytes| *bytes < known);
        }
        Step::Go
    }

    fn end(&mut self, side: Side, at: At, _ends: Ends, sink: &mut dyn Sink) {
        if self.transfer.as_ref().is_some_and(|transfer| transfer.sender == side) {
            self.settle(at, sink);
            self.finish(at, Ends::CutOff, sink);
        }
    }
}

/// How a file that goes as netascii is marked on its way to the answering port.
const NETASCII: &str = "text/x-netascii";

impl Text {
    /// Line ends of netascii undone: CR LF is a line end, CR NUL a carriage return (RFC 764).
    fn plain(&mut self, data: &[u8]) -> Vec<u8> {
        let mut plain = Vec::with_capacity(data.len());
        for &byte in data {
            if std::mem::take(&mut self.has_return) {
                match byte {
                    b'\n' => {}
                    0 => {
                        plain.push(b'\r');
                        continue;
                    }
                    _ => plain.push(b'\r'),
                }
            }
            match byte {
                b'\r' => self.has_return = true,
                _ => plain.push(byte),
            }
        }
        plain
    }
}

struct Request {
    is_read: bool,
    name: String,
    is_text: bool,
    size: Option<u64>,
}

fn request(data: &[u8]) -> Option<Request> {
    let mut cursor = Cursor::new(data);
    let is_read = match cursor.u16()? {
        READ => true,
        WRITE => false,
        _ => return None,
    };
    let mut words = Words(cursor.rest());
    let name = words.next().filter(|name| !name.is_empty())?;
    let mode = words.next()?.to_ascii_lowercase();
    if !["octet", "netascii", "mail", "binary"].contains(&mode.as_str()) {
        return None;
    }
    let mut size = None;
    while let (Some(option), Some(value)) = (words.next(), words.next()) {
        if option.eq_ignore_ascii_case("tsize") {
            size = value.parse().ok();
        }
    }
    Some(Request { is_read, name, is_text: mode == "netascii" || mode == "mail", size })
}

/// Words that each end with a zero.
struct Words<'a>(&'a [u8]);

impl Iterator for Words<'_> {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        let end = self.0.iter().position(|&byte| byte == 0)?;
        let (word, rest) = self.0.split_at_checked(end)?;
        self.0 = rest.get(1..).unwrap_or_default();
        Some(String::from_utf8_lossy(word).into_owned())
    }
}

fn probe(opening: &Opening<'_>) -> Probe {
    if opening.is_stream {
        return Probe::No;
    }
    if request(opening.client).is_some() {
        return Probe::Yes;
    }
    // The answering port of a request that was not captured: a first block of full size, and its acknowledgement.
    let is_block = |bytes: &[u8]| bytes.starts_with(&[0, DATA as u8, 0, 1]) && bytes.len() == 516;
    let is_acknowledgement = |bytes: &[u8]| bytes == [0, ACKNOWLEDGE as u8, 0, 1];
    let (client, server) = (opening.client, opening.server);
    match (is_block(client), is_block(server)) {
        (true, _) if is_acknowledgement(server) => Probe::Yes,
        (_, true) if is_acknowledgement(client) => Probe::Yes,
        (true, _) if server.is_empty() => Probe::More,
        (_, true) if client.is_empty() => Probe::More,
        _ => Probe::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collected::{Collected, Said};

    fn block(number: u16, data: &[u8]) -> Vec<u8> {
        [&[0, 3][..], &number.to_be_bytes(), data].concat()
    }

    fn talk(script: &[Said<'_>]) -> Collected {
        Collected::of((RECOGNISED.begin)(&Parties::default()), script)
    }

    #[test]
    fn blocks_of_any_size_told_again_and_missing() {
        let request = b"\0\x01firmware.bin\0octet\0blksize\08\0";
        let (one, two, four) = (block(1, b"12345678"), block(2, b"abcdefgh"), block(4, b"end"));
        let collected = talk(&[
            Said::Client(request),
            Said::Server(b"\0\x06blksize\08\0"),
            Said::Server(&one),
            Said::Client(b"\0\x04\0\x01"),
            Said::Server(&one),
            Said::Server(&two),
            Said::Server(&four),
            Said::Server(&four),
        ]);
        assert_eq!(collected.named(), [("firmware.bin", "12345678abcdefgh????????end".to_owned())]);
        assert_eq!((collected.files[0].missing, collected.files[0].ends), (8, Some(Ends::Whole)));
        assert_eq!(collected.expected.len(), 1);
        assert_eq!(collected.expected[0].is_sender, Some(false));
    }

    #[test]
    fn block_numbers_wrap() {
        for skips_zero in [false, true] {
            let blocks: Vec<Vec<u8>> = (1..=70_000_u64)
                .map(|count| {
                    let number = if skips_zero { (count - 1) % 65535 + 1 } else { count & 0xffff };
                    block(number as u16, if count == 70_000 { b"" } else { b"12345678" })
                })
                .collect();
            let mut script = vec![Said::Client(b"\0\x02up\0octet\0"), Said::Server(b"\0\x06blksize\08\0")];
            script.extend(blocks.iter().map(|block| Said::Client(block)));
            let collected = talk(&script);
            assert_eq!((collected.files[0].plain.len(), collected.files[0].missing), (69_999 * 8, 0));
        }
    }

    #[test]
    fn text_is_told_in_both_forms() {
        let data = block(1, b"a\r\nb\r\0c");
        let collected = talk(&[Said::Client(b"\0\x01x.txt\0NETASCII\0"), Said::Server(&data)]);
        assert_eq!(collected.files[0].plain, b"a\nb\rc");
        assert_eq!(collected.files[0].wire, b"a\r\nb\r\0c");
    }

    #[test]
    fn a_cut_datagram_leaves_a_gap() {
        let (one, two) = (block(1, b"1234"), block(2, b"ab"));
        let collected = talk(&[
            Said::Client(b"\0\x01x\0octet\0"),
            Said::Server(b"\0\x06blksize\08\0"),
            Said::Server(&one),
            Said::Gap(Side::Server, 4),
            Said::Server(&two),
        ]);
        assert_eq!(collected.named()[0].1, "1234????ab");
        assert_eq!(collected.files[0].ends, Some(Ends::Whole));
    }
}
