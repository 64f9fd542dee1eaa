//! Content encodings undone as a body passes by, in bounded memory: gzip, deflate, br, zstd, and several on top of each other.

mod brotli;
mod budget;
mod layer;
mod messages;

use layer::{Layer, Stepped};
pub(crate) use messages::Messages;

/// Encodings on top of each other that are undone.
const LAYERS_MAX: usize = 3;
/// Plain bytes from which on a body can be a bomb.
const BOMB_BYTES_MIN: u64 = 64 << 20;
/// How often as long as its wire form such a body may be; deflate alone reaches 1032.
const BOMB_RATIO_MAX: u64 = 200;
/// Bytes that are decoded at once.
const OUTPUT_BYTES: usize = 16 << 10;

/// Why a body cannot be decoded, or not any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Undecodable {
    /// It is not what it says that it is.
    Malformed,
    /// It grows out of all proportion.
    Bomb,
    /// Too many are being decoded already.
    NoRoom,
}

impl Undecodable {
    /// How an oddity words it.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Malformed => "body is not encoded as it says",
            Self::Bomb => "decompression bomb",
            Self::NoRoom => "too many encoded bodies at once; one was not decoded",
        }
    }
}

/// An encoded body being decoded.
pub(crate) struct Decoding {
    /// The outermost encoding, which was applied last, first.
    layers: Vec<Layer>,
    wire_bytes: u64,
    /// By all layers: a bomb can hide in a bomb.
    decoded_bytes: u64,
    is_over: bool,
}

impl Decoding {
    /// For the list of a `Content-Encoding`, in the order in which they were applied; `None` where there is nothing
    /// to undo, or what nobody can undo.
    pub(crate) fn of(codings: &str) -> Option<Self> {
        let named: Vec<&str> = codings.split(',').map(str::trim).filter(|coding| !is_identity(coding)).collect();
        if named.is_empty() || named.len() > LAYERS_MAX {
            return None;
        }
        let layers: Option<Vec<Layer>> = named.iter().rev().map(|coding| Layer::named(coding)).collect();
        Some(Self { layers: layers?, wire_bytes: 0, decoded_bytes: 0, is_over: false })
    }

    /// Whether a body that begins with this byte can be what it says.
    pub(crate) fn can_begin_with(&self, first: u8) -> bool {
        self.layers.first().is_none_or(|layer| layer.can_begin_with(first))
    }

    /// Whether an encoding has not come to its own end, and no trouble kept it from that.
    pub(crate) fn is_unfinished(&self) -> bool {
        !self.is_over && !self.layers.iter().all(Layer::is_at_end)
    }

    /// Nothing more can be decoded, since some of it is missing.
    pub(crate) fn stop(&mut self) {
        self.is_over = true;
        self.layers.clear();
    }

    /// Decodes the next bytes; says once why it does not go on.
    pub(crate) fn decode(&mut self, wire: &[u8], plain: &mut dyn FnMut(&[u8])) -> Result<(), Undecodable> {
        if self.is_over {
            return Ok(());
        }
        self.wire_bytes += wire.len() as u64;
        let limit = BOMB_BYTES_MIN.max(self.wire_bytes.saturating_mul(BOMB_RATIO_MAX));
        let mut room = limit.saturating_sub(self.decoded_bytes);
        let room_before = room;
        let decoded = pass(&mut self.layers, wire, plain, &mut room);
        self.decoded_bytes += room_before - room;
        if decoded.is_err() {
            self.stop();
        }
        decoded
    }
}

fn is_identity(coding: &str) -> bool {
    coding.is_empty() || coding.eq_ignore_ascii_case("identity") || coding.eq_ignore_ascii_case("none")
}

/// Brings bytes through the layers, each of which takes of the room what it decodes.
fn pass(
    layers: &mut [Layer],
    mut wire: &[u8],
    plain: &mut dyn FnMut(&[u8]),
    room: &mut u64,
) -> Result<(), Undecodable> {
    let Some((outer, inner)) = layers.split_first_mut() else {
        plain(wire);
        return Ok(());
    };
    let mut output = [0; OUTPUT_BYTES];
    loop {
        let Stepped { read, written } = outer.step(wire, &mut output)?;
        wire = wire.get(read..).unwrap_or_default();
        *room = room.checked_sub(written as u64).ok_or(Undecodable::Bomb)?;
        if written > 0 {
            pass(inner, output.get(..written).unwrap_or_default(), plain, room)?;
        }
        let is_full = written == output.len();
        if !is_full && (wire.is_empty() || read == 0) {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// The repeated words of the test below, by brotli 1.1.
    const BROTLI: &[u8] = &[
        0x5b, 0xbf, 0xd4, 0x01, 0xce, 0x91, 0x60, 0xe3, 0xc4, 0xd7, 0x87, 0x23, 0x19, 0xaa, 0xc3, 0xdc, 0xe4, 0xee,
        0x34, 0x08, 0x19, 0xcb, 0xdc, 0x78, 0x83, 0x0d, 0x38, 0x70, 0x0c, 0x52, 0x0c, 0xd8, 0x76, 0xb9, 0x37, 0x9e,
        0x4f, 0x09, 0x17, 0x2e, 0xae, 0x0f, 0x06, 0xa8, 0x9b, 0xf8, 0x3e, 0xcc, 0x01, 0x22,
    ];

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(plain).expect("to memory");
        encoder.finish().expect("to memory")
    }

    /// Decodes in pieces of every length up to a few.
    fn check(codings: &str, wire: &[u8], plain: &[u8]) {
        for piece in [1, 2, 7, wire.len().max(1)] {
            let mut decoding = Decoding::of(codings).expect("known");
            let mut decoded = Vec::new();
            for bytes in wire.chunks(piece) {
                assert_eq!(decoding.decode(bytes, &mut |bytes| decoded.extend_from_slice(bytes)), Ok(()), "{codings}");
            }
            assert!(decoded == plain, "{codings} in pieces of {piece}");
            assert!(!decoding.is_unfinished(), "{codings} in pieces of {piece}");
        }
    }

    #[test]
    fn what_others_encoded_is_decoded() {
        let text = b"the same words, and the same words again, and the same words".repeat(2000);
        let zlib = {
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(&text).expect("to memory");
            encoder.finish().expect("to memory")
        };
        let raw = zlib.get(2..zlib.len() - 4).expect("longer").to_vec();
        check("gzip", &gzip(&text), &text);
        check("x-gzip", &[gzip(b"two members, "), gzip(b"one file")].concat(), b"two members, one file");
        check("deflate", &zlib, &text);
        check("deflate", &raw, &text);
        check("zstd", &zstd::encode_all(&text[..], 3).expect("to memory"), &text);
        check("identity, gzip , gzip", &gzip(&gzip(&text)), &text);
        check("br", BROTLI, &text);
    }

    #[test]
    fn what_nobody_can_undo_is_left() {
        for codings in ["", "identity", "aes128gcm", "gzip, compress", "gzip,gzip,gzip,gzip"] {
            assert!(Decoding::of(codings).is_none(), "{codings}");
        }
    }

    #[test]
    fn bombs_do_not_go_off() {
        let bomb = gzip(&gzip(&vec![0; 256 << 20]));
        assert!(bomb.len() < 10_000);
        let mut decoding = Decoding::of("gzip, gzip").expect("known");
        let mut bytes = 0;
        let decoded = decoding.decode(&bomb, &mut |plain| bytes += plain.len() as u64);
        assert_eq!(decoded, Err(Undecodable::Bomb));
        assert!(bytes <= BOMB_BYTES_MIN + OUTPUT_BYTES as u64);
        assert_eq!(decoding.decode(b"more", &mut |_| panic!("it is over")), Ok(()));
    }

    #[test]
    fn garbage_is_called_so() {
        let mut decoding = Decoding::of("gzip").expect("known");
        assert!(!decoding.can_begin_with(b'<'));
        assert_eq!(decoding.decode(b"<html>", &mut |_| ()), Err(Undecodable::Malformed));
    }
}
