//! `catalog/flows-….index` and `catalog/flows-….rollup`: what flow files hold, and in which rows or files it is.
//!
//! Both have a head with a summary of each flow file, and six tables ([`key_table`](super::key_table)): in the index of
//! one file a key leads to row numbers, in the roll-up of several to the files' places in the head.

use packet::{Cursor, Timestamp};

use super::checksum;
use super::key_table::KeyTable;
use super::names::FlowFileName;
use super::state::{Covers, Position};
use crate::Lane;

/// What a file starts with.
pub const MAGIC: &[u8; 8] = b"wtindex5";
/// Length of the head before its tables.
const PREFIX_BYTES: usize = 24;
/// Length of a table's description.
const TABLE_BYTES: usize = 32;
/// Length of a summary.
const SUMMARY_BYTES: usize = 232;
/// Length of the head's checksum.
const SUM_BYTES: usize = 8;
/// Most flow files of a roll-up.
pub const FILES_MAX: usize = 4096;
/// Number of tables.
pub const TABLES: usize = 6;

/// The tables of a file, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// Addresses, as numbers of 128 bits; IPv4 as IPv4-mapped IPv6.
    Addresses,
    /// Ports.
    Ports,
    /// The first 24 bits of flow ids.
    Flows,
    /// The first 32 bits of hashes of a column's name and a text in it; of names, those above them too.
    Texts,
    /// What rows are: [`OPAQUE`], [`OPAQUE_PORTS`], [`UNREAD`], [`BEYOND_HEAD`], [`CERTIFIED`],
    /// [`FILES`].
    Traits,
    /// Addresses in what is said.
    Named,
}

impl Table {
    /// All of them.
    pub const ALL: [Self; TABLES] = [Self::Addresses, Self::Ports, Self::Flows, Self::Texts, Self::Traits, Self::Named];
}

/// A trait: addresses and ports on the outside of the row's packets may be others than those that lead to it.
pub const OPAQUE: u32 = 0;
/// A trait: ports on the outside may be others; addresses there lead to the row too.
pub const OPAQUE_PORTS: u32 = 1;
/// A trait: what is said in the row's packets was not read, or not all of it; other texts may be in it.
pub const UNREAD: u32 = 2;
/// A trait: more follows the head, of a protocol that can be read.
pub const BEYOND_HEAD: u32 = 3;
/// A trait: certificates were shown.
pub const CERTIFIED: u32 = 4;
/// A trait: files were moved whole.
pub const FILES: u32 = 5;

/// What a flow file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSummary {
    /// The flow file's name: an index of a file with another one is stale.
    pub name: FlowFileName,
    /// The flow file's length.
    pub file_bytes: u64,
    /// Its rows.
    pub rows: u32,
    /// Some of its frames hold packets without a row.
    pub has_rowless: bool,
    /// Earliest and latest packet.
    pub times: (Timestamp, Timestamp),
    /// Least and greatest arrival number.
    pub arrivals: (u64, u64),
    /// Up to where packets have been counted, this file included.
    pub covers: Covers,
    /// By lane, the first and the last segment that holds its packets; 0 where there is none.
    pub segments: [(u64, u64); Lane::ALL.len()],
    /// The flow table's clock at the end of the file's period; 0 if it is not known.
    pub clock_ns: u64,
}

/// Where a table is in its file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TablePlace {
    /// Number of keys.
    pub keys: u32,
    /// Length of the directory.
    pub directory_bytes: u32,
    /// Length of the blocks, which stand behind it.
    pub blocks_bytes: u32,
    /// Where the directory begins in the file.
    pub offset: u64,
    /// Checksum of the directory.
    pub sum: [u8; 8],
}

/// The head of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The keys lead to flow files, not to rows.
    pub is_rollup: bool,
    /// The flow files, oldest first.
    pub files: Vec<FileSummary>,
    tables: [TablePlace; TABLES],
}

/// A whole file.
pub fn encode(is_rollup: bool, files: &[FileSummary], tables: &[KeyTable; TABLES]) -> Vec<u8> {
    let head_bytes = PREFIX_BYTES + TABLES * TABLE_BYTES + files.len() * SUMMARY_BYTES + SUM_BYTES;
    let mut offset = head_bytes as u64;
    let mut bytes = Vec::new();
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&(head_bytes as u32).to_le_bytes());
    bytes.extend_from_slice(&u32::from(is_rollup).to_le_bytes());
    bytes.extend_from_slice(&(files.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&(TABLES as u32).to_le_bytes());
    for table in tables {
        let lengths = [table.keys, table.directory.len() as u32, table.blocks.len() as u32, 0];
        lengths.iter().for_each(|length| bytes.extend_from_slice(&length.to_le_bytes()));
        bytes.extend_from_slice(&offset.to_le_bytes());
        bytes.extend_from_slice(&checksum::<8>(&[&table.directory]));
        offset += (table.directory.len() + table.blocks.len()) as u64;
    }
    files.iter().for_each(|file| file.encode(&mut bytes));
    bytes.extend_from_slice(&checksum::<SUM_BYTES>(&[&bytes]));
    for table in tables {
        bytes.extend_from_slice(&table.directory);
        bytes.extend_from_slice(&table.blocks);
    }
    bytes
}

impl Head {
    /// The head's length, from the first bytes of a file; `None` if it is no such file.
    pub fn bytes_of(prefix: &[u8]) -> Option<usize> {
        let length = prefix.strip_prefix(MAGIC)?.first_chunk()?;
        usize::try_from(u32::from_le_bytes(*length)).ok()
    }

    /// Reads a head; `None` if its checksum fails or it is not what this version writes.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (body, sum) = bytes.get(..Self::bytes_of(bytes)?)?.split_last_chunk::<SUM_BYTES>()?;
        if checksum::<SUM_BYTES>(&[body]) != *sum {
            return None;
        }
        let mut rest = Cursor::new(body);
        rest.skip(MAGIC.len() + 4)?;
        let mut number = || rest.array().map(u32::from_le_bytes);
        let (level, count, tables) = (number()?, number()? as usize, number()? as usize);
        let expected = PREFIX_BYTES + TABLES * TABLE_BYTES + count.checked_mul(SUMMARY_BYTES)?;
        if level > 1 || tables != TABLES || count > FILES_MAX || body.len() != expected || (level == 0 && count != 1) {
            return None;
        }
        let mut tables = [TablePlace::default(); TABLES];
        for table in &mut tables {
            *table = TablePlace::decode(&mut rest)?;
        }
        let files = (0..count).map(|_| FileSummary::decode(&mut rest)).collect::<Option<Vec<_>>>()?;
        let ascending = files.iter().zip(files.iter().skip(1)).all(|(one, next)| one.name.number < next.name.number);
        ascending.then_some(Self { is_rollup: level == 1, files, tables })
    }

    /// Where a table is.
    pub fn table(&self, table: Table) -> TablePlace {
        self.tables[table as usize]
    }

    /// Numbers in the tables are smaller.
    pub fn numbers_end(&self) -> u32 {
        match self.files.first() {
            Some(file) if !self.is_rollup => file.rows,
            _ => self.files.len() as u32,
        }
    }
}

impl TablePlace {
    fn decode(rest: &mut Cursor) -> Option<Self> {
        let [keys, directory_bytes, blocks_bytes, _] = u32s(rest)?;
        let offset = u64::from_le_bytes(rest.array()?);
        Some(Self { keys, directory_bytes, blocks_bytes, offset, sum: rest.array()? })
    }
}

const HAS_ROWLESS: u32 = 1;

impl FileSummary {
    fn encode(&self, out: &mut Vec<u8>) {
        let flags = if self.has_rowless { HAS_ROWLESS } else { 0 };
        let mut put = |value: u64| out.extend_from_slice(&value.to_le_bytes());
        put(self.name.number);
        put(self.name.time.0.cast_unsigned());
        put(self.file_bytes);
        put(u64::from(self.rows) | u64::from(flags) << 32);
        put(self.times.0.0.cast_unsigned());
        put(self.times.1.0.cast_unsigned());
        put(self.arrivals.0);
        put(self.arrivals.1);
        for lane in Lane::ALL {
            let Position { segment, uoffset } = self.covers.lane(lane);
            put(segment);
            put(uoffset);
        }
        for (first, last) in self.segments {
            put(first);
            put(last);
        }
        put(self.clock_ns);
    }

    fn decode(rest: &mut Cursor) -> Option<Self> {
        let [number, time, file_bytes] = u64s(rest)?;
        let [rows, flags] = u32s(rest)?;
        let [first_time, last_time, first_arrival, last_arrival] = u64s(rest)?;
        let mut covers = Covers::default();
        for lane in Lane::ALL {
            let [segment, uoffset] = u64s(rest)?;
            covers.set(lane, Position { segment, uoffset });
        }
        let mut segments = [(0, 0); Lane::ALL.len()];
        for range in &mut segments {
            *range = u64s::<2>(rest)?.into();
        }
        let [clock_ns] = u64s(rest)?;
        let time_of = |bits: u64| Timestamp(bits.cast_signed());
        Some(Self {
            name: FlowFileName { number, time: time_of(time) },
            file_bytes,
            rows,
            has_rowless: flags & HAS_ROWLESS != 0,
            times: (time_of(first_time), time_of(last_time)),
            arrivals: (first_arrival, last_arrival),
            covers,
            segments,
            clock_ns,
        })
    }
}

fn u64s<const N: usize>(rest: &mut Cursor) -> Option<[u64; N]> {
    let mut values = [0; N];
    for value in &mut values {
        *value = u64::from_le_bytes(rest.array()?);
    }
    Some(values)
}

fn u32s<const N: usize>(rest: &mut Cursor) -> Option<[u32; N]> {
    let mut values = [0; N];
    for value in &mut values {
        *value = u32::from_le_bytes(rest.array()?);
    }
    Some(values)
}
