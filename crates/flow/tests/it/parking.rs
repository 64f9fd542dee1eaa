//! Packets that wait come out once, in order.

use crate::conversation::{Bench, OTHER, OURS, config, key};
use flow::{Parking, Slot};
use packet::decode::Transport;
use packet::{Packet, PacketDirection, Timestamp};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Push { flow: usize, bytes: usize },
    Release { flow: usize },
    Wait { milliseconds: u64 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let bytes = prop_oneof![4 => 0_usize..200, 1 => 900_usize..1100];
    let step = prop_oneof![
        6 => (0_usize..6, bytes).prop_map(|(flow, bytes)| Step::Push { flow, bytes }),
        1 => (0_usize..6).prop_map(|flow| Step::Release { flow }),
        1 => (0_u64..500).prop_map(|milliseconds| Step::Wait { milliseconds }),
    ];
    prop::collection::vec(step, 0..200)
}

/// Slots of different flows.
fn slots(count: u16) -> Vec<Slot> {
    let mut bench = Bench::new(config());
    let udp = |port| key(17, (OTHER, port), (OURS, 5000));
    (0..count).map(|port| bench.other(udp(40_000 + port), Transport::Udp, 10).slot).collect()
}

/// A packet that says in every byte which one it is.
fn packet(number: u64, data: &[u8]) -> Packet<'_> {
    Packet {
        time: Timestamp(number as i64 * 3),
        wire_bytes: data.len() as u32 + 7,
        data,
        interface: number as u32 % 5,
        direction: PacketDirection::Inbound,
        arrival: Some(number),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn every_packet_comes_out_once(steps in steps()) {
        let slots = slots(6);
        let mut parking = Parking::new(1000);
        // Number, flow, bytes, since: in the order in which they were pushed.
        let mut waiting: Vec<(u64, usize, usize, u64)> = Vec::new();
        let (mut now, mut pushed) = (0, 0);
        for step in steps {
            let mut out: Vec<u64> = Vec::new();
            let mut sink = |slot: Slot, got: &Packet<'_>| {
                let number = got.arrival.expect("its number");
                let data = vec![number as u8; got.data.len()];
                assert_eq!(*got, packet(number, &data));
                assert!(slots.contains(&slot));
                out.push(number);
            };
            match step {
                Step::Push { flow, bytes } => {
                    let data = vec![pushed as u8; bytes];
                    parking.push(slots[flow], &packet(pushed, &data), now, &mut sink);
                    waiting.push((pushed, flow, bytes, now));
                    pushed += 1;
                    // The oldest go, and nothing but them.
                    let expected: Vec<u64> = waiting.drain(..out.len()).map(|(number, ..)| number).collect();
                    prop_assert_eq!(&out, &expected);
                }
                Step::Release { flow } => {
                    parking.release(slots[flow], &mut sink);
                    let released = waiting.iter().filter(|packet| packet.1 == flow).map(|packet| packet.0);
                    prop_assert_eq!(&out, &released.collect::<Vec<_>>());
                    waiting.retain(|packet| packet.1 != flow);
                }
                Step::Wait { milliseconds } => {
                    now += milliseconds * 1_000_000;
                    parking.expire(now, &mut sink);
                    let expired = waiting.iter().filter(|packet| now - packet.3 >= Parking::WAIT_MAX);
                    prop_assert_eq!(&out, &expired.map(|packet| packet.0).collect::<Vec<_>>());
                    waiting.retain(|packet| now - packet.3 < Parking::WAIT_MAX);
                }
            }
            prop_assert!(waiting.iter().map(|packet| packet.2).sum::<usize>() <= 1000);
            prop_assert_eq!(parking.is_empty(), waiting.is_empty());
        }
        let mut out = Vec::new();
        parking.drain(|_, packet| out.push(packet.arrival.expect("its number")));
        prop_assert_eq!(out, waiting.iter().map(|packet| packet.0).collect::<Vec<_>>());
    }
}
