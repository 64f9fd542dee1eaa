//! What is sent is what is kept.

use packet::PacketDirection;
use record::{Note, Options};

use crate::frames::{tagged, udp};
use crate::network::Network;
use crate::recording::{Recording, on};

#[test]
fn frames_come_out_as_they_were_sent() {
    let Some(network) = Network::new() else { return };
    network.veth("out0", "in0");
    let mut frames: Vec<Vec<u8>> = (0..200).map(|number| udp(number, (1000, 53), 18 + number as usize)).collect();
    // Priority 5 and a drop-eligible bit; a service tag around a customer's; three tags; 9000 bytes of payload.
    frames.push(tagged(300, &[(0x8100, 0xb064)], 100));
    frames.push(tagged(301, &[(0x88a8, 0x6065), (0x8100, 0xe066)], 100));
    frames.push(tagged(302, &[(0x88a8, 0x0065), (0x8100, 0x0066), (0x8100, 0x2067)], 100));
    frames.push(udp(303, (1000, 53), 8972));
    let recording = Recording::start(&network, on("in0"));
    network.send("out0", &frames);
    recording.wait_for(frames.len() as u64);
    let (memory, counters) = recording.stop();
    let kept = memory.of("in0");
    assert_eq!(kept.len(), frames.len());
    for (number, (kept, sent)) in kept.iter().zip(&frames).enumerate() {
        assert_eq!(&kept.data, sent, "frame {number}");
        assert_eq!(kept.wire_bytes as usize, sent.len());
        assert_eq!(kept.direction, PacketDirection::Inbound);
    }
    assert!(kept.is_sorted_by_key(|packet| packet.time));
    assert_eq!((counters.received, counters.kept, counters.cut), (frames.len() as u64, frames.len() as u64, 0));
    assert_eq!(counters.dropped_by_kernel, 0);
}

#[test]
fn a_snaplen_cuts_and_says_so() {
    let Some(network) = Network::new() else { return };
    network.veth("out0", "in0");
    let frames = [udp(1, (1, 2), 10), udp(2, (1, 2), 1000)];
    let recording = Recording::start(&network, Options { snaplen: 96, ..on("in0") });
    network.send("out0", &frames);
    recording.wait_for(2);
    let (memory, counters) = recording.stop();
    let lengths: Vec<_> = memory.of("in0").iter().map(|kept| (kept.data.len(), kept.wire_bytes as usize)).collect();
    assert_eq!(lengths, [(52, 52), (96, 1042)]);
    assert_eq!(counters.cut, 1);
}

#[test]
fn several_rings_are_one_in_time() {
    let Some(network) = Network::new() else { return };
    network.veth("out0", "in0");
    network.veth("out1", "in1");
    let recording = Recording::start(&network, on("in0,in1,out1"));
    for round in 0..20 {
        network.send("out0", &[udp(round, (1, 2), 100)]);
        network.send("out1", &[udp(round, (3, 4), 100)]);
    }
    recording.wait_for(60);
    let (mut memory, _) = recording.stop();
    assert_eq!((memory.of("in0").len(), memory.of("in1").len(), memory.of("out1").len()), (20, 20, 20));
    assert_eq!(memory.of("out1")[0].direction, PacketDirection::Outbound);
    memory.packets.sort_by_key(|packet| packet.arrival);
    assert!(memory.packets.is_sorted_by_key(|packet| packet.time));
}

#[test]
fn drops_of_a_full_ring_are_counted() {
    let Some(network) = Network::new() else { return };
    network.veth("out0", "in0");
    let frames: Vec<Vec<u8>> = (0..5000).map(|number| udp(number, (1000, 53), 1400)).collect();
    // The recorder waits until everything was sent: 7 MB into a ring of 1 MiB.
    let (sent, is_sent) = std::sync::mpsc::channel::<()>();
    let options = Options { ring_bytes: 1 << 20, duration: Some(std::time::Duration::from_millis(700)), ..on("in0") };
    let (opened, is_opened) = std::sync::mpsc::channel::<()>();
    let enter = network.entrance();
    let thread = std::thread::spawn(move || {
        enter();
        let recorder = record::Recorder::open(options).unwrap();
        opened.send(()).unwrap();
        is_sent.recv().unwrap();
        let table = flow::FlowTable::new(flow::Config::new([1; 16], [2; 32]));
        let control = record::Control::new().unwrap();
        let (memory, _, counters) = recorder.run(crate::keeper::Memory::default(), table, &control).unwrap();
        (memory, counters)
    });
    is_opened.recv().unwrap();
    network.send("out0", &frames);
    sent.send(()).unwrap();
    let (memory, counters) = thread.join().unwrap();
    assert!(counters.dropped_by_kernel > 1000, "{counters:?}");
    assert_eq!(counters.kept + counters.dropped_by_kernel, 5000);
    let noted = memory.notes.iter().map(|note| match note {
        Note::Loss { place, packets, .. } if place == "kernel in0" => *packets,
        _ => 0,
    });
    assert_eq!(noted.sum::<u64>(), counters.dropped_by_kernel);
}

#[test]
fn a_number_of_packets_is_exact() {
    let Some(network) = Network::new() else { return };
    network.veth("out0", "in0");
    let recording = Recording::start(&network, Options { packets_max: Some(7), ..on("in0") });
    network.send("out0", &(0..50).map(|number| udp(number, (1, 2), 60)).collect::<Vec<_>>());
    let (memory, counters) = recording.join();
    assert_eq!((memory.packets.len(), counters.kept), (7, 7));
}

/// Everything once, each flow in its order, and all of it in the order of time, whoever reads the rings.
#[test]
fn rings_that_share_an_interface_keep_each_flow_in_order() {
    let Some(network) = Network::new() else { return };
    network.veth("out0", "in0");
    network.veth("out1", "in1");
    for (selection, threads) in [("in0", 2), ("in0", 3), ("in0,in1", 2), ("any", 2)] {
        let frames = |first: u32| -> Vec<Vec<u8>> {
            (first..first + 20_000).map(|number| udp(number, (number as u16 % 50, 53), 60)).collect()
        };
        let (frames, others) = (frames(0), frames(30_000));
        // One of the rings can get all of it.
        let recording = Recording::start(&network, Options { threads, ring_bytes: 96 << 20, ..on(selection) });
        std::thread::scope(|scope| {
            scope.spawn(|| network.send("out0", &frames));
            if selection != "in0" {
                scope.spawn(|| {
                    network.entrance()();
                    network.send("out1", &others);
                });
            }
        });
        let sent = frames.len() * if selection == "in0" { 1 } else { 2 };
        recording.wait_for(sent as u64 * if selection == "any" { 2 } else { 1 });
        let (mut memory, counters) = recording.stop();
        assert_eq!(
            (counters.kept, counters.dropped_by_kernel),
            (sent as u64, 0),
            "{selection} {threads}: {counters:?}"
        );
        let port = |data: &[u8]| u16::from_be_bytes([data[34], data[35]]);
        for (interface, frames) in [("0", &frames), ("1", &others)].into_iter().take(sent / 20_000) {
            let name = if selection == "any" { "out" } else { "in" };
            let kept = memory.of(&format!("{name}{interface}"));
            for flow in 0..50 {
                let sent: Vec<&Vec<u8>> = frames.iter().filter(|data| port(data) == flow).collect();
                let kept: Vec<&Vec<u8>> =
                    kept.iter().map(|kept| &kept.data).filter(|data| port(data) == flow).collect();
                assert!(kept == sent, "{selection} {threads}: port {flow}: {} of {}", kept.len(), sent.len());
            }
        }
        memory.packets.sort_by_key(|packet| packet.arrival);
        // On several processors the kernel stamps a packet before it puts it into the ring: mostly a little, longer where
        // a virtual one is held up between.
        let mut latest = packet::Timestamp::MIN;
        let mut late = 0;
        for packet in &memory.packets {
            late += usize::from(latest.since(packet.time) > 1_000_000);
            latest = latest.max(packet.time);
        }
        assert!(late < sent / 50, "{selection} {threads}: {late} of {sent} are late");
    }
}
