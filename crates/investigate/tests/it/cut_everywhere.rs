//! What is said in captures, cut into single bytes: every protocol tells the same.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use investigate::protocols::{KNOWN, Opening, Parties, Probe, Protocol, Step};
use investigate::tcp::Listener;
use investigate::{At, Ends, Follow, Side};
use packet::decode::Transport;
use packet::{FlowKey, decode};

use crate::captures::{Keying, each_packet};
use crate::collect::Collected;
use crate::shared::{every_capture, folder};

/// Conversations with more are left out: single bytes take their time.
const BYTES_MAX: usize = 64 << 10;

/// What the sides of a stream said.
#[derive(Default)]
struct Said {
    pieces: Vec<Piece>,
    bytes: usize,
}

#[derive(Clone, Debug)]
enum Piece {
    Data(Side, At, Vec<u8>),
    Gap(Side, At, u64),
    End(Side, At, Ends),
}

impl Listener for Said {
    fn data(&mut self, side: Side, at: At, data: &[u8]) {
        self.bytes += data.len();
        if self.bytes <= BYTES_MAX {
            self.pieces.push(Piece::Data(side, at, data.to_vec()));
        }
    }

    fn gap(&mut self, side: Side, at: At, bytes: u64) {
        self.pieces.push(Piece::Gap(side, at, bytes));
    }

    fn end(&mut self, side: Side, at: At, ends: Ends) {
        self.pieces.push(Piece::End(side, at, ends));
    }

    fn oddity(&mut self, _at: At, _what: &'static str) {}
}

#[test]
fn single_bytes_tell_the_same() {
    let Some(folder) = folder() else { return };
    let mut count: BTreeMap<&str, u32> = BTreeMap::new();
    for capture in every_capture(&folder).iter().filter(|path| !path.starts_with(folder.join("variants"))) {
        for (key, said) in streams(capture) {
            let parties = Parties {
                client: key.src,
                client_port: key.src_port,
                server: key.dest,
                server_port: key.dest_port,
                is_stream: true,
            };
            if said.bytes > BYTES_MAX {
                continue;
            }
            let Some((name, begin)) = recognised(&parties, &said.pieces) else { continue };
            let whole = told(begin(&parties), &said.pieces);
            let single: Vec<Piece> = said.pieces.iter().flat_map(in_single_bytes).collect();
            let cut = told(begin(&parties), &single);
            assert_eq!(whole.facts, cut.facts, "{}: {name} {key:?}", capture.display());
            assert_eq!(whole.resolved, cut.resolved, "{}: {name} {key:?}", capture.display());
            let files = |collected: &Collected| {
                let files = collected.files.iter();
                files.map(|file| (file.start.clone(), file.bytes(), file.gap_bytes, file.ends)).collect::<Vec<_>>()
            };
            assert_eq!(files(&whole), files(&cut), "{}: {name} {key:?}", capture.display());
            *count.entry(name).or_default() += 1;
        }
    }
    eprintln!("{count:?}");
    assert!(count.values().sum::<u32>() > 100, "{count:?}");
}

type Begin = fn(&Parties) -> Box<dyn Protocol>;

/// Who says for sure that it is his, after so many pieces as it takes.
fn recognised(parties: &Parties, pieces: &[Piece]) -> Option<(&'static str, Begin)> {
    let (mut client, mut server, mut first) = (Vec::new(), Vec::new(), None);
    for piece in pieces.iter().take(8) {
        let Piece::Data(side, _, data) = piece else { continue };
        first.get_or_insert(*side);
        if *side == Side::Client { &mut client } else { &mut server }.extend_from_slice(data);
        let opening = Opening {
            client: client.get(..4096).unwrap_or(&client),
            server: server.get(..4096).unwrap_or(&server),
            first: first.unwrap_or(Side::Client),
            client_port: parties.client_port,
            server_port: parties.server_port,
            is_stream: true,
        };
        if let Some(known) = KNOWN.iter().find(|known| (known.probe)(&opening) == Probe::Yes) {
            return Some((known.name, known.begin));
        }
    }
    None
}

fn told(mut protocol: Box<dyn Protocol>, pieces: &[Piece]) -> Collected {
    let mut told = Collected::default();
    for piece in pieces {
        let step = match piece {
            Piece::Data(side, at, data) => protocol.data(*side, *at, data, &mut told),
            Piece::Gap(side, at, bytes) => protocol.gap(*side, *at, *bytes, &mut told),
            Piece::End(side, at, ends) => {
                protocol.end(*side, *at, *ends, &mut told);
                Step::Go
            }
        };
        if step != Step::Go {
            break;
        }
    }
    told
}

fn in_single_bytes(piece: &Piece) -> Vec<Piece> {
    match piece {
        Piece::Data(side, at, data) => data.iter().map(|byte| Piece::Data(*side, *at, vec![*byte])).collect(),
        other => vec![other.clone()],
    }
}

/// The streams of a capture, from client to server.
fn streams(capture: &Path) -> Vec<(FlowKey, Said)> {
    let mut keying = Keying::default();
    let mut flows: HashMap<u64, (FlowKey, Follow, Said)> = HashMap::new();
    each_packet(capture, &mut |packet, link_type| {
        let headers = decode(link_type, packet.data, packet.wire_bytes);
        let (Some(key), Some((flow, side))) = (headers.key, keying.flow(&headers)) else { return };
        if !matches!(headers.transport, Transport::Tcp { .. }) {
            return;
        }
        let key = if side == Side::Client { key } else { key.reversed() };
        let (_, follow, said) = flows.entry(flow).or_insert_with(|| (key, Follow::default(), Said::default()));
        follow.packet(side, packet, &headers, said);
    });
    flows
        .into_values()
        .map(|(key, mut follow, mut said)| {
            follow.finish(&mut said);
            (key, said)
        })
        .collect()
}
