//! Reassembly against a model so simple that it can be seen to be right.

use super::{ACK, Connection, FIN, Listener, RST, SYN, Segment};
use crate::{At, Ends, Side};

/// Positions that the model knows.
const MODEL_BYTES: usize = 512;

/// What was told of one side: each byte with the packet that brought it, `None` where one is missing.
#[derive(Debug, Default)]
struct Heard {
    client: Vec<Option<(u8, u64)>>,
    server_bytes: u64,
    ends: [u32; 2],
    oddities: u32,
}

impl Listener for Heard {
    fn data(&mut self, side: Side, at: At, data: &[u8]) {
        assert!(!data.is_empty() && self.ends[side as usize] == 0);
        match side {
            Side::Client => self.client.extend(data.iter().map(|byte| Some((*byte, at.arrival)))),
            Side::Server => self.server_bytes += data.len() as u64,
        }
    }

    fn gap(&mut self, side: Side, _: At, bytes: u64) {
        assert!(bytes > 0 && self.ends[side as usize] == 0);
        if side == Side::Client {
            self.client.extend((0..bytes.min(1 << 20)).map(|_| None));
        }
    }

    fn end(&mut self, side: Side, _: At, _: Ends) {
        self.ends[side as usize] += 1;
    }

    fn oddity(&mut self, _: At, _: &'static str) {
        self.oddities += 1;
    }
}

/// Segments made of any bytes: of one side without acknowledgements, where the model knows exactly what has to be told;
/// or of both with everything that can be in a header, which has to stay bounded and to end once.
pub fn fuzz_tcp(data: &[u8]) {
    let Some(([mode, isn], script)) = data.split_first_chunk::<2>() else { return };
    let isn = 0xffff_ff80_u32.wrapping_add(u32::from(*isn));
    if mode & 1 == 0 { modelled(isn, script) } else { anything(isn, script) }
}

/// Who comes first wins, whatever the order: nothing is given up before the end, since nothing is acknowledged.
fn modelled(isn: u32, script: &[u8]) {
    let (mut connection, mut heard) = (Connection::default(), Heard::default());
    let mut model = vec![None; MODEL_BYTES];
    let (mut reached, mut has_conflict) = (0, false);
    let syn = Segment { seq: isn, ack: 0, flags: SYN, data: &[], wire_bytes: 0 };
    connection.segment(Side::Client, At::default(), &syn, &mut heard);
    for (arrival, [start, bytes, salt]) in (1..).zip(script.as_chunks::<3>().0) {
        let (start, count) = (usize::from(*start), usize::from(bytes % 64) + 1);
        let changes = if salt % 8 == 0 { *salt } else { 0 };
        let content: Vec<u8> = (start..start + count).map(|position| position as u8 ^ changes).collect();
        for (place, byte) in model.iter_mut().skip(start).zip(&content) {
            has_conflict |= place.get_or_insert((*byte, arrival)).0 != *byte;
        }
        reached = reached.max(start + count);
        let seq = isn.wrapping_add(1 + start as u32);
        let segment = Segment { seq, ack: 0, flags: 0, data: &content, wire_bytes: count as u32 };
        connection.segment(Side::Client, At { arrival, ..At::default() }, &segment, &mut heard);
    }
    connection.finish(At::default(), &mut heard);
    assert_eq!(heard.client, model.get(..reached).unwrap_or_default());
    assert_eq!(heard.ends, [1, 1]);
    assert!(has_conflict || heard.oddities == 0, "an oddity without a conflict");
}

fn anything(isn: u32, script: &[u8]) {
    let (mut connection, mut heard) = (Connection::default(), Heard::default());
    for (arrival, [side, flags, seq, ack, bytes, cut]) in (0..).zip(script.as_chunks::<6>().0) {
        let content = vec![*bytes; usize::from(*bytes)];
        let near = |value: u8| isn.wrapping_add(u32::from(value)).wrapping_add(if value > 250 { 1 << 30 } else { 0 });
        let segment = Segment {
            seq: near(*seq),
            ack: near(*ack),
            flags: flags & (FIN | SYN | RST | ACK),
            data: &content,
            wire_bytes: u32::from(*bytes) + u32::from(cut / 16),
        };
        let side = if side & 1 == 0 { Side::Client } else { Side::Server };
        connection.segment(side, At { arrival, ..At::default() }, &segment, &mut heard);
        assert!(connection.held_bytes() < 1 << 20);
    }
    connection.finish(At::default(), &mut heard);
    assert_eq!(heard.ends, [1, 1]);
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn streams_are_those_of_the_model(script in vec(any::<u8>(), 2..400)) {
            super::fuzz_tcp(&script);
        }
    }
}
