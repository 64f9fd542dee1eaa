//! Handshake messages in fragments, in any order (RFC 6347, 4.2.3).

use std::collections::BTreeMap;

use packet::Cursor;

use crate::protocols::ordered::Ordered;

/// Messages that are put together at the same time.
const OPEN_MAX: usize = 8;
/// Messages of one side that are told; a handshake has a dozen.
const MESSAGES_MAX: u16 = 64;

/// Messages of one side, by their numbers.
#[derive(Default)]
pub(super) struct Fragments {
    open: BTreeMap<u16, Message>,
    /// A bit for each message that was told: what comes of it again is a retransmission.
    told: u64,
}

struct Message {
    kind: u8,
    length: usize,
    body: Ordered,
}

impl Fragments {
    /// The fragments of one record; false if that is too much.
    pub(super) fn insert(&mut self, record: &[u8]) -> bool {
        let mut cursor = Cursor::new(record);
        let mut fits = true;
        while let Some(fragment) = Fragment::read(&mut cursor) {
            let is_open = self.open.contains_key(&fragment.number);
            if fragment.number >= MESSAGES_MAX || (!is_open && self.open.len() >= OPEN_MAX) {
                fits = false;
                continue;
            }
            if self.told & 1 << fragment.number != 0 {
                continue;
            }
            let message = self.open.entry(fragment.number).or_insert_with(|| Message {
                kind: fragment.kind,
                length: fragment.length,
                body: Ordered::default(),
            });
            fits &= message.body.insert(fragment.offset as u64, fragment.body);
        }
        fits
    }

    /// Bytes of messages that are not whole.
    pub(super) fn held_bytes(&self) -> usize {
        self.open.values().map(|message| message.body.held_bytes()).sum()
    }

    /// The next message that is whole, whether or not others are missing before it: its kind and its body.
    pub(super) fn whole(&mut self) -> Option<(u8, Vec<u8>)> {
        let (number, body) = self.open.iter().find_map(|(&number, message)| {
            let body = message.body.beginning();
            (body.len() >= message.length).then_some((number, body))
        })?;
        self.told |= 1_u64.checked_shl(u32::from(number)).unwrap_or(0);
        let message = self.open.remove(&number)?;
        Some((message.kind, body))
    }
}

struct Fragment<'a> {
    kind: u8,
    length: usize,
    number: u16,
    offset: usize,
    body: &'a [u8],
}

impl<'a> Fragment<'a> {
    fn read(cursor: &mut Cursor<'a>) -> Option<Self> {
        let kind = cursor.u8()?;
        let length = three_bytes(cursor)?;
        let number = cursor.u16()?;
        let offset = three_bytes(cursor)?;
        let bytes = three_bytes(cursor)?;
        let body = cursor.take(bytes)?;
        Some(Self { kind, length, number, offset, body })
    }
}

fn three_bytes(cursor: &mut Cursor<'_>) -> Option<usize> {
    let [high, middle, low] = cursor.array()?;
    Some(u32::from_be_bytes([0, high, middle, low]) as usize)
}
