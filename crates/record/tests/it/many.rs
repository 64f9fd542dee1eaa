//! Many interfaces, and one packet on several of them.

use flow::{Config, FlowTable};
use packet::{Interface, LinkType, Packet, PacketDirection, Timestamp};
use record::{Batch, Desk, DeskClock, Interfaces, Note};

use crate::frames::udp;
use crate::keeper::Memory;
use crate::network::Network;
use crate::recording::{Recording, on};

/// A frame that crosses a bridge passes four interfaces.
#[test]
fn copies_on_several_interfaces_are_one_packet() {
    let Some(network) = Network::new() else { return };
    network.veth("a1", "a0");
    network.veth("b1", "b0");
    network.ip("link add br0 type bridge");
    network.ip("link set br0 up");
    network.ip("link set a0 master br0");
    network.ip("link set b0 master br0");
    std::thread::sleep(std::time::Duration::from_millis(300));
    let frames: Vec<Vec<u8>> = (0..30).map(|number| udp(number, (1000, 2000), 100)).collect();
    let recording = Recording::start(&network, on("any"));
    let theirs = network.tcpdump("any", "udp port 2000", || network.send("a1", &frames));
    let (memory, counters) = recording.stop();
    let sent: Vec<&Vec<u8>> = frames.iter().collect();
    let first = memory.of("a1");
    assert_eq!(first.iter().map(|packet| &packet.data).collect::<Vec<_>>(), sent);
    let others = memory.packets.iter().filter(|packet| frames.contains(&packet.data)).count();
    assert_eq!(others, frames.len(), "kept once");
    assert_eq!(counters.received - counters.duplicates, counters.kept);
    // A bridge itself is not shown what it only passes on.
    for packet in first {
        assert_eq!(packet.interface, "a1,a0,b0,b1");
    }
    let lists = memory.interfaces.iter().filter(|interface| interface.name.as_deref() == Some("a1,a0,b0,b1"));
    assert_eq!(lists.count(), 1, "{:?}", memory.interfaces);
    let copies = frames.len() * 3;
    let noted = memory.notes.iter().map(|note| if let Note::Copies { packets } = note { *packets } else { 0 });
    assert_eq!(noted.sum::<u64>(), counters.duplicates);
    assert!(counters.duplicates >= copies as u64, "{counters:?}");
    let shown: Vec<&str> =
        counters.interfaces.iter().filter(|one| one.duplicates > 0).map(|one| one.name.as_str()).collect();
    for name in ["a0", "b0", "b1"] {
        assert!(shown.contains(&name), "{name} in {shown:?}");
    }
    if let Some(theirs) = theirs {
        assert_eq!(theirs, frames.len() + copies, "tcpdump sees all copies");
    }
}

/// The list is complete also where a ring's block ends between a packet and its copies, and where traffic ends.
#[test]
fn packets_wait_for_their_copies_only_so_long() {
    let mut desk = Desk::new(Memory::default(), FlowTable::new(Config::new([1; 16], [2; 32])), DeskClock::Live, true);
    let interface = |name: &str| Interface {
        link_type: LinkType::ETHERNET,
        snaplen: 0,
        name: Some(name.into()),
        description: None,
    };
    let [one, other] = ["eth0", "br0"].map(|name| desk.interface(&interface(name), false));
    let take = |desk: &mut Desk<Memory>, interface, port: u16, time_us: i64| {
        let data = udp(7, (port, 9), 60);
        let time = Timestamp(1_700_000_000_000_000_000 + time_us * 1000);
        let mut batch = Batch::new();
        let (wire_bytes, direction) = (60, PacketDirection::Outbound);
        batch.push(Packet { time, wire_bytes, data: &data, interface, direction, arrival: None }, 0);
        desk.packets(&batch);
        desk.counters().kept
    };
    assert_eq!(take(&mut desk, one, 1, 0), 0, "waits");
    assert_eq!(take(&mut desk, other, 1, 9_900), 0, "is a copy");
    assert_eq!(take(&mut desk, one, 2, 10_100), 1, "the first goes on");
    desk.tick(99_000_000);
    assert_eq!(desk.counters().kept, 1);
    desk.tick(101_000_000);
    assert_eq!(desk.counters().kept, 2, "the second has waited long enough");
    assert_eq!(take(&mut desk, other, 2, 12_000), 2, "a late copy is one all the same");
    assert_eq!(take(&mut desk, other, 3, 13_000), 2);
    let (memory, _, counters) = desk.finish();
    let interfaces: Vec<&str> = memory.packets.iter().map(|packet| packet.interface.as_str()).collect();
    assert_eq!(interfaces, ["eth0,br0", "eth0", "br0"]);
    assert_eq!((counters.received, counters.kept, counters.duplicates), (5, 3, 2));
}

#[test]
fn a_thousand_interfaces() {
    let Some(network) = Network::new() else { return };
    for number in 0..500 {
        network.veth(&format!("x{number}"), &format!("y{number}"));
    }
    let names: Vec<String> = network_names();
    assert!(names.len() >= 1001);
    for selection in ["any".to_owned(), names.join(",")] {
        let options = record::Options { ring_bytes: 16 << 20, ..on(&selection) };
        let recording = Recording::start(&network, options);
        for number in [0, 250, 499] {
            network.send(&format!("x{number}"), &[udp(number, (5, 6), 200)]);
        }
        recording.wait_for(6);
        let (memory, counters) = recording.stop();
        for number in [0, 250, 499] {
            assert_eq!(memory.of(&format!("x{number}"))[0].data, udp(number, (5, 6), 200), "{number}");
        }
        assert_eq!(counters.duplicates, if selection == "any" { 3 } else { 0 });
        assert_eq!(counters.dropped_by_kernel, 0);
    }
}

fn network_names() -> Vec<String> {
    Interfaces::read().unwrap().iter().map(|interface| interface.name.clone()).collect()
}
