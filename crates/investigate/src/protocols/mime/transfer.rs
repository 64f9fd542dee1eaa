//! Transfer encodings of mail undone, in pieces of any size (RFC 2045 6).

use super::{base64::Base64, quoted::Quoted, uuencode::Uuencode};

/// How a part was made fit for transfer.
#[derive(Debug)]
pub(crate) enum Transfer {
    /// Not at all: 7bit, 8bit, binary, and what nobody knows.
    Identity,
    /// Base64.
    Base64(Base64),
    /// Quoted-printable.
    Quoted(Quoted),
    /// Uuencode.
    Uuencode(Uuencode),
}

impl Transfer {
    /// By the value of `Content-Transfer-Encoding`.
    pub(crate) fn named(name: &str) -> Self {
        match name.trim().to_ascii_lowercase().as_str() {
            "base64" => Self::Base64(Base64::default()),
            "quoted-printable" => Self::Quoted(Quoted::default()),
            "x-uuencode" | "uuencode" | "x-uue" | "uue" => Self::Uuencode(Uuencode::within()),
            _ => Self::Identity,
        }
    }

    /// The name that [`Self::named`] understands.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Identity => "binary",
            Self::Base64(_) => "base64",
            Self::Quoted(_) => "quoted-printable",
            Self::Uuencode(_) => "x-uuencode",
        }
    }

    /// Whether the plain form differs from what was transferred.
    pub(crate) fn is_encoded(&self) -> bool {
        !matches!(self, Self::Identity)
    }

    /// Adds what `data` stands for to `plain`; only for encoded forms.
    pub(crate) fn decode(&mut self, data: &[u8], plain: &mut Vec<u8>) {
        match self {
            Self::Identity => plain.extend_from_slice(data),
            Self::Base64(base64) => base64.decode(data, plain),
            Self::Quoted(quoted) => quoted.decode(data, plain),
            Self::Uuencode(uuencode) => uuencode.decode(data, plain),
        }
    }

    /// So many transferred bytes are missing: how many of the plain form, as well as can be told.
    pub(crate) fn gap(&mut self, bytes: u64, plain: &mut Vec<u8>) -> u64 {
        match self {
            Self::Identity => bytes,
            Self::Base64(base64) => base64.gap(bytes),
            Self::Quoted(quoted) => {
                quoted.finish(plain);
                bytes
            }
            Self::Uuencode(uuencode) => uuencode.gap(bytes),
        }
    }

    /// What is left at the end.
    pub(crate) fn finish(&mut self, plain: &mut Vec<u8>) {
        match self {
            Self::Identity | Self::Uuencode(_) => {}
            Self::Base64(base64) => base64.finish(plain),
            Self::Quoted(quoted) => quoted.finish(plain),
        }
    }
}
