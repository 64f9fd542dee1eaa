//! Filters run in the kernel: what they reject is never seen.

use filter::{Options as Compile, compile};
use record::{Filter, Options};

use crate::frames::{tagged, udp};
use crate::network::Network;
use crate::recording::{Recording, on};

fn filter(expression: &'static str) -> Option<Filter> {
    Some(Filter::new(move |target| {
        let options =
            Compile { linux_ancillary: target.kernel, netmask: target.netmask, ..Compile::new(target.link_type) };
        compile(expression, &options).map_err(|error| error.to_string())
    }))
}

/// What tcpdump 4.99 keeps of the same frames: the kernel has taken a tag out when the filter runs, so that `udp port 53`
/// finds tagged packets too.
#[test]
fn only_what_matches_comes_in() {
    let Some(network) = Network::new() else { return };
    network.veth("out0", "in0");
    let frames = vec![
        udp(1, (1000, 53), 40),
        udp(2, (1000, 80), 40),
        tagged(3, &[(0x8100, 100)], 40),
        udp(4, (53, 1000), 40),
        tagged(5, &[(0x8100, 200)], 40),
    ];
    for (expression, expected) in [
        ("udp port 53", vec![0, 2, 3, 4]),
        ("vlan 100", vec![2]),
        ("vlan and port 53", vec![2, 4]),
        ("greater 1000", vec![]),
    ] {
        for selection in ["in0", "any"] {
            let options = Options { filter: filter(expression), ..on(selection) };
            let recording = Recording::start(&network, options);
            network.send("out0", &frames);
            std::thread::sleep(std::time::Duration::from_millis(200));
            let (memory, counters) = recording.stop();
            let mut kept: Vec<_> = memory.packets.iter().collect();
            kept.sort_by_key(|packet| packet.arrival);
            let kept: Vec<&Vec<u8>> = kept.iter().map(|packet| &packet.data).collect();
            let expected: Vec<&Vec<u8>> = expected.iter().map(|&number| &frames[number]).collect();
            assert_eq!(kept, expected, "{expression} on {selection}");
            assert_eq!(counters.unwanted, 0, "the kernel sorted out");
        }
    }
}
