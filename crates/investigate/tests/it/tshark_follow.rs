//! What is said in TCP streams, against `tshark -z follow,tcp,raw`.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use investigate::tcp::Listener;
use investigate::{At, Ends, Follow, Side};
use packet::decode;

use crate::captures::{Keying, each_packet};
use crate::shared::{every_capture, folder, skipped};

/// An end of a stream, as tshark writes it.
type End = String;

/// What both ends of a stream said, by end.
type Streams = BTreeMap<[End; 2], Vec<BTreeMap<End, Bytes>>>;

/// Streams of one capture that tshark is asked for.
const STREAMS_MAX: usize = 60;

/// What a side said, up to its first gap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Bytes {
    before_gap: Vec<u8>,
    has_gap: bool,
}

impl Bytes {
    fn add(&mut self, data: &[u8]) {
        if !self.has_gap {
            self.before_gap.extend_from_slice(data);
        }
    }

    /// The same, as far as both go: tshark tells of a gap only when what is behind it was acknowledged, and takes a
    /// keep-alive for the first byte.
    fn agrees(&self, other: &Self) -> bool {
        match (self.has_gap, other.has_gap) {
            (false, false) => self.before_gap == other.before_gap,
            _ => self.before_gap.starts_with(&other.before_gap) || other.before_gap.starts_with(&self.before_gap),
        }
    }
}

#[derive(Default)]
struct Said {
    client: Bytes,
    server: Bytes,
}

impl Listener for Said {
    fn data(&mut self, side: Side, _: At, data: &[u8]) {
        match side {
            Side::Client => self.client.add(data),
            Side::Server => self.server.add(data),
        }
    }

    fn gap(&mut self, side: Side, _: At, _: u64) {
        match side {
            Side::Client => self.client.has_gap = true,
            Side::Server => self.server.has_gap = true,
        }
    }

    fn end(&mut self, _: Side, _: At, _: Ends) {}

    fn oddity(&mut self, _: At, _: &'static str) {}
}

fn ours(path: &Path) -> Streams {
    let mut keying = Keying::default();
    let mut flows: BTreeMap<u64, ([End; 2], Follow, Said)> = BTreeMap::new();
    each_packet(path, &mut |packet, link_type| {
        let headers = decode(link_type, packet.data, packet.wire_bytes);
        let (Some(key), Some((flow, side))) = (headers.key.filter(|key| key.proto == 6), keying.flow(&headers)) else {
            return;
        };
        let key = if side == Side::Client { key } else { key.reversed() };
        let ends = [(key.src, key.src_port), (key.dest, key.dest_port)].map(|(ip, port)| format!("{ip}:{port}"));
        let (_, follow, said) = flows.entry(flow).or_insert_with(|| (ends, Follow::default(), Said::default()));
        follow.packet(side, packet, &headers, said);
    });
    let mut streams = Streams::new();
    for (_, (ends, mut follow, mut said)) in flows {
        follow.finish(&mut said);
        let [client, server] = ends.clone();
        let both = BTreeMap::from([(client, said.client), (server, said.server)]);
        let mut ends = ends;
        ends.sort();
        streams.entry(ends).or_default().push(both);
    }
    streams
}

/// What tshark says, of the first streams.
fn theirs(path: &Path) -> Option<Streams> {
    let wanted: Vec<String> = (0..STREAMS_MAX).map(|stream| format!("follow,tcp,raw,{stream}")).collect();
    let mut arguments = vec!["-q"];
    wanted.iter().for_each(|wanted| arguments.extend(["-z", wanted.as_str()]));
    let text = tshark(path, &arguments)?;
    let mut streams = Streams::new();
    for block in text.split("Follow: tcp,raw\n").skip(1) {
        let lines: Vec<&str> = block.lines().collect();
        let node = |prefix: &str| {
            lines.iter().find_map(|line| line.strip_prefix(prefix)).unwrap_or_default().replace(['[', ']'], "")
        };
        let (first, second) = (node("Node 0: "), node("Node 1: "));
        let mut both: BTreeMap<End, Bytes> =
            BTreeMap::from([(first.clone(), Bytes::default()), (second.clone(), Bytes::default())]);
        for line in lines
            .iter()
            .skip_while(|line| !line.starts_with("Node 1"))
            .skip(1)
            .take_while(|line| !line.starts_with('='))
        {
            let (end, hex) = line.strip_prefix('\t').map_or((&first, *line), |hex| (&second, hex));
            let said = both.entry(end.clone()).or_default();
            let bytes: Vec<u8> = bytes(hex).collect();
            said.has_gap |= bytes.ends_with(b"bytes missing in capture file]\0");
            said.add(&bytes);
        }
        let mut ends = [first, second];
        ends.sort();
        streams.entry(ends).or_default().push(both);
    }
    Some(streams)
}

fn bytes(hex: &str) -> impl Iterator<Item = u8> + '_ {
    hex.as_bytes().chunks_exact(2).filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
}

fn tshark(path: &Path, arguments: &[&str]) -> Option<String> {
    // Preferences and profiles of whoever runs the tests are left out of it.
    let output =
        Command::new("tshark").args(["-n", "-r"]).arg(path).args(arguments).env("HOME", "/nonexistent").output();
    let Ok(output) = output else {
        skipped("tshark");
        return None;
    };
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Of a stream that begins with its end tshark shows nothing, and it takes bytes of another link layer's header away.
fn differs(capture: &Path, ends: &[End; 2]) -> bool {
    let name = capture.file_name().unwrap_or_default();
    name == "ftp-active-fcs.pcap" || name == "wechat.pcap" && ends.iter().any(|end| end.ends_with(":58143"))
}

#[test]
fn streams_are_those_of_tshark() {
    let Some(folder) = folder() else { return };
    let mut compared = 0;
    for capture in every_capture(&folder).iter().filter(|path| !path.starts_with(folder.join("variants"))) {
        let ours = ours(capture);
        if ours.is_empty() {
            continue;
        }
        let Some(theirs) = theirs(capture) else { return };
        for (ends, streams) in theirs.iter().filter(|(ends, _)| !differs(capture, ends)) {
            // Of several between the same ends, which is which is not said.
            let (Some([ours]), [theirs]) = (ours.get(ends).map(Vec::as_slice), streams.as_slice()) else { continue };
            let agree = ours.iter().all(|(end, said)| theirs.get(end).is_some_and(|other| said.agrees(other)));
            assert!(agree, "{} {ends:?}\n{ours:?}\n{theirs:?}", capture.display());
            compared += 1;
        }
    }
    assert!(compared > 1000, "{compared}");
}
