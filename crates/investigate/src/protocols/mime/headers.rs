//! What the header fields of a mail, or of a part of one, say (RFC 5322, RFC 2045, RFC 2047, RFC 2231).

use std::sync::LazyLock;

use mail_parser::{Address, HeaderName, HeaderValue, MessageParser, MimeHeaders};

use super::transfer::Transfer;
use crate::{At, Field, Sink};

/// Longer boundaries are not followed; RFC 2046 allows 70.
const BOUNDARY_BYTES_MAX: usize = 256;

/// Addresses of one field that are told.
const ADDRESSES_MAX: usize = 256;

/// What stands behind a header block.
#[derive(Debug)]
pub(crate) struct Entity {
    pub(super) holds: Holds,
    pub(crate) transfer: Transfer,
    pub(crate) name: Option<String>,
    pub(crate) mime: String,
}

#[derive(Debug)]
pub(super) enum Holds {
    /// Parts between lines of `--` and this.
    Parts { boundary: Vec<u8>, is_digest: bool },
    /// A mail.
    Message,
    /// What it is.
    Content,
}

static PARSER: LazyLock<MessageParser> = LazyLock::new(|| {
    MessageParser::new()
        .with_mime_headers()
        .header_address(HeaderName::From)
        .header_address(HeaderName::To)
        .header_address(HeaderName::Cc)
        .header_address(HeaderName::Bcc)
        .header_text(HeaderName::Subject)
        .header_id(HeaderName::MessageId)
        .header_text("X-Mailer")
        .header_text("User-Agent")
        .default_header_ignore()
});

impl Entity {
    /// From a whole header block, its empty line included. A part of a digest is a mail unless it says otherwise.
    pub(crate) fn read(block: &[u8], is_digest: bool) -> Self {
        let unsaid = if is_digest { "message/rfc822" } else { "text/plain" };
        let message = PARSER.parse_headers(block);
        let message = message.as_ref();
        let kind = message.and_then(|message| message.content_type());
        let mime = kind.map_or_else(
            || unsaid.to_owned(),
            |kind| format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or_default()).to_ascii_lowercase(),
        );
        let boundary = kind.and_then(|kind| kind.attribute("boundary")).map(|text| text.trim_end().as_bytes().to_vec());
        let boundary = boundary.filter(|text| !text.is_empty() && text.len() <= BOUNDARY_BYTES_MAX);
        let holds = match boundary {
            Some(boundary) if mime.starts_with("multipart/") => {
                Holds::Parts { boundary, is_digest: mime == "multipart/digest" }
            }
            _ if mime == "message/rfc822" || mime == "message/global" => Holds::Message,
            _ => Holds::Content,
        };
        let transfer = message.and_then(|message| message.content_transfer_encoding()).map(Transfer::named);
        let name = message.and_then(|message| message.attachment_name()).map(encoded_words);
        Self { holds, transfer: transfer.unwrap_or(Transfer::Identity), name, mime }
    }
}

/// Tells who wrote to whom about what.
pub(crate) fn tell(block: &[u8], at: At, sink: &mut dyn Sink) {
    let Some(message) = PARSER.parse_headers(block) else { return };
    for header in message.headers() {
        let field = match header.name {
            HeaderName::From => Field::MailFrom,
            HeaderName::To | HeaderName::Cc | HeaderName::Bcc => Field::MailTo,
            HeaderName::Subject => Field::MailSubject,
            HeaderName::MessageId => Field::MailId,
            HeaderName::Other(_) => Field::Software,
            _ => continue,
        };
        match &header.value {
            HeaderValue::Address(addresses) => tell_addresses(addresses, field, at, sink),
            HeaderValue::Text(text) if !text.trim().is_empty() => sink.fact(at, field, text.trim()),
            HeaderValue::TextList(texts) => {
                texts.iter().take(ADDRESSES_MAX).for_each(|text| sink.fact(at, field, text))
            }
            _ => {}
        }
    }
}

fn tell_addresses(addresses: &Address<'_>, field: Field, at: At, sink: &mut dyn Sink) {
    for address in addresses.iter().take(ADDRESSES_MAX) {
        if let Some(address) = address.address().filter(|address| !address.is_empty()) {
            sink.fact(at, field, address);
        }
    }
}

/// Names in parameters are often written as encoded words, which RFC 2047 forbids and every mail program reads.
fn encoded_words(text: &str) -> String {
    if !text.contains("=?") {
        return text.to_owned();
    }
    let block = format!("Subject: {text}\r\n\r\n");
    let parsed = PARSER.parse_headers(&block);
    parsed.as_ref().and_then(|message| message.subject()).unwrap_or(text).to_owned()
}
