//! Long headers of packets (RFC 9000, 17.2; RFC 9369, 3.2).

use packet::Cursor;

use super::frames::number;
use super::keys::is_second;

/// Bytes of a connection identifier, in the versions that are known.
const CONNECTION_BYTES_MAX: usize = 20;

/// What a packet says openly.
#[derive(Debug)]
pub(super) struct LongHeader<'a> {
    pub(super) version: u32,
    pub(super) destination: &'a [u8],
    pub(super) kind: Kind,
}

/// Kinds of packets with a long header.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The first, whose keys anyone can derive.
    Initial {
        /// Where the protected packet number starts.
        number_offset: usize,
    },
    /// 0-RTT or Handshake, whose keys are secret.
    Secret,
    /// Asks to begin again, with a token.
    Retry,
    /// Lists the versions that a server speaks.
    VersionNegotiation,
}

/// The first packet of a datagram: what its header says, its bytes, and what comes after it.
pub(super) fn split(datagram: &[u8]) -> Option<(LongHeader<'_>, &[u8], &[u8])> {
    let mut cursor = Cursor::new(datagram);
    let first = cursor.u8().filter(|first| first & 0x80 != 0)?;
    let version = cursor.u32()?;
    let destination = connection(&mut cursor)?;
    connection(&mut cursor)?;
    let header = |kind| LongHeader { version, destination, kind };
    if version == 0 {
        return Some((header(Kind::VersionNegotiation), datagram, &[]));
    }
    // The bit that was once fixed means nothing any more (RFC 9287).
    // The second version numbers its kinds one higher.
    let kind = (first >> 4).wrapping_sub(u8::from(is_second(version))) & 3;
    match kind {
        0 => {
            let token = usize::try_from(number(&mut cursor)?).ok()?;
            cursor.skip(token)?;
        }
        3 => return Some((header(Kind::Retry), datagram, &[])),
        _ => {}
    }
    let length = usize::try_from(number(&mut cursor)?).ok()?;
    let number_offset = datagram.len() - cursor.len();
    let (packet, rest) = datagram.split_at_checked(number_offset.checked_add(length)?)?;
    let kind = if kind == 0 { Kind::Initial { number_offset } } else { Kind::Secret };
    Some((header(kind), packet, rest))
}

fn connection<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let length = usize::from(cursor.u8()?);
    cursor.take(length).filter(|_| length <= CONNECTION_BYTES_MAX)
}
