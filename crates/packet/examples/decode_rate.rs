//! Says how long the headers of a packet take: `cargo run --release -p packet --example decode_rate FILE…`.

use std::collections::BTreeMap;
use std::fs::File;
use std::hint::black_box;
use std::io::{self, Write};
use std::time::Instant;

use packet::capture::Reader;
use packet::decode::decode_into;
use packet::{Headers, LinkType, decode};

/// Decodings in one run.
const DECODINGS: usize = 200_000;

/// Runs of each kind of packet, of which the fastest counts: the machine has other things to do.
const RUNS: usize = 50;

/// Packets of a kind that are measured: they stay in the cache, so that memory is not what is measured.
const PACKETS_MAX: usize = 64;

type Stored = (LinkType, Vec<u8>, u32);

fn main() -> io::Result<()> {
    let mut kinds: BTreeMap<String, Vec<Stored>> = BTreeMap::new();
    for path in std::env::args().skip(1) {
        let Ok(mut reader) = Reader::new(File::open(&path)?) else { continue };
        while let Ok(Some((packet, interfaces))) = reader.next_with_interfaces() {
            let Some(interface) = interfaces.get(packet.interface as usize) else { continue };
            let stored = (interface.link_type, packet.data.to_vec(), packet.wire_bytes);
            for kind in ["all".to_owned(), kind(&decode(stored.0, &stored.1, stored.2), stored.0)] {
                kinds.entry(kind).or_default().push(stored.clone());
            }
        }
    }
    for (kind, mut packets) in kinds {
        packets.truncate(PACKETS_MAX);
        let nanoseconds = (0..RUNS).map(|_| run(&packets)).fold(f64::INFINITY, f64::min);
        writeln!(io::stdout(), "{nanoseconds:6.1} ns  {kind} ({} packets)", packets.len())?;
    }
    Ok(())
}

/// Nanoseconds a packet.
fn run(packets: &[Stored]) -> f64 {
    let rounds = DECODINGS / packets.len();
    let mut headers = Headers::default();
    let start = Instant::now();
    for _ in 0..rounds {
        for (link_type, data, wire_bytes) in packets {
            decode_into(&mut headers, *link_type, data, *wire_bytes);
            black_box(&headers);
        }
    }
    start.elapsed().as_nanos() as f64 / (rounds * packets.len()) as f64
}

/// Link type, tunnel, version and protocol.
fn kind(headers: &Headers, link_type: LinkType) -> String {
    let tunnel = headers.tunnel.map_or("", |tunnel| tunnel.name());
    let vlans = ["", "vlan", "two vlans"].get(headers.vlans.as_slice().len()).unwrap_or(&"vlans");
    match headers.key {
        Some(key) => format!("{link_type} {vlans} {tunnel} IPv{} {}", key.ip_version, key.proto),
        None => format!("{link_type} {vlans} none"),
    }
}
