//! Sorted keys, each with a set of small numbers: the table that indexes of flow files and their roll-ups are made of.
//!
//! A table is a directory and blocks. A block is a run of keys, each with its set; the directory has the first key of
//! each block, where the block begins, and its checksum. So a look-up reads the directory and one block, and notices
//! damage in what it reads; the directory's own checksum stands in the file's head.

use std::ops::Range;

use packet::Cursor;

use super::checksum;

/// Keys of a block, unless their sets are long.
const BLOCK_KEYS_MAX: usize = 64;
/// A block of so many bytes takes no further key.
const BLOCK_BYTES_MAX: usize = 2048;
/// Length of a directory entry.
pub const ENTRY_BYTES: usize = 24;

/// The numbers come one by one, as distances.
const FORM_LIST: u8 = 0;
/// Distance and length of runs of neighbours.
const FORM_RUNS: u8 = 1;
/// The first number, then a bit for each from there on.
const FORM_BITS: u8 = 2;

/// A table as it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyTable {
    /// Number of keys.
    pub keys: u32,
    /// [`ENTRY_BYTES`] a block.
    pub directory: Vec<u8>,
    /// The blocks.
    pub blocks: Vec<u8>,
    open: Block,
}

/// The block that is being written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Block {
    keys: usize,
    first: u128,
    last: u128,
    /// Where it begins.
    offset: usize,
}

impl KeyTable {
    /// From pairs of a key and a number in order, without any twice.
    pub fn encode<K: Copy + PartialEq + Into<u128>>(pairs: &[(K, u32)]) -> Self {
        let mut table = Self::default();
        let mut numbers = Vec::new();
        for of_key in pairs.chunk_by(|one, other| one.0 == other.0) {
            let Some((key, _)) = of_key.first() else { continue };
            numbers.clear();
            numbers.extend(of_key.iter().map(|(_, number)| *number));
            table.push((*key).into(), &numbers);
        }
        table.finish()
    }

    /// Adds a key that is greater than those before, with its ascending numbers.
    pub fn push(&mut self, key: u128, numbers: &[u32]) {
        if self.open.keys == 0 {
            self.open = Block { keys: 0, first: key, last: key, offset: self.blocks.len() };
        } else {
            put_varint(&mut self.blocks, key - self.open.last);
        }
        self.open.last = key;
        self.open.keys += 1;
        self.keys += 1;
        put_numbers(&mut self.blocks, numbers);
        if self.open.keys >= BLOCK_KEYS_MAX || self.blocks.len() - self.open.offset >= BLOCK_BYTES_MAX {
            self.close_block();
        }
    }

    /// Ends the last block.
    pub fn finish(mut self) -> Self {
        self.close_block();
        self
    }

    fn close_block(&mut self) {
        let Block { keys, first, offset, .. } = std::mem::take(&mut self.open);
        if keys > 0 {
            self.directory.extend_from_slice(&first.to_le_bytes());
            self.directory.extend_from_slice(&(offset as u32).to_le_bytes());
            let block = self.blocks.get(offset..).unwrap_or_default();
            self.directory.extend_from_slice(&checksum::<4>(&[block]));
        }
    }
}

/// The directory of a table: where each block is.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    entries: Vec<DirectoryEntry>,
    blocks_bytes: u32,
}

#[derive(Clone, Copy, Debug)]
struct DirectoryEntry {
    first: u128,
    offset: u32,
    sum: [u8; 4],
}

/// Where a block is among the blocks, and what it must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockPlace {
    /// Its first key.
    pub first: u128,
    /// Its first byte.
    pub offset: u32,
    /// Its length.
    pub bytes: u32,
    sum: [u8; 4],
}

impl BlockPlace {
    /// Of bytes that are taken for a block.
    pub fn whole(bytes: &[u8]) -> Self {
        Self { first: 0, offset: 0, bytes: bytes.len() as u32, sum: checksum(&[bytes]) }
    }
}

impl Directory {
    /// Reads a directory; `None` where its blocks do not follow each other.
    pub fn decode(mut bytes: &[u8], blocks_bytes: u32) -> Option<Self> {
        let mut entries: Vec<DirectoryEntry> = Vec::with_capacity(bytes.len() / ENTRY_BYTES);
        while !bytes.is_empty() {
            let mut entry = Cursor::new(bytes.get(..ENTRY_BYTES)?);
            let first = u128::from_le_bytes(entry.array()?);
            let offset = u32::from_le_bytes(entry.array()?);
            let follows = entries.last().map_or(offset == 0, |last| last.first < first && last.offset < offset);
            if !follows || offset >= blocks_bytes {
                return None;
            }
            entries.push(DirectoryEntry { first, offset, sum: entry.array()? });
            bytes = bytes.get(ENTRY_BYTES..)?;
        }
        Some(Self { entries, blocks_bytes })
    }

    /// Number of blocks.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True of a table without keys.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Where a block is.
    pub fn block(&self, number: usize) -> Option<BlockPlace> {
        let DirectoryEntry { first, offset, sum } = *self.entries.get(number)?;
        let end = self.entries.get(number + 1).map_or(self.blocks_bytes, |next| next.offset);
        Some(BlockPlace { first, offset, bytes: end - offset, sum })
    }

    /// The blocks that can hold keys from `low` to `high`, both included.
    pub fn blocks(&self, low: u128, high: u128) -> impl Iterator<Item = BlockPlace> + '_ {
        self.numbers(low, high).filter_map(|number| self.block(number))
    }

    /// The numbers of the blocks that can hold keys from `low` to `high`, both included.
    pub fn numbers(&self, low: u128, high: u128) -> Range<usize> {
        let from = self.entries.partition_point(|entry| entry.first <= low).saturating_sub(1);
        from..self.entries.partition_point(|entry| entry.first <= high).max(from)
    }
}

/// Hands out the sets of the keys from `low` to `high` of a block; `None` if it is damaged.
pub fn scan_block(
    place: &BlockPlace,
    bytes: &[u8],
    (low, high): (u128, u128),
    take: &mut dyn FnMut(u128, Numbers),
) -> Option<()> {
    if checksum::<4>(&[bytes]) != place.sum {
        return None;
    }
    let mut rest = Cursor::new(bytes);
    let mut key = place.first;
    loop {
        let numbers = Numbers::read(&mut rest)?;
        if (low..=high).contains(&key) {
            take(key, numbers);
        }
        if rest.is_empty() || key >= high {
            return Some(());
        }
        key = key.checked_add(varint(&mut rest)?)?;
    }
}

/// A set of numbers as it is written.
#[derive(Clone, Copy, Debug)]
pub enum Numbers<'a> {
    /// One.
    One(u32),
    /// Several, in one of the forms.
    Several(&'a [u8]),
}

impl<'a> Numbers<'a> {
    fn read(from: &mut Cursor<'a>) -> Option<Self> {
        let head = varint(from)?;
        if head & 1 == 0 {
            return u32::try_from(head >> 1).ok().map(Self::One);
        }
        from.take(usize::try_from(head >> 1).ok()?).map(Self::Several)
    }

    /// Hands out the numbers below `end` in ascending runs (first and number behind the last); `None` if it is damaged.
    pub fn each_run(&self, end: u32, mut take: impl FnMut(u32, u32)) -> Option<()> {
        let body = match self {
            Self::One(number) => {
                if *number < end {
                    take(*number, number + 1);
                }
                return Some(());
            }
            Self::Several(body) => *body,
        };
        let mut rest = Cursor::new(body);
        let form = rest.u8()?;
        let mut next = 0_u32;
        let distance = |rest: &mut Cursor| u32::try_from(varint(rest)?).ok();
        match form {
            FORM_LIST | FORM_RUNS => {
                while !rest.is_empty() {
                    let first = next.checked_add(distance(&mut rest)?)?;
                    let length = if form == FORM_RUNS { distance(&mut rest)?.checked_add(1)? } else { 1 };
                    next = first.checked_add(length)?;
                    if next > end {
                        return None;
                    }
                    take(first, next);
                }
            }
            FORM_BITS => {
                let base = distance(&mut rest)?;
                for (index, byte) in (0_u32..).zip(rest.rest()) {
                    let mut bits = *byte;
                    while bits != 0 {
                        let first = base.checked_add(index.checked_mul(8)?)?.checked_add(bits.trailing_zeros())?;
                        let length = (bits >> bits.trailing_zeros()).trailing_ones();
                        if first.checked_add(length)? > end {
                            return None;
                        }
                        take(first, first + length);
                        bits &= (u16::MAX << (bits.trailing_zeros() + length)) as u8;
                    }
                }
            }
            _ => return None,
        }
        Some(())
    }
}

/// Writes an ascending set in its shortest form.
fn put_numbers(out: &mut Vec<u8>, numbers: &[u32]) {
    let (Some(first), Some(last)) = (numbers.first(), numbers.last()) else { return put_varint(out, 1) };
    if numbers.len() == 1 {
        return put_varint(out, u128::from(*first) << 1);
    }
    // Which is shortest shows when they are there: sets of more than one number are few.
    let mut list = vec![FORM_LIST];
    let mut runs = vec![FORM_RUNS];
    let (mut after, mut after_run) = (0, 0);
    for run in numbers.chunk_by(|one, other| one + 1 == *other) {
        let start = run.first().copied().unwrap_or_default();
        for number in run {
            put_varint(&mut list, (number - after).into());
            after = number + 1;
        }
        put_varint(&mut runs, (start - after_run).into());
        put_varint(&mut runs, run.len() as u128 - 1);
        after_run = after;
    }
    let bits_bytes = ((last - first) / 8 + 1) as usize;
    if bits_bytes + 6 < list.len().min(runs.len()) {
        let mut bits = vec![FORM_BITS];
        put_varint(&mut bits, (*first).into());
        let base = bits.len();
        bits.resize(base + bits_bytes, 0);
        for number in numbers {
            let place = number - first;
            bits[base + place as usize / 8] |= 1 << (place % 8);
        }
        list = bits;
    } else if runs.len() < list.len() {
        list = runs;
    }
    put_varint(out, (list.len() as u128) << 1 | 1);
    out.extend_from_slice(&list);
}

/// Seven bits a byte, least first; the last byte has its eighth bit clear.
fn put_varint(out: &mut Vec<u8>, mut value: u128) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn varint(from: &mut Cursor) -> Option<u128> {
    let mut value = 0;
    for shift in (0..128).step_by(7) {
        let byte = from.u8()?;
        let bits = u128::from(byte & 0x7f);
        if shift == 126 && bits > 3 {
            return None;
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn look_up(table: &KeyTable, low: u128, high: u128) -> Vec<(u128, u32)> {
        let directory = Directory::decode(&table.directory, table.blocks.len() as u32).unwrap();
        let mut found = Vec::new();
        for place in directory.blocks(low, high) {
            let bytes = &table.blocks[place.offset as usize..][..place.bytes as usize];
            let mut take = |key, numbers: Numbers| {
                numbers
                    .each_run(u32::MAX, |first, end| found.extend((first..end).map(|number| (key, number))))
                    .unwrap();
            };
            scan_block(&place, bytes, (low, high), &mut take).unwrap();
        }
        found
    }

    /// Sets of all kinds: single, sparse, dense, runs; keys near each other and as far apart as can be.
    fn pairs() -> impl Strategy<Value = Vec<(u128, u32)>> {
        let key =
            prop_oneof![0..50_u128, any::<u128>(), Just(u128::MAX), (0..5000_u128).prop_map(|low| 0xffff << 32 | low)];
        let numbers = prop_oneof![
            proptest::collection::vec(any::<u32>().prop_map(|number| number >> 1), 1..4),
            proptest::collection::vec(0..300_u32, 0..200),
            (0..5000_u32, 0..5000_u32).prop_map(|(first, length)| (first..first + length).collect()),
            (0..5000_u32).prop_map(|length| (0..length).filter(|number| number % 3 > 0).collect()),
        ];
        proptest::collection::btree_map(key, numbers, 0..200).prop_map(|map| {
            let mut pairs: Vec<(u128, u32)> = map
                .into_iter()
                .flat_map(|(key, numbers)| numbers.into_iter().map(move |number| (key, number)))
                .collect();
            pairs.sort_unstable();
            pairs.dedup();
            pairs
        })
    }

    proptest! {
        #[test]
        fn every_range_of_keys_is_found(pairs in pairs(), ends in any::<[u128; 2]>(), near in any::<[prop::sample::Index; 2]>()) {
            let table = KeyTable::encode(&pairs);
            prop_assert_eq!(look_up(&table, 0, u128::MAX), pairs.clone());
            let mut ranges = vec![(ends[0].min(ends[1]), ends[0].max(ends[1])), (ends[0], ends[0])];
            if !pairs.is_empty() {
                let [one, other] = near.map(|near| near.get(&pairs).0);
                ranges.extend([(one, one), (one.min(other), one.max(other)), (one.saturating_add(1), one.saturating_add(9))]);
            }
            for (low, high) in ranges {
                let expected: Vec<_> = pairs.iter().copied().filter(|(key, _)| (low..=high).contains(key)).collect();
                prop_assert_eq!(look_up(&table, low, high), expected);
            }
        }

        #[test]
        fn a_damaged_block_is_noticed(pairs in pairs(), at in any::<prop::sample::Index>(), bit in 0..8_u8) {
            let table = KeyTable::encode(&pairs);
            prop_assume!(!table.blocks.is_empty());
            let at = at.index(table.blocks.len());
            let mut blocks = table.blocks.clone();
            blocks[at] ^= 1 << bit;
            let directory = Directory::decode(&table.directory, blocks.len() as u32).unwrap();
            for place in directory.blocks(0, u128::MAX) {
                let bytes = &blocks[place.offset as usize..][..place.bytes as usize];
                let holds = (place.offset as usize..(place.offset + place.bytes) as usize).contains(&at);
                let whole = scan_block(&place, bytes, (0, u128::MAX), &mut |_, _| {});
                prop_assert_eq!(whole.is_none(), holds);
            }
        }
    }
}
