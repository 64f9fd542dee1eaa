//! Who started it?

use crate::tcp::{ACK, FIN, RST, SYN};
use packet::decode::Transport;
use packet::{Address, FlowKey};

/// Which end of a flow's first packet is the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Orientation {
    /// The sender of the packet is the client.
    pub(super) sender_is_client: bool,
    /// The packet opens the flow, as far as its protocol tells.
    pub(super) opens: bool,
}

const SCTP_INIT: u8 = 1;
const SCTP_INIT_ACK: u8 = 2;
/// Ports below this one are servers' (RFC 6335, 6: system ports).
const SYSTEM_PORTS: u16 = 1024;

/// By the first packet that is seen of a flow. `listens` says of an address and port whether it was seen to listen.
///
/// TCP and SCTP say who opened; midstream the server is the end that listens, else the one with the lower port. A
/// datagram is the client's, unless it goes from a system port to one that is not: then it is an answer. The first
/// sender of anything else is its client.
pub(super) fn orient(key: &FlowKey, transport: Transport, listens: impl Fn(Address, u16) -> bool) -> Orientation {
    let by_ports = || match (listens(key.src, key.src_port), listens(key.dest, key.dest_port)) {
        (true, false) => false,
        (false, true) => true,
        _ => key.src_port >= key.dest_port,
    };
    match transport {
        Transport::Tcp { flags, .. } => match flags & (SYN | ACK) {
            SYN => Orientation { sender_is_client: true, opens: flags & (FIN | RST) == 0 },
            flags if flags == SYN | ACK => Orientation { sender_is_client: false, opens: false },
            _ => Orientation { sender_is_client: by_ports(), opens: false },
        },
        Transport::Sctp { chunk_type: SCTP_INIT } => Orientation { sender_is_client: true, opens: true },
        Transport::Sctp { chunk_type: SCTP_INIT_ACK } => Orientation { sender_is_client: false, opens: false },
        Transport::Sctp { .. } => Orientation { sender_is_client: by_ports(), opens: false },
        Transport::Udp => {
            let answer = key.src_port < SYSTEM_PORTS && key.dest_port >= SYSTEM_PORTS && !is_group(key.dest);
            Orientation { sender_is_client: !answer, opens: !answer }
        }
        Transport::None | Transport::Icmp { .. } => Orientation { sender_is_client: true, opens: true },
    }
}

/// Multicast (RFC 5771, RFC 4291 2.7) and the limited broadcast address.
fn is_group(address: Address) -> bool {
    match address.as_v4() {
        Some(bytes) => (224..240).contains(&bytes[0]) || bytes == [255; 4],
        None => address.0[0] == 0xff,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(transport: Transport, ports: (u16, u16), expected: (bool, bool)) {
        let (src, dest) = (Address::v4([192, 0, 2, 1]), Address::v4([192, 0, 2, 2]));
        let key = FlowKey { src, dest, src_port: ports.0, dest_port: ports.1, proto: 0, ip_version: 4, one_way: false };
        let orientation = orient(&key, transport, |_, port| port == 40_000);
        assert_eq!((orientation.sender_is_client, orientation.opens), expected, "{transport:?} {ports:?}");
    }

    #[test]
    fn first_packets_are_oriented() {
        let tcp = |flags| Transport::Tcp { seq: 0, ack: 0, flags, window: 0 };
        check(tcp(SYN), (80, 50_000), (true, true));
        check(tcp(SYN | ACK), (50_000, 80), (false, false));
        check(tcp(ACK), (50_000, 80), (true, false));
        check(tcp(ACK), (80, 50_000), (false, false));
        check(tcp(ACK), (80, 80), (true, false));
        check(tcp(ACK), (40_000, 30_000), (false, false));
        check(tcp(RST), (30_000, 40_000), (true, false));
        check(Transport::Udp, (53, 40_001), (false, false));
        check(Transport::Udp, (68, 67), (true, true));
        check(Transport::Udp, (40_001, 5_353), (true, true));
        check(Transport::Sctp { chunk_type: 2 }, (7, 9), (false, false));
        check(Transport::Icmp { kind: 0, code: 0 }, (0, 8), (true, true));
    }
}
