//! Interfaces that go and come back.

use std::time::Duration;

use record::{Note, Options};
use rustix::thread::{CapabilitySet, CapabilitySets};

use crate::frames::udp;
use crate::network::Network;
use crate::recording::{Recording, on};

/// Longer than the recorder takes to see a change.
const SEEN: Duration = Duration::from_millis(700);

fn drop_all_capabilities() {
    let none = CapabilitySet::empty();
    rustix::thread::set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })
        .unwrap();
}

#[test]
fn an_interface_is_picked_up_again_without_privileges() {
    let Some(network) = Network::new() else { return };
    network.veth("out0", "in0");
    let recording = Recording::start_after(&network, on("in0"), drop_all_capabilities);
    let send = |number| network.send("out0", &[udp(number, (1, 2), 60)]);
    send(1);
    recording.wait_for(1);
    network.ip("link set in0 down");
    std::thread::sleep(SEEN);
    network.ip("link set in0 up");
    std::thread::sleep(SEEN);
    send(2);
    recording.wait_for(2);
    network.ip("link del in0");
    std::thread::sleep(SEEN);
    network.veth("out0", "in0");
    std::thread::sleep(SEEN);
    send(3);
    recording.wait_for(3);
    network.ip("link set in0 down");
    network.ip("link set in0 name renamed");
    network.ip("link set renamed up");
    std::thread::sleep(SEEN);
    send(4);
    recording.wait_for(4);
    let (memory, counters) = recording.stop();

    let of = |name: &str| memory.of(name).iter().map(|packet| packet.data.clone()).collect::<Vec<_>>();
    assert_eq!(of("in0"), [udp(1, (1, 2), 60), udp(2, (1, 2), 60), udp(3, (1, 2), 60)]);
    assert_eq!(of("renamed"), [udp(4, (1, 2), 60)]);
    assert_eq!(counters.kept, 4);
    let changes: Vec<&str> = memory
        .notes
        .iter()
        .filter_map(|note| match note {
            Note::Interface { change, .. } => Some(change.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(changes[..4], ["down", "up", "gone", "back"]);
    assert!(changes.contains(&"renamed from in0"), "{changes:?}");
    let unnumbered = |note: &Note| matches!(note, Note::Interface { interface: None, .. });
    assert!(!memory.notes.iter().any(unnumbered), "{:?}", memory.notes);
    let gaps: Vec<(&str, i64)> = memory
        .notes
        .iter()
        .filter_map(|note| match note {
            Note::Gap { from, to, reason } => Some((reason.as_str(), to.since(*from) / 1_000_000)),
            _ => None,
        })
        .collect();
    assert_eq!(
        gaps.iter().map(|gap| gap.0).take(2).collect::<Vec<_>>(),
        ["interface in0 was down", "interface in0 was gone"]
    );
    for (reason, milliseconds) in &gaps[..2] {
        assert!((300..3000).contains(milliseconds), "{reason} for {milliseconds} ms");
    }
}

/// The rings of a fanout group cannot be moved: the spare one takes over, again and again.
#[test]
fn a_fanout_group_is_picked_up_again_without_privileges() {
    let Some(network) = Network::new() else { return };
    network.veth("out0", "in0");
    let options = Options { threads: 3, ..on("in0") };
    let recording = Recording::start_after(&network, options, drop_all_capabilities);
    let send = |numbers: std::ops::Range<u32>| {
        let frames: Vec<Vec<u8>> = numbers.map(|number| udp(number, (number as u16, 2), 60)).collect();
        network.send("out0", &frames);
        frames
    };
    let mut sent = send(1..20);
    recording.wait_for(19);
    for round in 1..3 {
        network.ip("link del in0");
        network.veth("out0", "in0");
        std::thread::sleep(SEEN);
        sent.extend(send(round * 20..round * 20 + 20));
        recording.wait_for(sent.len() as u64);
    }
    network.ip("link set in0 down");
    network.ip("link set in0 name renamed");
    network.ip("link set renamed up");
    std::thread::sleep(SEEN);
    let renamed = send(100..120);
    recording.wait_for((sent.len() + renamed.len()) as u64);
    let (memory, counters) = recording.stop();
    let of = |name: &str| {
        let mut data: Vec<Vec<u8>> = memory.of(name).iter().map(|packet| packet.data.clone()).collect();
        data.sort();
        data
    };
    let sorted = |mut data: Vec<Vec<u8>>| {
        data.sort();
        data
    };
    assert!(of("in0") == sorted(sent), "{counters:?} {:?}", memory.notes);
    assert!(of("renamed") == sorted(renamed), "{counters:?} {:?}", memory.notes);
    assert!(!memory.notes.iter().any(|note| matches!(note, Note::Trouble { .. })), "{:?}", memory.notes);
}

/// Between two looks at the interfaces: nothing is left out, whoever was there before.
#[test]
fn changes_that_nobody_looks_at_are_survived() {
    let Some(network) = Network::new() else { return };
    network.veth("out0", "in0");
    let recording = Recording::start_after(&network, on("in0"), drop_all_capabilities);
    let mut sent = Vec::new();
    for number in 0..8 {
        match number % 4 {
            0 => {
                network.ip("link set in0 down");
                network.ip("link set in0 up");
            }
            1 => {
                network.ip("link del in0");
                network.veth("out0", "in0");
            }
            // There and back again.
            2 => {
                network.ip("link set in0 name else0");
                network.ip("link set else0 name in0");
            }
            _ => {
                for _ in 0..5 {
                    network.ip("link del in0");
                    network.veth("out0", "in0");
                }
            }
        }
        std::thread::sleep(SEEN);
        let frame = udp(number, (1, 2), 60);
        network.send("out0", std::slice::from_ref(&frame));
        sent.push(frame);
        recording.wait_for(sent.len() as u64);
    }
    let (memory, _) = recording.stop();
    let kept: Vec<Vec<u8>> = memory.of("in0").iter().map(|packet| packet.data.clone()).collect();
    assert_eq!(kept, sent, "{:?}", memory.notes);
}

#[test]
fn auto_takes_up_what_comes() {
    let Some(network) = Network::new() else { return };
    network.veth("out0", "in0");
    network.ip("addr add 10.77.0.2/24 dev in0");
    let recording = Recording::start(&network, on("auto"));
    network.veth("out1", "in1");
    network.ip("addr add 10.78.0.2/24 dev in1");
    std::thread::sleep(SEEN);
    network.send("out0", &[udp(1, (1, 2), 60)]);
    network.send("out1", &[udp(2, (1, 2), 60)]);
    recording.wait_for(2);
    let (memory, _) = recording.stop();
    assert_eq!(memory.of("in0").iter().filter(|packet| packet.data == udp(1, (1, 2), 60)).count(), 1);
    assert_eq!(memory.of("in1").iter().filter(|packet| packet.data == udp(2, (1, 2), 60)).count(), 1);
    assert!(memory.of("out0").is_empty(), "a veth without an address is not recorded");
}

#[test]
fn a_name_that_is_not_there_is_an_error() {
    let Some(network) = Network::new() else { return };
    let error = record::Recorder::open(Options { selection: "eth9".parse().unwrap(), ..on("any") }).unwrap_err();
    assert_eq!(error.to_string(), "no interface eth9 (there are: lo)");
    let error = record::Recorder::open(on("auto")).unwrap_err();
    assert_eq!(error.to_string(), "no interface has a default route or an address (there are: lo)");
    drop(network);
}
