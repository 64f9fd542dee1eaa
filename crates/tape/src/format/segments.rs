//! `catalog/<lane>.segments`: what the closed segments of a lane hold, so that those of other times need not be opened.

use packet::Timestamp;

use super::catalog::FrameRecord;
use super::checksum;
use super::names::SegmentName;

/// What a file starts with.
pub const MAGIC: &[u8; 8] = b"wtsegmt1";
/// Length of a record.
pub const RECORD_BYTES: usize = 88;
const SUM_BYTES: usize = 8;

/// What a closed segment holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SegmentRecord {
    /// Its number.
    pub number: u64,
    /// The time in its name: a segment with another one is another segment.
    pub name_time: Timestamp,
    /// Bytes of its file.
    pub cbytes: u64,
    /// Bytes uncompressed.
    pub ubytes: u64,
    /// Packets in it.
    pub packets: u64,
    /// Frames in it.
    pub frames: u32,
    /// Interfaces that it describes.
    pub interfaces: u32,
    /// Least and greatest arrival number.
    pub arrivals: (u64, u64),
    /// Least and greatest time of a packet.
    pub times: (Timestamp, Timestamp),
}

impl SegmentRecord {
    /// Of a segment with these frames; `None` if none of them has packets.
    pub fn of(name: &SegmentName, frames: &[FrameRecord]) -> Option<Self> {
        let last = frames.last()?;
        let with_packets = || frames.iter().filter(|frame| frame.packets > 0);
        Some(Self {
            number: name.number,
            name_time: name.time,
            cbytes: last.cend(),
            ubytes: last.uend(),
            packets: frames.iter().map(|frame| u64::from(frame.packets)).sum(),
            frames: u32::try_from(frames.len()).ok()?,
            interfaces: last.interfaces,
            arrivals: (
                with_packets().map(|frame| frame.first_arrival).min()?,
                with_packets().map(|frame| frame.last_arrival).max()?,
            ),
            times: (
                with_packets().map(|frame| frame.first_time).min()?,
                with_packets().map(|frame| frame.last_time).max()?,
            ),
        })
    }

    /// Whether it can hold packets from `from` on and before `to`.
    pub fn overlaps(&self, from: Option<Timestamp>, to: Option<Timestamp>) -> bool {
        from.is_none_or(|from| self.times.1 >= from) && to.is_none_or(|to| self.times.0 < to)
    }

    /// Appends the record's bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let begin = out.len();
        let counts = u64::from(self.frames) | u64::from(self.interfaces) << 32;
        let times = [self.name_time, self.times.0, self.times.1].map(|time| time.0.cast_unsigned());
        let [name_time, first_time, last_time] = times;
        let words = [
            self.number,
            name_time,
            self.cbytes,
            self.ubytes,
            self.packets,
            counts,
            self.arrivals.0,
            self.arrivals.1,
            first_time,
            last_time,
        ];
        words.iter().for_each(|word| out.extend_from_slice(&word.to_le_bytes()));
        let sum = checksum::<SUM_BYTES>(&[out.get(begin..).unwrap_or_default()]);
        out.extend_from_slice(&sum);
    }

    fn decode(bytes: &[u8; RECORD_BYTES]) -> Option<Self> {
        let (body, sum) = bytes.split_last_chunk::<SUM_BYTES>()?;
        if checksum::<SUM_BYTES>(&[body]) != *sum {
            return None;
        }
        let mut words = [0; (RECORD_BYTES - SUM_BYTES) / 8];
        for (word, bytes) in words.iter_mut().zip(body.chunks_exact(8)) {
            *word = u64::from_le_bytes(*bytes.first_chunk()?);
        }
        let [number, name_time, cbytes, ubytes, packets, counts, first_arrival, last_arrival, first_time, last_time] =
            words;
        let time = |bits: u64| Timestamp(bits.cast_signed());
        Some(Self {
            number,
            name_time: time(name_time),
            cbytes,
            ubytes,
            packets,
            frames: counts as u32,
            interfaces: (counts >> 32) as u32,
            arrivals: (first_arrival, last_arrival),
            times: (time(first_time), time(last_time)),
        })
    }
}

/// The records of a file, ascending by number, up to the first that fails its checksum or does not ascend.
pub fn decode(bytes: &[u8]) -> Vec<SegmentRecord> {
    let Some(mut rest) = bytes.strip_prefix(MAGIC) else { return Vec::new() };
    let mut records: Vec<SegmentRecord> = Vec::with_capacity(rest.len() / RECORD_BYTES);
    while let Some((bytes, behind)) = rest.split_first_chunk::<RECORD_BYTES>() {
        let Some(record) = SegmentRecord::decode(bytes) else { break };
        if records.last().is_some_and(|last| last.number >= record.number) {
            break;
        }
        records.push(record);
        rest = behind;
    }
    records
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::names::Encoding;

    #[test]
    fn records_are_written_and_read_up_to_the_first_that_fails() {
        let name = |number| SegmentName { number, time: Timestamp(-7), encoding: Encoding::Zstd };
        let frame = |packets, number: u64| FrameRecord {
            uoffset: 100 * number,
            coffset: 50 * number,
            ubytes: 100,
            cbytes: 50,
            packets,
            first_arrival: 10 * number,
            last_arrival: 10 * number + 5,
            first_time: Timestamp(-(number as i64)),
            last_time: Timestamp(number as i64),
            interfaces: 3,
            ..FrameRecord::default()
        };
        let frames = [frame(0, 0), frame(4, 1), frame(5, 2), frame(0, 3)];
        let record = SegmentRecord::of(&name(4), &frames).unwrap();
        assert_eq!((record.packets, record.frames, record.cbytes, record.ubytes), (9, 4, 200, 400));
        assert_eq!((record.arrivals, record.times), ((10, 25), (Timestamp(-2), Timestamp(2))));
        assert_eq!(SegmentRecord::of(&name(4), &frames[..1]), None);
        let later = SegmentRecord { number: 9, ..record };
        let mut file = MAGIC.to_vec();
        record.encode(&mut file);
        later.encode(&mut file);
        assert_eq!(decode(&file), [record, later]);
        for at in 0..file.len() {
            file[at] ^= 1;
            let whole = at.saturating_sub(MAGIC.len()) / RECORD_BYTES;
            assert_eq!(decode(&file).len(), if at < MAGIC.len() { 0 } else { whole }, "byte {at}");
            file[at] ^= 1;
        }
        record.encode(&mut file);
        assert_eq!(decode(&file).len(), 2);
    }
}
