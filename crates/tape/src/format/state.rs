//! `live/flows.state`: the flow table at the last checkpoint, and how far flow files reach.

use std::borrow::Cow;
use std::collections::BTreeMap;

use packet::{Interface, LinkType};
use serde::{Deserialize, Serialize};

use super::checksum;
use crate::Lane;

/// What a file starts with.
pub const MAGIC: &[u8; 8] = b"wtstate2";
/// Length of what goes before the JSON.
pub const HEADER_BYTES: usize = 56;
/// How a compressed snapshot begins (RFC 8878, 3.1.1).
const ZSTD_MAGIC: [u8; 4] = 0xfd2f_b528_u32.to_le_bytes();
const ZSTD_LEVEL: i32 = 1;
/// Longest snapshot: the flow table has 4 Mi flows at most.
const SNAPSHOT_BYTES_MAX: u64 = 1 << 30;
/// Length of each checksum.
const SUM_BYTES: usize = 16;

/// A place between two frames of a lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position {
    /// Number of the segment.
    pub segment: u64,
    /// Offset in its uncompressed stream.
    pub uoffset: u64,
}

/// Up to where the packets of each lane have been counted in flow files: everything before the position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "BTreeMap<String, Position>", into = "BTreeMap<String, Position>")]
pub struct Covers {
    positions: [Position; Lane::ALL.len()],
}

impl Covers {
    /// The position in a lane; segment 0 where nothing has been counted.
    pub fn lane(&self, lane: Lane) -> Position {
        self.positions[lane as usize]
    }

    /// Sets the position in a lane.
    pub fn set(&mut self, lane: Lane, position: Position) {
        self.positions[lane as usize] = position;
    }
}

impl From<BTreeMap<String, Position>> for Covers {
    fn from(named: BTreeMap<String, Position>) -> Self {
        let mut covers = Self::default();
        for lane in Lane::ALL {
            covers.set(lane, named.get(lane.name()).copied().unwrap_or_default());
        }
        covers
    }
}

impl From<Covers> for BTreeMap<String, Position> {
    fn from(covers: Covers) -> Self {
        Lane::ALL.into_iter().map(|lane| (lane.name().to_owned(), covers.lane(lane))).collect()
    }
}

/// The small part of the state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateHead {
    /// Number of the flow file that was written with it.
    pub flow_file: u64,
    /// The first arrival number that is not counted in it.
    pub next_arrival: u64,
    /// What flow files have counted.
    pub covers: Covers,
    /// The tape's interfaces by index.
    #[serde(with = "interfaces")]
    pub interfaces: Vec<Interface>,
}

/// The bytes that go before the snapshot, which [`pack`] made.
pub fn encode_head(head: &StateHead, snapshot: &[u8]) -> Vec<u8> {
    let json = serde_json::to_vec(head).expect("the head of the state is plain data");
    let mut bytes = Vec::with_capacity(HEADER_BYTES + json.len());
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&(json.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&(snapshot.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&checksum::<SUM_BYTES>(&[snapshot]));
    let sum = checksum::<SUM_BYTES>(&[&bytes, &json]);
    bytes.extend_from_slice(&sum);
    bytes.extend_from_slice(&json);
    bytes
}

/// A snapshot as it goes into the file: compressed, since a full flow table would be an eighth of a small tape.
pub fn pack(snapshot: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(snapshot, ZSTD_LEVEL).expect("libzstd compresses anything into a buffer of its own bound")
}

/// A snapshot from what the file has; `None` if it cannot be one. Older ones are not compressed.
pub fn unpack(packed: &[u8]) -> Option<Cow<'_, [u8]>> {
    if !packed.starts_with(&ZSTD_MAGIC) {
        return Some(Cow::Borrowed(packed));
    }
    // It is there once: a bound for what a damaged one claims is enough.
    let claimed = zstd::zstd_safe::get_frame_content_size(packed).ok()??;
    let bytes = usize::try_from(claimed).ok().filter(|_| claimed <= SNAPSHOT_BYTES_MAX)?;
    zstd::bulk::decompress(packed, bytes).ok().map(Cow::Owned)
}

/// The head and the snapshot in the bytes of a file; `None` if they are not whole.
pub fn decode(bytes: &[u8]) -> Option<(StateHead, Cow<'_, [u8]>)> {
    let (head, place) = decode_head(bytes)?;
    let packed = place.snapshot(bytes.get(usize::try_from(place.offset).ok()?..)?)?;
    Some((head, unpack(packed)?))
}

/// Where the snapshot is in the file, and what it must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotPlace {
    /// Where it begins.
    pub offset: u64,
    /// Its length.
    pub bytes: u64,
    sum: [u8; SUM_BYTES],
}

impl SnapshotPlace {
    /// The snapshot in what the file has from its place on; `None` if it is not whole.
    pub fn snapshot<'b>(&self, bytes: &'b [u8]) -> Option<&'b [u8]> {
        let snapshot = bytes.get(..usize::try_from(self.bytes).ok()?)?;
        (checksum::<SUM_BYTES>(&[snapshot]) == self.sum).then_some(snapshot)
    }
}

/// How many bytes go before the snapshot, from the first [`HEADER_BYTES`] of a file; `None` if it is no such file.
pub fn head_bytes(header: &[u8]) -> Option<u64> {
    let json_bytes = header.strip_prefix(MAGIC)?.first_chunk().copied().map(u64::from_le_bytes)?;
    json_bytes.checked_add(HEADER_BYTES as u64)
}

/// The head in the first bytes of a file, and where the snapshot is; `None` if the head is not whole.
pub fn decode_head(bytes: &[u8]) -> Option<(StateHead, SnapshotPlace)> {
    let offset = head_bytes(bytes)?;
    let (header, json) = bytes.get(..usize::try_from(offset).ok()?)?.split_first_chunk::<HEADER_BYTES>()?;
    let (fields, sum) = header.split_last_chunk::<SUM_BYTES>()?;
    let (lengths, snapshot_sum) = fields.split_last_chunk::<SUM_BYTES>()?;
    let (_, snapshot_bytes) = lengths.split_last_chunk::<8>()?;
    if checksum::<SUM_BYTES>(&[fields, json]) != *sum {
        return None;
    }
    let place = SnapshotPlace { offset, bytes: u64::from_le_bytes(*snapshot_bytes), sum: *snapshot_sum };
    Some((serde_json::from_slice(json).ok()?, place))
}

/// Interfaces as JSON.
pub mod interfaces {
    use super::{Deserialize, Interface, LinkType, Serialize};
    use serde::{Deserializer, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Plain {
        link_type: u16,
        snaplen: u32,
        name: Option<String>,
        description: Option<String>,
    }

    /// Writes a list.
    pub fn serialize<S: Serializer>(interfaces: &[Interface], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(interfaces.iter().map(|interface| Plain {
            link_type: interface.link_type.0,
            snaplen: interface.snaplen,
            name: interface.name.clone(),
            description: interface.description.clone(),
        }))
    }

    /// Reads a list.
    pub fn deserialize<'a, D: Deserializer<'a>>(deserializer: D) -> Result<Vec<Interface>, D::Error> {
        let plain = Vec::<Plain>::deserialize(deserializer)?;
        let interface = |Plain { link_type, snaplen, name, description }| Interface {
            link_type: LinkType(link_type),
            snaplen,
            name,
            description,
        };
        Ok(plain.into_iter().map(interface).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_written_and_read() {
        let mut covers = Covers::default();
        covers.set(Lane::Bulk, Position { segment: 42, uoffset: 1 << 40 });
        let interface =
            Interface { link_type: LinkType::ETHERNET, snaplen: 262_144, name: Some("eth0".into()), description: None };
        let head = StateHead { flow_file: 7, next_arrival: 123, covers, interfaces: vec![interface] };
        let snapshot = [7; 5000].as_slice();
        for whole in [snapshot.to_vec(), pack(snapshot)] {
            let mut file = encode_head(&head, &whole);
            file.extend(whole);
            assert_eq!(decode(&file), Some((head.clone(), snapshot.into())));
        }
        let mut file = encode_head(&head, &pack(snapshot));
        file.extend(pack(snapshot));
        for at in 0..file.len() {
            assert_eq!(decode(&file[..at]), None);
            file[at] ^= 1;
            assert_eq!(decode(&file), None, "byte {at}");
            file[at] ^= 1;
        }
    }
}
