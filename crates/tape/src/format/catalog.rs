//! `catalog/<lane>-<number>.frames`: where the frames of a segment are, and what they hold.

use packet::Timestamp;

use super::checksum;

/// What a file starts with.
pub const MAGIC: &[u8; 8] = b"wtframe1";
/// Length of the header.
pub const HEADER_BYTES: usize = 16;
/// Length of a record.
pub const RECORD_BYTES: usize = 80;

/// The frame holds an SHB or IDBs.
pub const HOLDS_INTERFACES: u32 = 1;
/// The frame is stored, not compressed.
pub const STORED: u32 = 2;
/// The frame holds ISBs.
pub const HOLDS_STATISTICS: u32 = 4;

/// One frame of a segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameRecord {
    /// Offset in the uncompressed stream.
    pub uoffset: u64,
    /// Offset in the file.
    pub coffset: u64,
    /// Bytes uncompressed.
    pub ubytes: u32,
    /// Bytes in the file.
    pub cbytes: u32,
    /// Packets in it.
    pub packets: u32,
    /// [`HOLDS_INTERFACES`], [`STORED`], [`HOLDS_STATISTICS`].
    pub flags: u32,
    /// Least arrival number, 0 if there is no packet.
    pub first_arrival: u64,
    /// Greatest arrival number.
    pub last_arrival: u64,
    /// Least time of a packet.
    pub first_time: Timestamp,
    /// Greatest time of a packet.
    pub last_time: Timestamp,
    /// Interfaces that the stream has defined at the end of this frame.
    pub interfaces: u32,
}

impl FrameRecord {
    /// Where the next frame starts in the uncompressed stream.
    pub fn uend(&self) -> u64 {
        self.uoffset.saturating_add(u64::from(self.ubytes))
    }

    /// Where the next frame starts in the file.
    pub fn cend(&self) -> u64 {
        self.coffset.saturating_add(u64::from(self.cbytes))
    }

    /// The record's bytes.
    pub fn encode(&self) -> [u8; RECORD_BYTES] {
        let mut bytes = [0; RECORD_BYTES];
        let (body, sum) = bytes.split_at_mut(72);
        let mut rest = &mut *body;
        let mut put = |field: &[u8]| {
            let (head, tail) = std::mem::take(&mut rest).split_at_mut(field.len());
            head.copy_from_slice(field);
            rest = tail;
        };
        put(&self.uoffset.to_le_bytes());
        put(&self.coffset.to_le_bytes());
        put(&self.ubytes.to_le_bytes());
        put(&self.cbytes.to_le_bytes());
        put(&self.packets.to_le_bytes());
        put(&self.flags.to_le_bytes());
        put(&self.first_arrival.to_le_bytes());
        put(&self.last_arrival.to_le_bytes());
        put(&self.first_time.nanoseconds().to_le_bytes());
        put(&self.last_time.nanoseconds().to_le_bytes());
        put(&self.interfaces.to_le_bytes());
        sum.copy_from_slice(&checksum::<8>(&[body]));
        bytes
    }

    /// Reads a record; `None` if its checksum fails.
    pub fn decode(bytes: &[u8; RECORD_BYTES]) -> Option<Self> {
        let (body, sum) = bytes.split_first_chunk::<72>()?;
        if checksum::<8>(&[body]) != sum {
            return None;
        }
        let u64_at = |at: usize| body.get(at..)?.first_chunk().copied().map(u64::from_le_bytes);
        let u32_at = |at: usize| body.get(at..)?.first_chunk().copied().map(u32::from_le_bytes);
        let time_at =
            |at: usize| body.get(at..)?.first_chunk().copied().map(|bytes| Timestamp(i64::from_le_bytes(bytes)));
        Some(Self {
            uoffset: u64_at(0)?,
            coffset: u64_at(8)?,
            ubytes: u32_at(16)?,
            cbytes: u32_at(20)?,
            packets: u32_at(24)?,
            flags: u32_at(28)?,
            first_arrival: u64_at(32)?,
            last_arrival: u64_at(40)?,
            first_time: time_at(48)?,
            last_time: time_at(56)?,
            interfaces: u32_at(64)?,
        })
    }
}

/// The header of the index of a segment.
pub fn encode_header(number: u64) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    let (magic, rest) = header.split_at_mut(8);
    magic.copy_from_slice(MAGIC);
    rest.copy_from_slice(&number.to_le_bytes());
    header
}

/// The records of the index of segment `number`, up to the first that does not fit: a wrong checksum, or not contiguous.
pub fn decode(bytes: &[u8], number: u64) -> Vec<FrameRecord> {
    let Some((header, mut rest)) = bytes.split_first_chunk::<HEADER_BYTES>() else { return Vec::new() };
    if *header != encode_header(number) {
        return Vec::new();
    }
    let mut records = Vec::with_capacity(rest.len() / RECORD_BYTES);
    let (mut uoffset, mut coffset) = (0, 0);
    while let Some((bytes, tail)) = rest.split_first_chunk::<RECORD_BYTES>() {
        let Some(record) = FrameRecord::decode(bytes) else { break };
        if (record.uoffset, record.coffset) != (uoffset, coffset) || record.ubytes == 0 || record.cbytes == 0 {
            break;
        }
        (uoffset, coffset) = (record.uend(), record.cend());
        records.push(record);
        rest = tail;
    }
    records
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records() -> Vec<FrameRecord> {
        let first =
            FrameRecord { ubytes: 300, cbytes: 200, flags: HOLDS_INTERFACES, interfaces: 2, ..FrameRecord::default() };
        let second = FrameRecord {
            uoffset: 300,
            coffset: 200,
            ubytes: 1 << 20,
            cbytes: 12_345,
            packets: 700,
            flags: STORED,
            first_arrival: 5,
            last_arrival: 900,
            first_time: Timestamp(-4),
            last_time: Timestamp(i64::MAX),
            interfaces: 2,
        };
        vec![first, second]
    }

    #[test]
    fn records_are_written_and_read() {
        let mut file = encode_header(42).to_vec();
        records().iter().for_each(|record| file.extend(record.encode()));
        assert_eq!(decode(&file, 42), records());
        assert_eq!(decode(&file, 41), []);
        file.extend([0; 79]);
        assert_eq!(decode(&file, 42), records());
    }

    #[test]
    fn a_flipped_bit_ends_the_records() {
        let mut file = encode_header(42).to_vec();
        records().iter().for_each(|record| file.extend(record.encode()));
        for at in 0..file.len() {
            let mut bad = file.clone();
            bad[at] ^= 1;
            let whole = at.saturating_sub(HEADER_BYTES) / RECORD_BYTES;
            let whole = if at < HEADER_BYTES { 0 } else { whole };
            assert_eq!(decode(&bad, 42), records()[..whole], "byte {at}");
        }
    }
}
