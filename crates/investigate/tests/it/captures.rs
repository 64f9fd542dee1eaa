//! Runs a capture through an investigation.

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;

use investigate::{Investigation, Limits, Side, Sink};
use packet::capture::Reader;
use packet::decode::Transport;
use packet::{FlowKey, Headers, LinkType, Packet, decode};

const SYN: u8 = 0x02;
const ACK: u8 = 0x10;

/// Flows by their keys: enough for tests. A SYN with another sequence number begins another flow.
#[derive(Debug, Default)]
pub(crate) struct Keying {
    flows: HashMap<FlowKey, Flow>,
    count: u64,
}

#[derive(Clone, Copy, Debug)]
struct Flow {
    number: u64,
    is_canonical: bool,
    syn: Option<u32>,
}

impl Keying {
    /// The flow of a packet, and who sent it.
    pub(crate) fn flow(&mut self, headers: &Headers) -> Option<(u64, Side)> {
        let key = headers.key?;
        let (canonical, was_reversed) = key.canonical();
        let (syn, answers) = match headers.transport {
            Transport::Tcp { seq, flags, .. } if flags & SYN != 0 => {
                ((flags & ACK == 0).then_some(seq), flags & ACK != 0)
            }
            _ => (None, false),
        };
        let known = self.flows.get_mut(&canonical);
        if let Some(flow) = known
            && (syn.is_none() || flow.syn.is_none() || flow.syn == syn)
        {
            flow.syn = flow.syn.or(syn);
            let is_client = flow.is_canonical != was_reversed;
            return Some((flow.number, if is_client { Side::Client } else { Side::Server }));
        }
        self.count += 1;
        let by_port = matches!(headers.transport, Transport::Tcp { .. } | Transport::Udp)
            && syn.is_none()
            && (answers || key.src_port < 1024 && key.dest_port >= 1024);
        let side = if by_port { Side::Server } else { Side::Client };
        let is_canonical = (side == Side::Client) != was_reversed;
        self.flows.insert(canonical, Flow { number: self.count, is_canonical, syn });
        Some((self.count, side))
    }
}

/// Investigates a capture. What can be read of a damaged one counts.
pub(crate) fn investigate(path: &Path, sink: &mut dyn Sink) -> u64 {
    let mut investigation = Investigation::new(Limits::default());
    let mut keying = Keying::default();
    let mut count = 0;
    each_packet(path, &mut |packet, link_type| {
        count += 1;
        let headers = decode(link_type, packet.data, packet.wire_bytes);
        if let Some((flow, side)) = keying.flow(&headers) {
            investigation.packet(flow, side, packet, &headers, sink);
        }
    });
    investigation.finish(sink);
    assert_eq!((investigation.held_bytes(), investigation.conversations()), (0, 0), "{}", path.display());
    count
}

/// The packets of a capture, as far as it can be read.
pub(crate) fn each_packet(path: &Path, tell: &mut dyn FnMut(&Packet<'_>, LinkType)) {
    let Ok(mut reader) = Reader::new(File::open(path).expect("capture")) else { return };
    while let Ok(Some((packet, interfaces))) = reader.next_with_interfaces() {
        tell(&packet, interfaces[packet.interface as usize].link_type);
    }
}
