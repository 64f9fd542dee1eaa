//! Ethernet frames.

/// UDP over IPv4; the payload starts with the number.
pub(crate) fn udp(number: u32, ports: (u16, u16), payload_bytes: usize) -> Vec<u8> {
    ethernet(&[], &udp_packet(number, ports, payload_bytes))
}

/// The same with VLAN tags (TPID, TCI), outermost first.
pub(crate) fn tagged(number: u32, tags: &[(u16, u16)], payload_bytes: usize) -> Vec<u8> {
    ethernet(tags, &udp_packet(number, (1000, 53), payload_bytes))
}

/// The IPv4 packet alone.
pub(crate) fn udp_packet(number: u32, (source, target): (u16, u16), payload_bytes: usize) -> Vec<u8> {
    let length = 28 + payload_bytes as u16;
    let mut bytes = vec![0x45, 0];
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(&(number as u16).to_be_bytes());
    bytes.extend_from_slice(&[0, 0, 64, 17, 0, 0, 10, 77, 0, 1, 10, 77, 0, 2]);
    let sum: u32 = bytes.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    bytes[10..12].copy_from_slice(&(!(folded as u16)).to_be_bytes());
    bytes.extend_from_slice(&source.to_be_bytes());
    bytes.extend_from_slice(&target.to_be_bytes());
    bytes.extend_from_slice(&(length - 20).to_be_bytes());
    bytes.extend_from_slice(&[0, 0]);
    let payload = (0..payload_bytes).map(|at| number.wrapping_mul(31).wrapping_add(at as u32) as u8);
    bytes.extend(payload);
    bytes
}

fn ethernet(tags: &[(u16, u16)], payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
    for (tpid, tci) in tags {
        bytes.extend_from_slice(&tpid.to_be_bytes());
        bytes.extend_from_slice(&tci.to_be_bytes());
    }
    bytes.extend_from_slice(&[8, 0]);
    bytes.extend_from_slice(payload);
    bytes
}
