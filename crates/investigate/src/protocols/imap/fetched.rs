//! Mails and parts on their way from the server, in one piece or in several.

use std::collections::{BTreeMap, VecDeque};

use super::section::Section;
use super::structure::{PARTS_MAX, PartShape};
use crate::protocols::mime::{Entity, Message, Part, Transfer, tell};
use crate::{At, Body, Ends, FileId, FileStart, Side, Sink};

/// Contents that are fetched in pieces at the same time.
const OPEN_MAX: usize = 8;

/// Header fields that are read.
const HEADER_BYTES_MAX: usize = 64 << 10;

/// Mails whose size or structure is remembered.
const MAILS_MAX: usize = 512;

/// Header blocks that are kept for a body that may follow.
const HEADERS_MAX: usize = 8;

/// What is known of the mailbox's mails, and what is on its way of them.
#[derive(Default)]
pub(super) struct Fetched {
    open: VecDeque<Open>,
    mails: BTreeMap<u64, Mail>,
    /// How much the client asks for at a time.
    piece_bytes: Option<u64>,
}

#[derive(Default)]
struct Mail {
    bytes: Option<u64>,
    header: Vec<u8>,
    parts: Vec<PartShape>,
}

/// Content that came up to `position`.
struct Open {
    mail: u64,
    section: Section,
    position: u64,
    /// Bytes of the current piece that are had already.
    skip: u64,
    content: Content,
}

enum Content {
    Message(Box<Message>),
    Part(Box<Part>),
    Header(Header),
    Raw(FileId),
}

/// Header fields, and the file that they are where all of a mail's are fetched.
struct Header {
    block: Vec<u8>,
    file: Option<FileId>,
}

impl Fetched {
    /// The client asks for pieces of this size.
    pub(super) fn asked(&mut self, piece_bytes: Option<u64>) {
        self.piece_bytes = piece_bytes;
    }

    /// A mail's size (RFC822.SIZE).
    pub(super) fn size(&mut self, mail: u64, bytes: u64) {
        if let Some(mail) = self.mail(mail) {
            mail.bytes = Some(bytes);
        }
    }

    /// A mail's structure.
    pub(super) fn structure(&mut self, mail: u64, parts: Vec<PartShape>) {
        if let Some(mail) = self.mail(mail) {
            mail.parts = parts;
        }
    }

    /// A literal begins: what comes next is content of this section.
    pub(super) fn begin(&mut self, at: At, mail: u64, section: Section, offset: Option<u64>, sink: &mut dyn Sink) {
        let start = offset.unwrap_or(0);
        let known = self.open.iter().position(|open| open.mail == mail && open.section == section);
        let known = known.and_then(|index| self.open.remove(index));
        if let Some(mut open) = known {
            if start > 0 && offset.is_some() {
                open.skip = open.position.saturating_sub(start);
                let missing = start.saturating_sub(open.position);
                if missing > 0 {
                    open.content.gap(at, missing, sink);
                    open.position = start;
                }
                self.open.push_back(open);
                return;
            }
            self.end(at, open, Ends::CutOff, sink);
        }
        if self.open.len() >= OPEN_MAX
            && let Some(oldest) = self.open.pop_front()
        {
            self.end(at, oldest, Ends::CutOff, sink);
        }
        let mut content = self.content(at, mail, &section, sink);
        if start > 0 {
            content.gap(at, start, sink);
        }
        self.open.push_back(Open { mail, section, position: start, skip: 0, content });
    }

    /// The next bytes of what began last.
    pub(super) fn data(&mut self, at: At, data: &[u8], sink: &mut dyn Sink) {
        let Some(open) = self.open.back_mut() else { return };
        let skip = usize::try_from(open.skip).map_or(data.len(), |skip| skip.min(data.len()));
        open.skip -= skip as u64;
        let data = data.get(skip..).unwrap_or_default();
        open.position += data.len() as u64;
        open.content.data(at, data, sink);
    }

    /// Bytes are missing of what began last.
    pub(super) fn gap(&mut self, at: At, bytes: u64, sink: &mut dyn Sink) {
        let Some(open) = self.open.back_mut() else { return };
        let skip = open.skip.min(bytes);
        open.skip -= skip;
        open.position += bytes - skip;
        open.content.gap(at, bytes - skip, sink);
    }

    /// The literal has ended: with it the content, unless more pieces are to come.
    pub(super) fn done(&mut self, at: At, offset: Option<u64>, bytes: u64, sink: &mut dyn Sink) {
        let Some(open) = self.open.pop_back() else { return };
        let size = self.mails.get(&open.mail).and_then(|mail| mail.bytes).filter(|_| open.section == Section::Whole);
        let is_last = match (offset, self.piece_bytes, size) {
            (None, ..) => true,
            (_, _, Some(size)) if open.position >= size => true,
            (_, Some(asked), _) => bytes < asked,
            (_, None, _) => false,
        };
        if is_last {
            self.end(at, open, Ends::Whole, sink);
        } else {
            self.open.push_back(open);
        }
    }

    /// Nothing more comes of anything: another mailbox, or the conversation's end.
    pub(super) fn clear(&mut self, at: At, sink: &mut dyn Sink) {
        while let Some(open) = self.open.pop_front() {
            self.end(at, open, Ends::CutOff, sink);
        }
        self.mails.clear();
    }

    pub(super) fn held_bytes(&self) -> usize {
        let open = |open: &Open| match &open.content {
            Content::Message(message) => message.held_bytes(),
            Content::Header(header) => header.block.capacity(),
            Content::Part(_) | Content::Raw(_) => 0,
        };
        let mail = |mail: &Mail| 64 + mail.header.capacity() + mail.parts.len() * size_of::<PartShape>();
        self.open.iter().map(open).sum::<usize>() + self.mails.values().map(mail).sum::<usize>()
    }

    fn mail(&mut self, number: u64) -> Option<&mut Mail> {
        if self.mails.len() >= MAILS_MAX && !self.mails.contains_key(&number) {
            self.mails.pop_first();
        }
        Some(self.mails.entry(number).or_default())
    }

    fn content(&self, at: At, mail: u64, section: &Section, sink: &mut dyn Sink) -> Content {
        let known = self.mails.get(&mail);
        let shape = |number: &str| known.and_then(|mail| mail.parts.iter().find(|part| part.number == number)).cloned();
        let start = |shape: Option<&PartShape>| FileStart {
            protocol: super::RECOGNISED.name,
            name: shape.and_then(|shape| shape.name.clone()),
            mime: shape.map(|shape| shape.mime.clone()),
            sender: Some(Side::Server),
            ..FileStart::default()
        };
        match section {
            Section::Whole => {
                Content::Message(Box::new(Message::begin(at, super::RECOGNISED.name, Side::Server, sink)))
            }
            // RFC 6522, 4
            Section::Header => {
                let start = FileStart { mime: Some("text/rfc822-headers".to_owned()), ..start(None) };
                Content::Header(Header { block: Vec::new(), file: Some(sink.file_start(at, start)) })
            }
            Section::Fields | Section::PartHeader(_) => Content::Header(Header { block: Vec::new(), file: None }),
            Section::Text => match known.filter(|mail| !mail.header.is_empty()) {
                Some(mail) => {
                    let mut message = Message::begin(at, super::RECOGNISED.name, Side::Server, sink);
                    message.data(at, &mail.header, sink);
                    Content::Message(Box::new(message))
                }
                None => Content::Raw(sink.file_start(at, start(None))),
            },
            Section::Part(number) => {
                let shape = shape(number);
                let transfer = shape.as_ref().map_or(Transfer::Identity, |shape| Transfer::named(&shape.encoding));
                Content::Part(Box::new(Part::new(transfer, start(shape.as_ref()), true)))
            }
            Section::Binary(number) => {
                Content::Part(Box::new(Part::new(Transfer::Identity, start(shape(number).as_ref()), true)))
            }
        }
    }

    fn end(&mut self, at: At, open: Open, ends: Ends, sink: &mut dyn Sink) {
        match open.content {
            Content::Message(message) => message.end(at, ends, sink),
            Content::Part(part) => part.end(at, ends, sink),
            Content::Raw(file) => sink.file_end(file, ends),
            Content::Header(Header { block, file }) => {
                if let Some(file) = file {
                    sink.file_end(file, ends);
                }
                self.header(at, open.mail, open.section, block, sink);
            }
        }
    }

    fn header(&mut self, at: At, number: u64, section: Section, block: Vec<u8>, sink: &mut dyn Sink) {
        let kept = self.mails.values().filter(|mail| !mail.header.is_empty()).count();
        if kept >= HEADERS_MAX {
            self.mails.values_mut().for_each(|mail| mail.header = Vec::new());
        }
        let Some(mail) = self.mail(number) else { return };
        match section {
            Section::PartHeader(part) => {
                let entity = Entity::read(&block, false);
                let encoding = entity.transfer.name().to_owned();
                let shape = PartShape { number: part, mime: entity.mime, encoding, name: entity.name };
                mail.parts.retain(|known| known.number != shape.number);
                if mail.parts.len() < PARTS_MAX {
                    mail.parts.push(shape);
                }
            }
            Section::Fields => tell(&block, at, sink),
            _ => {
                tell(&block, at, sink);
                mail.header = block;
            }
        }
    }
}

impl Content {
    fn data(&mut self, at: At, data: &[u8], sink: &mut dyn Sink) {
        match self {
            Self::Message(message) => message.data(at, data, sink),
            Self::Part(part) => part.data(at, data, sink),
            Self::Raw(file) => sink.file_data(*file, Body::Plain, data),
            Self::Header(Header { block, file }) => {
                if let Some(file) = file {
                    sink.file_data(*file, Body::Plain, data);
                }
                let room = HEADER_BYTES_MAX.saturating_sub(block.len());
                block.extend_from_slice(data.get(..room).unwrap_or(data));
            }
        }
    }

    fn gap(&mut self, at: At, bytes: u64, sink: &mut dyn Sink) {
        match self {
            Self::Message(message) => message.gap(at, bytes, sink),
            Self::Part(part) => part.gap(at, bytes, sink),
            Self::Raw(file) => sink.file_gap(*file, Body::Plain, bytes),
            Self::Header(Header { file: Some(file), .. }) => sink.file_gap(*file, Body::Plain, bytes),
            Self::Header(_) => {}
        }
    }
}
