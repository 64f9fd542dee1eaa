//! What a packet costs: `cargo test -p flow --release -- --ignored --nocapture cost`.

use crate::conversation::{ACK, OTHER, SECOND, START, SYN, key};
use flow::{Config, FlowTable, FrameRef, Lane, Place, Seen};
use packet::decode::Transport;
use packet::{Headers, Packet, PacketDirection, Timestamp};

struct Sender {
    table: FlowTable,
    arrival: u64,
}

impl Sender {
    fn headers(&self, flow: u32, flags: u8, from_client: bool, number: u64) -> Headers {
        let ours = [10, (flow >> 16) as u8, (flow >> 8) as u8, flow as u8];
        let key = key(6, (ours, 40_000), (OTHER, 443));
        let key = if from_client { key } else { key.reversed() };
        let seq = (number as u32) << 10;
        let transport = Transport::Tcp { seq, ack: seq, flags, window: 1000 };
        Headers { key: Some(key), transport, payload_bytes: 1000, ..Headers::default() }
    }

    fn send(&mut self, headers: &Headers) -> Seen {
        let arrival = self.arrival;
        self.arrival += 1;
        let packet = Packet {
            time: Timestamp(START + arrival as i64 * (SECOND / 1_000_000)),
            wire_bytes: 1054,
            data: &[],
            interface: 0,
            direction: PacketDirection::Unknown,
            arrival: Some(arrival),
        };
        let seen = self.table.observe(&packet, headers, arrival, 1);
        let Place::Lane(lane) = seen.place else { panic!("flows of ours are not parked") };
        // A frame holds about a thousand packets.
        let frame = FrameRef((arrival / 1000) as u32 * 2 + u32::from(lane == Lane::Bulk));
        self.table.placed(seen.slot, lane, frame, 1054);
        if self.table.wants_checkpoint() {
            drop(self.table.checkpoint());
        }
        seen
    }
}

/// Nanoseconds a packet: flows that ours started, all alive, then packets of them in random order.
fn cost(flows: u32, packets: u32, batch: usize) -> f64 {
    let mut sender = Sender { table: FlowTable::new(Config::new([1; 16], [2; 32])), arrival: 0 };
    for flow in 0..flows {
        sender.send(&sender.headers(flow, SYN, true, u64::from(flow)));
    }
    let mut random = 88_172_645_463_325_252_u64;
    let mut headers = vec![Headers::default(); batch.max(1)];
    let start = cpu_nanoseconds();
    for number in 0..packets / headers.len() as u32 {
        for headers in &mut headers {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let flow = (((random >> 32) * u64::from(flows)) >> 32) as u32;
            *headers = sender.headers(flow, ACK, random & 1 == 0, u64::from(number));
        }
        if batch > 0 {
            sender.table.warm(&headers);
        }
        for headers in &headers {
            sender.send(headers);
        }
    }
    (cpu_nanoseconds() - start) as f64 / f64::from(packets)
}

/// Time that this thread spent on a processor: others may run on it too.
fn cpu_nanoseconds() -> u64 {
    let schedstat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    schedstat.split(' ').next().and_then(|nanoseconds| nanoseconds.parse().ok()).expect("schedstat of this thread")
}

/// Nanoseconds a packet when each one begins a flow, which goes on until the table is full of them and beyond.
fn cost_of_newcomers(packets: u32) -> f64 {
    let mut sender = Sender { table: FlowTable::new(Config::new([1; 16], [2; 32])), arrival: 0 };
    let start = cpu_nanoseconds();
    for flow in 0..packets {
        sender.send(&sender.headers(flow, SYN, true, u64::from(flow)));
    }
    (cpu_nanoseconds() - start) as f64 / f64::from(packets)
}

#[test]
#[ignore = "measures"]
fn cost_of_observe_and_placed() {
    for flows in [100, 10_000, 200_000] {
        let [cold, warm] = [0, 16].map(|batch| cost(flows, 20_000_000, batch));
        eprintln!("{flows} flows: {cold:.1} ns a packet, {warm:.1} ns with warm() for 16 at a time");
    }
    eprintln!("newcomers: {:.1} ns a packet", cost_of_newcomers(200_000));
}

/// Shows admission a lane that fills as usual, so that what comes at once then is a flood.
fn settle(table: &mut FlowTable) {
    let (share_bytes, reach_ns) = (1 << 30, 1_024_000_000_000);
    let mut fill =
        flow::LaneFill { share_bytes, held_bytes: share_bytes, filled_bytes: 0, reach_ns, is_at_share: true };
    for second in 2_000..4_000 {
        fill.filled_bytes += 1 << 20;
        let mut fills = [flow::LaneFill::default(); Lane::ALL.len()];
        fills[Lane::Client.number()] = fill;
        table.admission_mut().tick(second * 1_000_000_000, &fills);
    }
}

/// Nanoseconds a packet of [`FlowTable::observe`] and `placed`, and with `Admission::judge`, while nobody is judged and in
/// a flood.
#[test]
#[ignore = "measures"]
fn cost_of_admission() {
    let packets = 10_000_000_u32;
    for (name, is_flood) in [("without", None), ("nobody is judged", Some(false)), ("in a flood", Some(true))] {
        let mut sender = Sender { table: FlowTable::new(Config::new([1; 16], [2; 32])), arrival: 0 };
        if is_flood == Some(true) {
            settle(&mut sender.table);
        }
        let (start, mut cut) = (cpu_nanoseconds(), 0);
        for number in 0..packets {
            // Each flow has a dozen packets, in both directions.
            let headers = sender.headers(
                number / 12 % 100_000,
                if number % 12 == 0 { SYN } else { ACK },
                number % 2 == 0,
                number.into(),
            );
            let seen = sender.send(&headers);
            if is_flood.is_some() {
                let verdict = sender.table.admission_mut().judge(Lane::Client, &headers, &seen, 1054, 1054);
                cut += u32::from(verdict != flow::Verdict::Keep);
            }
        }
        eprintln!("{name}: {:.1} ns a packet, {cut} cut", (cpu_nanoseconds() - start) as f64 / f64::from(packets));
    }
}

/// Resident bytes of this process.
fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).expect("statm of this process") * 4096
}

#[test]
#[ignore = "measures"]
fn memory_of_a_full_table() {
    let before = resident_bytes();
    let mut sender = Sender { table: FlowTable::new(Config::new([1; 16], [2; 32])), arrival: 0 };
    let empty = resident_bytes() - before;
    for flow in 0..Config::CAPACITY_FLOWS {
        sender.send(&sender.headers(flow, SYN, true, u64::from(flow)));
    }
    let period = sender.table.checkpoint();
    let parts = period.parts.len() * size_of::<flow::FlowPart>() / 1024;
    drop(period);
    let full = resident_bytes() - before;
    let flows = u64::from(sender.table.live_flows());
    eprintln!("empty {} KiB, {flows} flows {} KiB: {} bytes a flow", empty / 1024, full / 1024, full / flows);
    eprintln!("their parts at a checkpoint: {parts} KiB, {} bytes a part", size_of::<flow::FlowPart>());
    let mut snapshot = Vec::new();
    sender.table.snapshot(&mut snapshot);
    eprintln!("their snapshot: {} KiB, {} bytes a flow", snapshot.len() / 1024, snapshot.len() as u64 / flows);
}
