//! WebSocket (RFC 6455) after its upgrade, with permessage-deflate (RFC 7692): messages as files.

mod frames;
#[cfg(test)]
mod tests;

use self::frames::{Frames, Next, Opcode};
use super::{Protocol, Step};
use crate::encoding::{Messages, Undecodable};
use crate::{At, Body, Ends, Field, FileId, FileStart, Side, Sink};

pub(super) const NAME: &str = "websocket";

/// Messages of a connection that become files.
const FILES_MAX: u32 = 1000;
/// Texts that are shorter are the talk of programs, not files.
const TEXT_BYTES_MIN: usize = 1024;

/// One connection.
pub(super) struct WebSocket {
    client: Talker,
    server: Talker,
    files: u32,
}

/// One side.
#[derive(Default)]
struct Talker {
    frames: Frames,
    /// How its messages are compressed, if they may be.
    deflate: Deflate,
    message: Message,
    is_lost: bool,
}

#[derive(Default)]
enum Deflate {
    #[default]
    Never,
    Possible {
        keeps_window: bool,
    },
    Begun(Box<Messages>),
    /// It went wrong, and later messages may refer to what was lost.
    Lost,
}

/// A message between its first and its last frame.
#[derive(Default)]
struct Message {
    is_text: bool,
    is_deflated: bool,
    /// A text that is too short yet to be a file.
    held: Vec<u8>,
    file: Option<FileId>,
    /// It is not wanted as a file.
    is_ignored: bool,
}

impl WebSocket {
    /// For what the server agreed to in `Sec-WebSocket-Extensions`.
    pub(super) fn new(extensions: &str) -> Self {
        let mut deflate = None;
        for extension in extensions.split(',') {
            let mut words = extension.split(';').map(str::trim);
            if words.next().is_some_and(|name| name.eq_ignore_ascii_case("permessage-deflate")) {
                let without: Vec<String> = words.map(str::to_ascii_lowercase).collect();
                deflate = Some(without);
            }
        }
        let talker = |parameter: &str| {
            let deflate = deflate.as_ref().map_or(Deflate::Never, |given| Deflate::Possible {
                keeps_window: !given.iter().any(|word| word == parameter),
            });
            Talker { deflate, ..Talker::default() }
        };
        Self { client: talker("client_no_context_takeover"), server: talker("server_no_context_takeover"), files: 0 }
    }

    fn talker(&mut self, side: Side) -> &mut Talker {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    fn lose(&mut self, side: Side, sink: &mut dyn Sink) {
        let talker = self.talker(side);
        talker.is_lost = true;
        talker.message.end(Ends::CutOff, sink);
    }

    fn data_of_message(&mut self, side: Side, at: At, bytes: &[u8], sink: &mut dyn Sink) {
        let may_be_file = self.files < FILES_MAX;
        let talker = self.talker(side);
        let begins = talker.message.file.is_none();
        let told = talker.told(side, at, bytes, may_be_file, sink);
        if begins && talker.message.file.is_some() {
            self.files += 1;
            if self.files == FILES_MAX {
                sink.oddity(at, "too many messages in a connection; the rest is not told as files");
            }
        }
        if let Err(trouble) = told {
            sink.oddity(at, trouble.words());
        }
    }
}

impl Protocol for WebSocket {
    fn data(&mut self, side: Side, at: At, data: &[u8], sink: &mut dyn Sink) -> Step {
        let mut rest = data;
        while (!rest.is_empty() || self.talker(side).frames.has_ended()) && !self.talker(side).is_lost {
            let mut unmasked = Vec::new();
            let (taken, next) = self.talker(side).frames.next(rest, &mut unmasked);
            rest = rest.get(taken..).unwrap_or_default();
            match next {
                Next::Nothing => {}
                Next::Malformed => self.lose(side, sink),
                Next::Begin { opcode: Opcode::Continuation, .. } => {}
                Next::Begin { opcode, is_compressed } => self.talker(side).begin(opcode, is_compressed, sink),
                Next::Data { is_control: true, .. } => {}
                Next::Data { is_control: false, is_last } => {
                    self.data_of_message(side, at, &unmasked, sink);
                    if is_last {
                        self.talker(side).end_message(side, at, sink);
                    }
                }
            }
        }
        if self.client.is_lost && self.server.is_lost { Step::Lost } else { Step::Go }
    }

    fn gap(&mut self, side: Side, _: At, bytes: u64, sink: &mut dyn Sink) -> Step {
        let talker = self.talker(side);
        match talker.frames.gap(bytes) {
            Some(is_control) => {
                if !is_control {
                    talker.message.gap(bytes, sink);
                    if matches!(talker.deflate, Deflate::Begun(_)) {
                        talker.deflate = Deflate::Lost;
                    }
                }
                Step::Go
            }
            None => {
                self.lose(side, sink);
                Step::Go
            }
        }
    }

    fn end(&mut self, side: Side, _: At, _: Ends, sink: &mut dyn Sink) {
        self.talker(side).message.end(Ends::CutOff, sink);
    }

    fn held_bytes(&self) -> usize {
        self.client.message.held.capacity() + self.server.message.held.capacity()
    }
}

impl Talker {
    fn begin(&mut self, opcode: Opcode, is_compressed: bool, sink: &mut dyn Sink) {
        if opcode == Opcode::Control {
            return;
        }
        self.message.end(Ends::CutOff, sink);
        let is_text = opcode == Opcode::Text;
        self.message = Message { is_text, is_deflated: is_compressed, ..Message::default() };
    }

    fn told(
        &mut self,
        side: Side,
        at: At,
        bytes: &[u8],
        may_be_file: bool,
        sink: &mut dyn Sink,
    ) -> Result<(), Undecodable> {
        self.message.is_ignored |= !may_be_file && self.message.file.is_none();
        if !self.message.is_deflated {
            self.message.plain(side, at, bytes, sink);
            return Ok(());
        }
        if let Deflate::Possible { keeps_window } = self.deflate {
            self.deflate =
                Messages::new(keeps_window).map_or(Deflate::Lost, |messages| Deflate::Begun(Box::new(messages)));
        }
        let Deflate::Begun(messages) = &mut self.deflate else { return Ok(()) };
        let message = &mut self.message;
        let decoded = messages.decode(bytes, &mut |plain| message.plain(side, at, plain, sink));
        if decoded.is_err() {
            self.deflate = Deflate::Lost;
            self.message.gap(u64::MAX, sink);
        }
        decoded
    }

    fn end_message(&mut self, side: Side, at: At, sink: &mut dyn Sink) {
        if let (Deflate::Begun(messages), true) = (&mut self.deflate, self.message.is_deflated) {
            let message = &mut self.message;
            if messages.end(&mut |plain| message.plain(side, at, plain, sink)).is_err() {
                self.deflate = Deflate::Lost;
            }
        }
        self.message.end(Ends::Whole, sink);
        self.message = Message::default();
    }
}

impl Message {
    fn plain(&mut self, side: Side, at: At, bytes: &[u8], sink: &mut dyn Sink) {
        if self.is_ignored || bytes.is_empty() {
            return;
        }
        if self.file.is_none() && self.is_text && self.held.len() + bytes.len() < TEXT_BYTES_MIN {
            self.held.extend_from_slice(bytes);
            return;
        }
        let file = *self.file.get_or_insert_with(|| {
            let mime = self.is_text.then(|| "text/plain".to_owned());
            sink.file_start(at, FileStart { protocol: NAME, sender: Some(side), mime, ..FileStart::default() })
        });
        let held = std::mem::take(&mut self.held);
        if !held.is_empty() {
            sink.file_data(file, Body::Plain, &held);
        }
        sink.file_data(file, Body::Plain, bytes);
    }

    fn gap(&mut self, bytes: u64, sink: &mut dyn Sink) {
        match self.file {
            Some(file) => sink.file_gap(file, Body::Plain, bytes),
            None => self.is_ignored = true,
        }
    }

    fn end(&mut self, ends: Ends, sink: &mut dyn Sink) {
        self.held.clear();
        if let Some(file) = self.file.take() {
            sink.file_end(file, ends);
        }
    }
}

/// What the upgrade agreed to.
pub(super) fn tell(at: At, protocol: Option<&str>, sink: &mut dyn Sink) {
    if let Some(protocol) = protocol {
        sink.fact(at, Field::Detail, &format!("subprotocol={protocol}"));
    }
}
