//! A tape that stands for a large one: `sparse DIR [SEGMENTS]`.
//!
//! Each segment has a thousand flows of its own, with their rows and index, and ends in a block of 1 GB that is a hole in the
//! file. All but that block is written by the tape itself, as a recorder would. The middle segment has a flow of
//! 10.1.0.10:40000 to 203.0.113.7:80, and no other has this server.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use flow::{FlowTable, Place};
use packet::{Interface, LinkType, Packet, PacketDirection, Timestamp};
use tape::format::catalog::{self, FrameRecord};
use tape::{Compression, Lane, Options, Tape};

const FLOWS: u64 = 1000;
/// Segments of 1 GB, on a host that fills 10 TB in a hundred days.
const SEGMENT_SECONDS: u64 = 864;
const HOLE_BYTES: u32 = 1_000_000_000;
const NEEDLE_SERVER: [u8; 4] = [203, 0, 113, 7];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let directory = Path::new(arguments.first().map_or("sparse.tape", String::as_str));
    let segments: u64 = arguments.get(1).map_or(Ok(10_000), |text| text.parse())?;
    record(directory, segments)?;
    for entry in fs::read_dir(directory.join(Lane::Client.name()))? {
        add_hole(directory, &entry?.path())?;
    }
    Ok(())
}

fn record(directory: &Path, segments: u64) -> Result<(), Box<dyn std::error::Error>> {
    let mut options = Options::new(1 << 50);
    options.keep_free = tape::KeepFree::Bytes(1 << 30);
    options.wait_max = Duration::from_secs(600);
    options.compression = Compression::None;
    options.sync_interval = Duration::from_secs(60);
    let age_max = options.segment_age_max;
    let opened = Tape::open(directory, options)?;
    let (mut tape, mut table) = (opened.tape, opened.table);
    let interface =
        Interface { link_type: LinkType::ETHERNET, snaplen: 262_144, name: Some("eth0".into()), description: None };
    let interface = tape.interface(&interface);
    let mut now = Instant::now();
    for segment in 0..segments {
        for number in 0..FLOWS {
            let is_needle = segment == segments / 2 && number == FLOWS / 2;
            let seconds = 1_750_000_000 + segment * SEGMENT_SECONDS;
            let time = Timestamp((seconds * 1_000_000_000 + number * 100_000_000) as i64);
            let ends = if is_needle { Ends::NEEDLE } else { Ends::of(segment, number) };
            for outward in [true, false] {
                put(&mut tape, &mut table, interface, time, &ends.frame(outward), outward);
            }
        }
        while !tape.takes_checkpoint() {
            std::thread::sleep(Duration::from_micros(200));
        }
        tape.checkpoint(&mut table);
        // Old enough to be closed, by a clock that only this tape sees.
        now += age_max + Duration::from_secs(1);
        tape.tick(now)?;
    }
    tape.close(&mut table);
    Ok(())
}

fn put(tape: &mut Tape, table: &mut FlowTable, interface: u32, time: Timestamp, frame: &[u8], outward: bool) {
    let direction = if outward { PacketDirection::Outbound } else { PacketDirection::Inbound };
    let arrival = tape.next_arrival();
    let packet =
        Packet { time, wire_bytes: frame.len() as u32, data: frame, interface, direction, arrival: Some(arrival) };
    let headers = packet::decode(LinkType::ETHERNET, frame, packet.wire_bytes);
    let seen = table.observe(&packet, &headers, arrival, 1);
    let lane = match seen.place {
        Place::Lane(lane) => lane,
        Place::Park => Lane::Junk,
    };
    if let Some(kept) = tape.append(lane, &packet, u32::MAX) {
        table.placed(seen.slot, lane, kept, packet.wire_bytes);
    }
}

/// Client and server of a flow.
struct Ends {
    client: ([u8; 4], u16),
    server: ([u8; 4], u16),
}

impl Ends {
    const NEEDLE: Self = Self { client: ([10, 1, 0, 10], 40_000), server: (NEEDLE_SERVER, 80) };

    /// Four thousand hosts and sixty thousand servers, each segment with others of them.
    fn of(segment: u64, number: u64) -> Self {
        let chance = (segment * FLOWS + number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let (host, server) = (chance >> 32 & 0xfff, chance >> 44 & 0xffff);
        let port = 20_000 + (chance >> 8 & 0x7fff) as u16;
        Self {
            client: ([10, 1, (host >> 6) as u8, 10 + (host & 63) as u8], port),
            server: ([198, 18 + (server >> 15) as u8, (server >> 8) as u8, server as u8], 443),
        }
    }

    /// A UDP packet, to the server or back.
    fn frame(&self, outward: bool) -> Vec<u8> {
        let (from, to) = if outward { (self.client, self.server) } else { (self.server, self.client) };
        let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
        frame.extend([0x45, 0, 0, 60, 0, 1, 0x40, 0, 64, 17, 0, 0]);
        frame.extend(from.0);
        frame.extend(to.0);
        frame.extend(from.1.to_be_bytes());
        frame.extend(to.1.to_be_bytes());
        frame.extend([0, 40, 0, 0]);
        frame.resize(74, 0);
        frame
    }
}

/// Appends a custom block of pcapng whose body is a hole, and its place in the catalog.
fn add_hole(directory: &Path, segment: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let name = segment.file_name().and_then(|name| name.to_str()).ok_or("a name")?;
    let number: u64 = name.split('-').next().ok_or("a number")?.parse()?;
    let file = OpenOptions::new().read(true).write(true).open(segment)?;
    let end = file.metadata()?.len();
    let path = directory.join(tape::format::names::catalog_path(Lane::Client, number));
    let mut index = Vec::new();
    File::open(&path)?.read_to_end(&mut index)?;
    let last = *catalog::decode(&index, number).last().ok_or("frames")?;
    assert_eq!(last.cend(), end, "{name} ends with its last frame");
    // A block that readers pass over: 0x0bad, with a private enterprise number, here that of documentation (RFC 5612).
    let head = [0x0bad_u32, HOLE_BYTES, 32_473].map(u32::to_le_bytes).concat();
    file.write_all_at(&head, end)?;
    file.write_all_at(&HOLE_BYTES.to_le_bytes(), end + u64::from(HOLE_BYTES) - 4)?;
    let record = FrameRecord {
        uoffset: last.uend(),
        coffset: end,
        ubytes: HOLE_BYTES,
        cbytes: HOLE_BYTES,
        interfaces: last.interfaces,
        ..FrameRecord::default()
    };
    OpenOptions::new().append(true).open(&path)?.write_all(&record.encode())?;
    Ok(())
}
