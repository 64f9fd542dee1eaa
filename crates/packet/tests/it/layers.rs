//! Packets built by hand, from the inside out: every function puts one header before a payload.

/// Checksum of RFC 1071.
fn checksum(bytes: &[u8]) -> [u8; 2] {
    let mut sum: u32 =
        bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | pair.get(1).copied().map_or(0, u32::from)).sum();
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    (!(sum as u16)).to_be_bytes()
}

/// One after the other.
pub(crate) fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// Ethernet II from 02:00:00:00:00:01 to 02:00:00:00:00:02.
pub(crate) fn ethernet(ether_type: u16, payload: &[u8]) -> Vec<u8> {
    join(&[&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1], &ether_type.to_be_bytes(), payload])
}

/// 802.3 with a length, 802.2 and SNAP.
pub(crate) fn snap(oui: [u8; 3], ether_type: u16, payload: &[u8]) -> Vec<u8> {
    let body = llc_snap(oui, ether_type, payload);
    ethernet(body.len() as u16, &body)
}

/// 802.2 and SNAP.
pub(crate) fn llc_snap(oui: [u8; 3], ether_type: u16, payload: &[u8]) -> Vec<u8> {
    join(&[&[0xaa, 0xaa, 0x03], &oui, &ether_type.to_be_bytes(), payload])
}

/// What follows a VLAN's EtherType: priority 3, an id, and the next EtherType.
pub(crate) fn vlan(id: u16, ether_type: u16, payload: &[u8]) -> Vec<u8> {
    join(&[&(id | 0x6000).to_be_bytes(), &ether_type.to_be_bytes(), payload])
}

/// IPv4 from 10.0.0.1 to 10.0.0.2.
pub(crate) fn ipv4(proto: u8, payload: &[u8]) -> Vec<u8> {
    ipv4_with([10, 0, 0, 1], [10, 0, 0, 2], proto, 0, &[], payload)
}

/// IPv4 with everything that matters: flags and offset as they stand in the header, options of whole words.
pub(crate) fn ipv4_with(
    src: [u8; 4],
    dest: [u8; 4],
    proto: u8,
    fragment: u16,
    options: &[u8],
    payload: &[u8],
) -> Vec<u8> {
    let header_bytes = 20 + options.len();
    let total = (header_bytes + payload.len()) as u16;
    let mut header = vec![0x40 | (header_bytes / 4) as u8, 0];
    header.extend(total.to_be_bytes());
    header.extend([0x12, 0x34]);
    header.extend(fragment.to_be_bytes());
    header.extend([64, proto, 0, 0]);
    header.extend(src);
    header.extend(dest);
    header.extend(options);
    let sum = checksum(&header);
    header[10..12].copy_from_slice(&sum);
    join(&[&header, payload])
}

/// 2001:db8::`last`.
pub(crate) fn address_v6(last: u8) -> [u8; 16] {
    [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]
}

/// IPv6 from 2001:db8::1 to 2001:db8::2.
pub(crate) fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    ipv6_with(1, 2, next, payload)
}

/// IPv6 between two addresses of 2001:db8::/120.
pub(crate) fn ipv6_with(src: u8, dest: u8, next: u8, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u16).to_be_bytes();
    join(&[&[0x60, 0, 0, 0], &length, &[next, 64], &address_v6(src), &address_v6(dest), payload])
}

/// An extension header of eight bytes, padded by PadN.
pub(crate) fn extension(next: u8, payload: &[u8]) -> Vec<u8> {
    join(&[&[next, 0, 1, 4, 0, 0, 0, 0], payload])
}

/// IPv6 fragment header; offset and flag as they stand in it.
pub(crate) fn fragment_v6(next: u8, field: u16, payload: &[u8]) -> Vec<u8> {
    join(&[&[next, 0], &field.to_be_bytes(), &[0xaa, 0xbb, 0xcc, 0xdd], payload])
}

/// Authentication header with a check value of twelve bytes.
pub(crate) fn authentication(next: u8, payload: &[u8]) -> Vec<u8> {
    join(&[&[next, 4, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 1], &[0x5a; 12], payload])
}

/// TCP, ACK PSH, sequence number 0x01020304, acknowledging 0x05060708, window 500.
pub(crate) fn tcp(src_port: u16, dest_port: u16, payload: &[u8]) -> Vec<u8> {
    let ports = join(&[&src_port.to_be_bytes(), &dest_port.to_be_bytes()]);
    join(&[&ports, &[1, 2, 3, 4, 5, 6, 7, 8, 0x50, 0x18, 0x01, 0xf4, 0, 0, 0, 0], payload])
}

/// UDP without a checksum.
pub(crate) fn udp(src_port: u16, dest_port: u16, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u16 + 8).to_be_bytes();
    join(&[&src_port.to_be_bytes(), &dest_port.to_be_bytes(), &length, &[0, 0], payload])
}

/// VXLAN, network 0x112233.
pub(crate) fn vxlan(payload: &[u8]) -> Vec<u8> {
    join(&[&[0x08, 0, 0, 0, 0x11, 0x22, 0x33, 0], payload])
}

/// GENEVE, network 0x112233, with options of whole words.
pub(crate) fn geneve(protocol: u16, options: &[u8], payload: &[u8]) -> Vec<u8> {
    join(&[&[(options.len() / 4) as u8, 0], &protocol.to_be_bytes(), &[0x11, 0x22, 0x33, 0], options, payload])
}

/// GTP-U of a user's packet to tunnel endpoint 0x01020304; `optional` is what flags announce.
pub(crate) fn gtp_u(flags: u8, optional: &[u8], payload: &[u8]) -> Vec<u8> {
    let length = ((optional.len() + payload.len()) as u16).to_be_bytes();
    join(&[&[0x30 | flags, 255], &length, &[1, 2, 3, 4], optional, payload])
}

/// GRE; `optional` is what flags announce.
pub(crate) fn gre(flags: u16, protocol: u16, optional: &[u8], payload: &[u8]) -> Vec<u8> {
    join(&[&flags.to_be_bytes(), &protocol.to_be_bytes(), optional, payload])
}

/// One label of an MPLS stack.
pub(crate) fn label(label: u32, bottom: bool, payload: &[u8]) -> Vec<u8> {
    join(&[&(label << 12 | u32::from(bottom) << 8 | 64).to_be_bytes(), payload])
}

/// A PPPoE session, id 0x0102, around a PPP frame.
pub(crate) fn pppoe(ppp: &[u8]) -> Vec<u8> {
    join(&[&[0x11, 0, 1, 2], &(ppp.len() as u16).to_be_bytes(), ppp])
}

/// Linux cooked capture v1 of Ethernet.
pub(crate) fn cooked(protocol: u16, payload: &[u8]) -> Vec<u8> {
    join(&[&[0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0], &protocol.to_be_bytes(), payload])
}

/// Linux cooked capture v2 of Ethernet.
pub(crate) fn cooked_v2(protocol: u16, payload: &[u8]) -> Vec<u8> {
    join(&[&protocol.to_be_bytes(), &[0, 0, 0, 0, 0, 3, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0], payload])
}

/// An 802.11 data frame from an access point: 02:…:01 sent it, for 02:…:02. `subtype` and `flags` as in frame control.
pub(crate) fn wlan(subtype: u8, flags: u8, optional: &[u8], payload: &[u8]) -> Vec<u8> {
    let addresses = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 1];
    join(&[&[0x08 | subtype << 4, flags, 0, 0], &addresses, &[0x10, 0], optional, payload])
}
