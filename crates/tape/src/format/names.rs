//! The names of the tape's files and directories.

use std::path::{Path, PathBuf};

use packet::Timestamp;

use super::time;
use crate::Lane;

/// What the tape is.
pub const IDENTITY: &str = "tape.toml";
/// Directory of the rows of flows.
pub const FLOWS: &str = "flows";
/// Directory of the log.
pub const CHAIN: &str = "chain";
/// Directory of the indexes of segments.
pub const CATALOG: &str = "catalog";
/// Directory of what a running recorder needs.
pub const LIVE: &str = "live";
/// Directory of what could not be read.
pub const DAMAGED: &str = "damaged";
/// Directory of what holds keep.
pub const HELD: &str = "held";

/// How the packets of a segment are stored; the ending of its name says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// `.pcapng.zst`: a sequence of zstd frames.
    Zstd,
    /// `.pcapng`: as it is.
    Plain,
}

impl Encoding {
    /// The ending of the file name, with its dot.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Zstd => ".pcapng.zst",
            Self::Plain => ".pcapng",
        }
    }
}

/// The name of a segment within its lane's directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SegmentName {
    /// Rises by one in each lane.
    pub number: u64,
    /// Time of its first packet.
    pub time: Timestamp,
    /// How it is stored.
    pub encoding: Encoding,
}

impl SegmentName {
    /// As in a directory listing.
    pub fn to_file_name(&self) -> String {
        format!("{:08}-{}{}", self.number, time::compact(self.time), self.encoding.ending())
    }

    /// From a directory listing; `None` for names of other things.
    pub fn parse(file_name: &str) -> Option<Self> {
        let (stem, encoding) = [Encoding::Zstd, Encoding::Plain]
            .into_iter()
            .find_map(|encoding| Some((file_name.strip_suffix(encoding.ending())?, encoding)))?;
        let (number, time) = numbered(stem)?;
        Some(Self { number, time, encoding })
    }

    /// Relative to the tape's directory.
    pub fn path(&self, lane: Lane) -> PathBuf {
        Path::new(lane.name()).join(self.to_file_name())
    }
}

/// The name of a flow file within `flows/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FlowFileName {
    /// Rises by one.
    pub number: u64,
    /// When it was written.
    pub time: Timestamp,
}

impl FlowFileName {
    /// As in a directory listing.
    pub fn to_file_name(&self) -> String {
        format!("{:08}-{}.parquet", self.number, time::compact(self.time))
    }

    /// From a directory listing; `None` for names of other things.
    pub fn parse(file_name: &str) -> Option<Self> {
        let (number, time) = numbered(file_name.strip_suffix(".parquet")?)?;
        Some(Self { number, time })
    }

    /// Relative to the tape's directory.
    pub fn path(&self) -> PathBuf {
        Path::new(FLOWS).join(self.to_file_name())
    }
}

/// The index of a segment's frames, relative to the tape's directory.
pub fn catalog_path(lane: Lane, number: u64) -> PathBuf {
    Path::new(CATALOG).join(format!("{}-{number:08}.frames", lane.name()))
}

/// Lane and segment of an index, from a listing of `catalog/`.
pub fn parse_catalog(file_name: &str) -> Option<(Lane, u64)> {
    let (lane, number) = file_name.strip_suffix(".frames")?.split_once('-')?;
    Some((Lane::ALL.into_iter().find(|known| known.name() == lane)?, digits(number)?))
}

/// What the closed segments of a lane hold, relative to the tape's directory.
pub fn segments_path(lane: Lane) -> PathBuf {
    Path::new(CATALOG).join(format!("{}.segments", lane.name()))
}

/// The index of a flow file, relative to the tape's directory.
pub fn flow_index_path(number: u64) -> PathBuf {
    Path::new(CATALOG).join(format!("{FLOWS}-{number:08}.index"))
}

/// The number of the flow file of an index, from a listing of `catalog/`.
pub fn parse_flow_index(file_name: &str) -> Option<u64> {
    digits(file_name.strip_prefix(FLOWS)?.strip_prefix('-')?.strip_suffix(".index")?)
}

/// The roll-up of the indexes of flow files from `first` to `last`, relative to the tape's directory.
pub fn rollup_path(first: u64, last: u64) -> PathBuf {
    Path::new(CATALOG).join(format!("{FLOWS}-{first:08}-{last:08}.rollup"))
}

/// The first and the last flow file of a roll-up, from a listing of `catalog/`.
pub fn parse_rollup(file_name: &str) -> Option<(u64, u64)> {
    let (first, last) = file_name.strip_prefix(FLOWS)?.strip_prefix('-')?.strip_suffix(".rollup")?.split_once('-')?;
    Some((digits(first)?, digits(last)?))
}

/// The journal of a lane, relative to the tape's directory.
pub fn journal_path(lane: Lane) -> PathBuf {
    Path::new(LIVE).join(format!("{}.journal", lane.name()))
}

/// The flow table at the last checkpoint, relative to the tape's directory.
pub fn state_path() -> PathBuf {
    Path::new(LIVE).join("flows.state")
}

/// The recorder's lock, relative to the tape's directory.
pub fn lock_path() -> PathBuf {
    Path::new(LIVE).join("lock")
}

/// The recorder's sign of life, relative to the tape's directory.
pub fn heartbeat_path() -> PathBuf {
    Path::new(LIVE).join("heartbeat")
}

/// A file of the log, relative to the tape's directory.
pub fn chain_path(number: u64) -> PathBuf {
    Path::new(CHAIN).join(format!("{number:08}.jsonl"))
}

/// The number of a file of the log, from a listing of `chain/`.
pub fn parse_chain(file_name: &str) -> Option<u64> {
    digits(file_name.strip_suffix(".jsonl")?)
}

fn numbered(stem: &str) -> Option<(u64, Timestamp)> {
    let (number, time) = stem.split_once('-')?;
    Some((digits(number)?, time::parse_compact(time)?))
}

fn digits(text: &str) -> Option<u64> {
    let plain = text.len() >= 8 && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_and_read() {
        let name = SegmentName { number: 42, time: Timestamp(1_795_401_065_123_456_789), encoding: Encoding::Zstd };
        assert_eq!(name.path(Lane::Client).to_str(), Some("client/00000042-20261123T023105.123456789Z.pcapng.zst"));
        for encoding in [Encoding::Zstd, Encoding::Plain] {
            for number in [1, 99_999_999, 100_000_000] {
                let name = SegmentName { number, encoding, ..name };
                assert_eq!(SegmentName::parse(&name.to_file_name()), Some(name));
            }
        }
        let flows = FlowFileName { number: 7, time: name.time };
        assert_eq!(flows.path().to_str(), Some("flows/00000007-20261123T023105.123456789Z.parquet"));
        assert_eq!(FlowFileName::parse(&flows.to_file_name()), Some(flows));
        assert_eq!(catalog_path(Lane::Junk, 9).to_str(), Some("catalog/junk-00000009.frames"));
        assert_eq!(parse_catalog("junk-00000009.frames"), Some((Lane::Junk, 9)));
        assert_eq!(parse_chain("00000001.jsonl"), Some(1));
    }

    #[test]
    fn other_names_are_of_other_things() {
        for name in
            ["", "dump.pcapng", "42-20261123T023105.123456789Z.pcapng", "00000042.pcapng", "+0000042-x.pcapng.zst"]
        {
            assert_eq!(SegmentName::parse(name), None, "{name}");
        }
        assert_eq!(parse_catalog("other-00000009.frames"), None);
    }
}
