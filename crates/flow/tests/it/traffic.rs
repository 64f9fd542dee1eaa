//! Random traffic.

use crate::conversation::{ACK, FIN, OTHER, OURS, RST, SECOND, SYN, key};
use packet::decode::{Fragment, Transport, Tunnel};
use packet::{FlowKey, Headers, Mac};
use proptest::prelude::*;

/// A packet before it has a time of day.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) headers: Headers,
    pub(crate) wire_bytes: u32,
    /// Nanoseconds since the packet before, negative when a clock was set back.
    pub(crate) step: i64,
}

fn steps() -> impl Strategy<Value = i64> {
    prop_oneof![
        20 => 0..SECOND / 10,
        4 => 0..20 * SECOND,
        2 => -SECOND..0,
        1 => prop::sample::select(vec![700 * SECOND, -7200 * SECOND, 100_000_000 * SECOND, -100_000_000 * SECOND]),
    ]
}

fn transports() -> impl Strategy<Value = (u8, Transport)> {
    let flags = prop::sample::select(vec![SYN, SYN | ACK, ACK, ACK, ACK, FIN | ACK, RST, RST | ACK, 0, SYN | FIN]);
    let numbers = || prop_oneof![0_u32..5, 98_u32..103, Just(u32::MAX)];
    let tcp = (flags, numbers(), numbers(), 0_u16..2);
    prop_oneof![
        6 => tcp.prop_map(|(flags, seq, ack, window)| (6, Transport::Tcp { seq, ack, flags, window })),
        3 => Just((17, Transport::Udp)),
        1 => Just((1, Transport::Icmp { kind: 8, code: 0 })),
        1 => (0_u8..12).prop_map(|chunk_type| (132, Transport::Sctp { chunk_type })),
        1 => Just((50, Transport::None)),
    ]
}

fn packets() -> impl Strategy<Value = Sent> {
    let ends = (any::<bool>(), 0_u8..2, 0_u8..2, prop::sample::select(vec![53, 80, 40_000, 40_001]));
    let bytes = prop_oneof![10 => 60_u32..2000, 1 => Just(u32::MAX), 1 => Just(0)];
    let fragment = prop_oneof![8 => Just(None), 1 => Just(Some((0, true))), 1 => Just(Some((1480, false)))];
    (transports(), ends, bytes, fragment, steps(), 0_u8..40).prop_map(
        |(kind, ends, wire_bytes, fragment, step, other)| {
            let ((proto, transport), (turned, ours, theirs, port)) = (kind, ends);
            let key = key(proto, ([OURS[0], 0, 0, ours], 40_000), ([OTHER[0], 0, 0, theirs], port));
            let key = if turned { key.reversed() } else { key };
            let mut headers =
                Headers { key: Some(key), transport, payload_bytes: wire_bytes / 2, ..Headers::default() };
            headers.fragment = fragment.map(|(offset, more)| Fragment { id: 7, offset, more });
            if headers.fragment.is_some_and(|fragment| fragment.offset > 0) {
                headers.key = Some(FlowKey { src_port: 0, dest_port: 0, ..key });
                headers.transport = Transport::None;
            }
            match other {
                0 => headers = Headers { src_mac: Some(Mac([1; 6])), ether_type: 0x88cc, ..Headers::default() },
                1 => headers.tunnel = Some(Tunnel::Vxlan(5)),
                2 => headers.vlans.push(12),
                _ => {}
            }
            Sent { headers, wire_bytes, step }
        },
    )
}

pub(crate) fn traffic(count: usize) -> impl Strategy<Value = Vec<Sent>> {
    prop::collection::vec(packets(), 1..count)
}
