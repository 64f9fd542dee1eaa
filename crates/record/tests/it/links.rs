//! Loopback, large packets, link types.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use packet::{LinkType, PacketDirection, decode};
use record::Options;

use crate::frames::udp_packet;
use crate::network::Network;
use crate::recording::{Recording, on};

/// A connection over `lo`: segments of up to 64 KiB that were never cut for a wire.
#[test]
fn loopback_is_seen_once_and_large_packets_are_whole() {
    const BYTES: usize = 3_000_000;
    let Some(network) = Network::new() else { return };
    network.ip("link set lo up mtu 1500");
    let recording = Recording::start(&network, on("lo"));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    let writer = std::thread::spawn(move || client.write_all(&vec![7; BYTES]).unwrap());
    assert_eq!(server.read_to_end(&mut Vec::new()).unwrap(), BYTES);
    writer.join().unwrap();
    drop(server);
    std::thread::sleep(std::time::Duration::from_millis(300));
    let (memory, counters) = recording.stop();
    assert_eq!(counters.dropped_by_kernel, 0);
    let kept = memory.of("lo");
    let payload = |data: &[u8], wire_bytes| decode(LinkType::ETHERNET, data, wire_bytes).payload_bytes as usize;
    let sent: usize = kept.iter().map(|packet| payload(&packet.data, packet.wire_bytes)).sum();
    assert_eq!(sent, BYTES, "each byte once");
    assert!(kept.iter().all(|packet| packet.direction == PacketDirection::Inbound));
    assert!(kept.iter().all(|packet| packet.data.len() == packet.wire_bytes as usize));
    assert!(kept.iter().any(|packet| packet.data.len() > 20_000));
    // With an MTU of 1500 and TCP time stamps a segment holds 1448 bytes.
    assert!(counters.segments as usize >= BYTES / 1448, "{} segments", counters.segments);
    assert!((counters.segments as usize) < BYTES / 1448 + kept.len() + 10);
}

/// BIG TCP (Linux 5.19): packets of up to 256 KiB that have no length in their IP header.
#[test]
fn packets_of_a_quarter_of_a_megabyte_are_whole() {
    const BYTES: usize = 8_000_000;
    let Some(network) = Network::new() else { return };
    network.python("open('/proc/sys/net/ipv6/conf/lo/disable_ipv6', 'w').write('0')");
    network.ip("link set lo up");
    network.ip("link set lo gso_max_size 262144 gro_max_size 262144");
    let recording = Recording::start(&network, Options { ring_bytes: 64 << 20, ..on("lo") });
    network.python(&format!(
        "import socket, threading\n\
         server = socket.socket(socket.AF_INET6)\n\
         server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)\n\
         server.bind(('::1', 7777)); server.listen()\n\
         client = socket.socket(socket.AF_INET6)\n\
         client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8 << 20)\n\
         client.connect(('::1', 7777)); peer, _ = server.accept()\n\
         thread = threading.Thread(target=lambda: (client.sendall(bytes({BYTES})), client.close()))\n\
         thread.start()\n\
         while peer.recv(1 << 20): pass\n\
         thread.join()"
    ));
    std::thread::sleep(std::time::Duration::from_millis(300));
    let (memory, counters) = recording.stop();
    assert_eq!(counters.dropped_by_kernel, 0);
    let kept = memory.of("lo");
    assert!(kept.iter().all(|packet| packet.data.len() == packet.wire_bytes as usize));
    let longest = kept.iter().map(|packet| packet.data.len()).max().unwrap();
    assert!(longest > 200_000, "{longest}");
    let headers = |packet: &&crate::keeper::Kept| decode(LinkType::ETHERNET, &packet.data, packet.wire_bytes);
    let to_server = kept.iter().map(headers).filter(|headers| headers.key.is_some_and(|key| key.dest_port == 7777));
    assert_eq!(to_server.map(|headers| headers.payload_bytes as usize).sum::<usize>(), BYTES, "each byte once");
}

/// What a program writes into a tun device comes in as IP, without a link header.
#[test]
fn tun_is_raw_ip() {
    let Some(network) = Network::new() else { return };
    network.ip("tuntap add mode tun name tun0");
    network.ip("addr add 10.77.0.2/24 dev tun0");
    network.ip("link set tun0 up");
    let recording = Recording::start(&network, on("tun0"));
    let packets: Vec<Vec<u8>> = (0..3).map(|number| udp_packet(number, (1000, 2000), 50)).collect();
    let hex: Vec<String> =
        packets.iter().map(|bytes| bytes.iter().map(|byte| format!("{byte:02x}")).collect()).collect();
    network.python(&format!(
        "import fcntl, os, struct\n\
         tun = os.open('/dev/net/tun', os.O_RDWR)\n\
         fcntl.ioctl(tun, 0x400454ca, struct.pack('16sH22x', b'tun0', 0x1001))\n\
         for packet in '{}'.split(): os.write(tun, bytes.fromhex(packet))",
        hex.join(" ")
    ));
    recording.wait_for(3);
    let (memory, _) = recording.stop();
    let kept = memory.of("tun0");
    let inbound: Vec<&Vec<u8>> =
        kept.iter().filter(|packet| packet.direction == PacketDirection::Inbound).map(|packet| &packet.data).collect();
    assert_eq!(inbound, packets.iter().collect::<Vec<_>>());
    assert!(kept.iter().all(|packet| packet.link_type == LinkType::RAW));
}

/// PPP, GRE, ipip, sit, WireGuard: a tun device that is made to say that it is one of them. None of these has a
/// link header of its own in what the kernel shows (a PPP device takes the PPP header off before), so that libpcap and
/// tcpdump have raw IP or a cooked header; here they are the oracle.
#[test]
fn devices_without_a_link_header_are_as_libpcap_has_them() {
    let Some(network) = Network::new() else { return };
    let packets: Vec<Vec<u8>> = (0..3).map(|number| udp_packet(number, (1000, 2000), 50)).collect();
    let hex: Vec<String> =
        packets.iter().map(|bytes| bytes.iter().map(|byte| format!("{byte:02x}")).collect()).collect();
    for hardware in [libc::ARPHRD_PPP, libc::ARPHRD_IPGRE, libc::ARPHRD_TUNNEL, libc::ARPHRD_SIT, libc::ARPHRD_NONE] {
        let name = format!("tun{hardware}");
        network.ip(&format!("tuntap add mode tun name {name}"));
        let open = format!(
            "import fcntl, os, struct\n\
             tun = os.open('/dev/net/tun', os.O_RDWR)\n\
             fcntl.ioctl(tun, 0x400454ca, struct.pack('16sH22x', b'{name}', 0x1001))\n"
        );
        // TUNSETLINK.
        network.python(&format!("{open}fcntl.ioctl(tun, 0x400454cd, {hardware})"));
        network.ip(&format!("link set {name} up"));
        let recording = Recording::start(&network, on(&name));
        let send = || {
            network.python(&format!(
                "{open}for packet in '{}'.split(): os.write(tun, bytes.fromhex(packet))",
                hex.join(" ")
            ))
        };
        let Some((link_type, theirs)) = network.tcpdump_capture(&name, packets.len(), send) else { return };
        recording.wait_for(packets.len() as u64);
        let (memory, _) = recording.stop();
        let kept = memory.of(&name);
        assert!(kept.iter().all(|packet| packet.link_type == link_type), "{hardware}: {link_type}");
        assert_eq!(
            kept.iter().map(|packet| &packet.data).collect::<Vec<_>>(),
            theirs.iter().collect::<Vec<_>>(),
            "{hardware}"
        );
        for packet in kept {
            let key = decode(link_type, &packet.data, packet.wire_bytes).key;
            assert_eq!(key.map(|key| (key.src_port, key.dest_port)), Some((1000, 2000)), "{hardware}");
        }
    }
}

#[test]
fn direction_can_be_chosen() {
    let Some(network) = Network::new() else { return };
    network.veth("a0", "b0");
    for (direction, expected) in [(PacketDirection::Inbound, 3), (PacketDirection::Outbound, 5)] {
        let recording = Recording::start(&network, Options { direction: Some(direction), ..on("a0") });
        network.send("a0", &(0..5).map(|number| crate::frames::udp(number, (1, 2), 60)).collect::<Vec<_>>());
        network.send("b0", &(0..3).map(|number| crate::frames::udp(number, (1, 2), 60)).collect::<Vec<_>>());
        recording.wait_for(8);
        let (memory, _) = recording.stop();
        assert_eq!(memory.packets.len(), expected, "{direction:?}");
    }
}
