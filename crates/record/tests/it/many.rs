//! Many interfaces, and one packet on several of them.

use record::Interfaces;

use crate::frames::udp;
use crate::network::Network;
use crate::recording::{Recording, on};

/// A frame that crosses a bridge passes five interfaces.
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
    network.send("a1", &frames);
    std::thread::sleep(std::time::Duration::from_millis(300));
    let (memory, counters) = recording.stop();
    let sent: Vec<&Vec<u8>> = frames.iter().collect();
    let kept: Vec<&Vec<u8>> = memory.of("a1").iter().map(|packet| &packet.data).collect();
    assert_eq!(kept, sent);
    let others = memory.packets.iter().filter(|packet| frames.contains(&packet.data)).count();
    assert_eq!(others, frames.len(), "kept once");
    assert!(counters.duplicates >= 3 * 30, "{counters:?}");
    let shown: Vec<&str> =
        counters.interfaces.iter().filter(|one| one.duplicates > 0).map(|one| one.name.as_str()).collect();
    for name in ["a0", "b0", "b1"] {
        assert!(shown.contains(&name), "{name} in {shown:?}");
    }
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
