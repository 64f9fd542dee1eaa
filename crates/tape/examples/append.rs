//! How fast a tape takes packets: `append DIR [SECONDS] [BYTES] [BUDGET_MB] [none|zstd] [GBIT]`.
//!
//! Run it on one core (`taskset -c 1`) to see what is left of that core for everything else.

use std::path::Path;
use std::time::{Duration, Instant};

use packet::{Interface, LinkType, Packet, PacketDirection, Timestamp};
use tape::{Compression, Lane, Options, Tape};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number =
        |index: usize, default: u64| arguments.get(index).and_then(|text| text.parse().ok()).unwrap_or(default);
    let directory = arguments.first().map_or("append.tape", String::as_str);
    let (seconds, packet_bytes, budget_mb, gbit) = (number(1, 10), number(2, 1514), number(3, 4000), number(5, 0));
    let mut options = Options::new(budget_mb * 1_000_000);
    options.keep_free = tape::KeepFree::Bytes(0);
    options.wait_max = Duration::from_secs(60);
    if arguments.get(4).is_some_and(|text| text == "none") {
        options.compression = Compression::None;
    }
    let opened = Tape::open(Path::new(directory), options).expect("the tape opens");
    let (mut tape, mut table) = (opened.tape, opened.table);
    println!("{:?}", opened.report);
    let interface =
        Interface { link_type: LinkType::ETHERNET, snaplen: 262_144, name: Some("bench0".into()), description: None };
    let interface = tape.interface(&interface);
    let source: Vec<u8> = noise(64 << 20);
    let (start, cpu_start) = (Instant::now(), cpu_seconds());
    let (mut packets, mut bytes, mut next_tick, mut last) = (0_u64, 0_u64, start, (0_u64, start));
    let mut worst = Duration::ZERO;
    'run: loop {
        for _ in 0..256 {
            let at = (packets as usize * 2048) % (source.len() - packet_bytes as usize);
            let arrival = tape.next_arrival();
            let packet = Packet {
                time: Timestamp(1_700_000_000_000_000_000 + packets as i64 * 1000),
                wire_bytes: packet_bytes as u32,
                data: &source[at..at + packet_bytes as usize],
                interface,
                direction: PacketDirection::Inbound,
                arrival: Some(arrival),
            };
            let lane = if packets.is_multiple_of(16) { Lane::Client } else { Lane::Bulk };
            tape.append(lane, &packet, u32::MAX);
            packets += 1;
            bytes += packet_bytes;
        }
        let now = Instant::now();
        if gbit > 0 {
            let due = Duration::from_secs_f64(bytes as f64 * 8.0 / (gbit as f64 * 1e9));
            if due > now - start {
                std::thread::sleep(due - (now - start));
            } else {
                worst = worst.max((now - start) - due);
            }
        }
        if now >= next_tick {
            next_tick += Duration::from_secs(1);
            tape.tick(now).expect("the tape goes on");
            for problem in tape.problems() {
                println!("{problem}");
            }
            let rate = (bytes - last.0) as f64 / (now - last.1).as_secs_f64() / 1e9;
            last = (bytes, now);
            println!("{rate:.2} GB/s, pressure {:.2}, worst delay {worst:?}, {}", tape.pressure(), brief(&tape));
            worst = Duration::ZERO;
            if now - start >= Duration::from_secs(seconds) {
                break 'run;
            }
        }
    }
    let (elapsed, cpu) = (start.elapsed().as_secs_f64(), cpu_seconds() - cpu_start);
    tape.close(&mut table);
    println!(
        "{packets} packets, {:.2} GB/s, {:.2} Mpps, {:.3} µs of CPU a packet",
        bytes as f64 / elapsed / 1e9,
        packets as f64 / elapsed / 1e6,
        cpu / packets as f64 * 1e6
    );
}

fn brief(tape: &Tape) -> String {
    let c = tape.counters();
    format!(
        "{} lost, {} durable, {} frames compressed, {} stored, {:.1} of {:.1} GB direct, {} closed, {} MB used",
        c.packets_lost,
        c.packets_durable,
        c.frames_compressed,
        c.frames_stored,
        c.bytes_direct as f64 / 1e9,
        c.bytes_stored as f64 / 1e9,
        c.segments_closed,
        c.bytes_used / 1_000_000
    )
}

/// Bytes that look like encrypted traffic with headers in between.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        bytes.extend_from_slice(&if bytes.len() % 2048 < 1024 { state.to_be_bytes() } else { [0x20; 8] });
    }
    bytes
}

/// CPU time of this process, all threads.
fn cpu_seconds() -> f64 {
    let usage = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    usage.tv_sec as f64 + usage.tv_nsec as f64 / 1e9
}
