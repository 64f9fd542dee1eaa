//! What a sender left to the hardware of its interface: checksums (`CHECKSUM_PARTIAL` of Linux's skbuff.h), and the
//! cutting of large segments.

use packet::LinkType;

use super::checksum::{Edit, Sum, sum};

pub(crate) const TCP: u8 = 6;
pub(crate) const UDP: u8 = 17;
/// FIN and PSH belong to the last of several segments, CWR to the first.
const LAST_ONLY: u8 = 0x09;
const FIRST_ONLY: u8 = 0x80;
const EXTENSIONS_MAX: usize = 8;

/// Fills in the checksums of IPv4, TCP and UDP that were left to the hardware: those that are the sum of the pseudo header
/// alone, or zero where that is none. Others stay as they are, right or wrong. True if there was any.
///
/// What is in a tunnel, or a fragment, is left alone.
pub fn complete_checksums(link_type: LinkType, data: &mut [u8]) -> bool {
    let Some(place) = Place::of(link_type, data) else { return false };
    let mut is_changed = false;
    if !place.is_v6 && data.get(place.ip + 10..place.ip + 12) == Some(&[0, 0]) {
        is_changed |= place.fill_ip(data);
    }
    let Some((at, pseudo)) = place.transport_sum_at().zip(place.pseudo_sum(data)) else { return is_changed };
    let Some(field) = word(data, at) else { return is_changed };
    let is_left = field == folded(pseudo) || (field == 0 && place.protocol == TCP);
    is_changed | (is_left && place.fill_transport(data))
}

/// The segments that hardware would have made of a TCP segment that is longer than `mtu`, with their checksums; `None`
/// of what cannot be cut.
pub fn segments(link_type: LinkType, data: &[u8], mtu: usize) -> Option<Vec<Vec<u8>>> {
    let place = Place::of(link_type, data).filter(|place| place.protocol == TCP)?;
    let payload_at = place.transport + usize::from(data.get(place.transport + 12)? >> 4).max(5) * 4;
    let (headers, payload) = (data.get(..payload_at)?, data.get(payload_at..place.end)?);
    let room = mtu.checked_sub(payload_at - place.ip).filter(|room| *room > 0)?;
    if payload.len() <= room {
        return None;
    }
    let (id, sequence) = (word(data, place.ip + 4)?, double_word(data, place.transport + 4)?);
    let flags = *data.get(place.transport + 13)?;
    let count = payload.len().div_ceil(room);
    let segment = |(index, part): (usize, &[u8])| {
        let mut segment = [headers, part].concat();
        let place = Place { end: segment.len(), ..place };
        let ip_bytes = place.end - place.ip;
        let offset = u32::try_from(index * room).ok()?;
        if place.is_v6 {
            put(&mut segment, place.ip + 4, &u16::try_from(ip_bytes - 40).ok()?.to_be_bytes());
        } else {
            put(&mut segment, place.ip + 2, &u16::try_from(ip_bytes).ok()?.to_be_bytes());
            put(&mut segment, place.ip + 4, &id.wrapping_add(index as u16).to_be_bytes());
            place.fill_ip(&mut segment);
        }
        put(&mut segment, place.transport + 4, &sequence.wrapping_add(offset).to_be_bytes());
        let flags = if index + 1 < count { flags & !LAST_ONLY } else { flags };
        put(&mut segment, place.transport + 13, &[if index > 0 { flags & !FIRST_ONLY } else { flags }]);
        place.fill_transport(&mut segment).then_some(segment)
    };
    payload.chunks(room).enumerate().map(segment).collect()
}

/// Where the headers of a packet are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    is_v6: bool,
    ip: usize,
    pub(crate) transport: usize,
    /// Behind the last byte that IP counts.
    pub(crate) end: usize,
    pub(crate) protocol: u8,
}

impl Place {
    /// Of a packet that is whole, in no tunnel and no fragment.
    pub(crate) fn of(link_type: LinkType, data: &[u8]) -> Option<Self> {
        let headers = packet::decode(link_type, data, u32::try_from(data.len()).ok()?);
        headers.key.filter(|_| headers.tunnel.is_none() && headers.fragment.is_none())?;
        let ip = usize::try_from(headers.network_offset).ok()?;
        let first = *data.get(ip)?;
        let (is_v6, protocol, transport, length) = match first >> 4 {
            4 => (false, *data.get(ip + 9)?, ip + usize::from(first & 0x0f) * 4, usize::from(word(data, ip + 2)?)),
            6 => {
                let (protocol, transport) = behind_extensions(data, ip)?;
                let length = usize::from(word(data, ip + 4)?);
                (true, protocol, transport, if length == 0 { 0 } else { length + 40 })
            }
            _ => return None,
        };
        // Too long for the field: it is zero.
        let end = if length == 0 { data.len() } else { ip + length };
        (transport < end && end <= data.len()).then_some(Self { is_v6, ip, transport, end, protocol })
    }

    /// Writes other bytes, as many, in the place of what the transport carries, and brings its checksum up to date.
    pub(crate) fn change(&self, data: &mut [u8], at: usize, new: &[u8]) {
        let Some(field) = self.transport_sum_at() else { return };
        let sum = Sum { field, start: self.transport, is_optional: self.protocol == UDP };
        Edit { data, sums: Vec::new() }.change(at, new, &[sum]);
    }

    fn transport_sum_at(&self) -> Option<usize> {
        match self.protocol {
            TCP => Some(self.transport + 16),
            UDP => Some(self.transport + 6),
            _ => None,
        }
    }

    /// Of addresses, protocol and length (RFC 9293 3.1, RFC 8200 8.1).
    fn pseudo_sum(&self, data: &[u8]) -> Option<u64> {
        let addresses = if self.is_v6 { self.ip + 8..self.ip + 40 } else { self.ip + 12..self.ip + 20 };
        Some(sum(data.get(addresses)?) + u64::from(self.protocol) + (self.end - self.transport) as u64)
    }

    fn fill_ip(&self, data: &mut [u8]) -> bool {
        put(data, self.ip + 10, &[0, 0]);
        let header = usize::from(data.get(self.ip).map_or(0, |first| first & 0x0f)) * 4;
        let Some(total) = data.get(self.ip..self.ip + header).map(sum) else { return false };
        put(data, self.ip + 10, &(!folded(total)).to_be_bytes())
    }

    fn fill_transport(&self, data: &mut [u8]) -> bool {
        let Some(at) = self.transport_sum_at() else { return false };
        put(data, at, &[0, 0]);
        let Some(total) = self.pseudo_sum(data).zip(data.get(self.transport..self.end).map(sum)) else { return false };
        let checksum = match !folded(total.0 + total.1) {
            0 if self.protocol == UDP => 0xffff,
            checksum => checksum,
        };
        put(data, at, &checksum.to_be_bytes())
    }
}

/// What follows the extension headers of IPv6, and where.
fn behind_extensions(data: &[u8], ip: usize) -> Option<(u8, usize)> {
    let (mut protocol, mut next) = (*data.get(ip + 6)?, ip + 40);
    for _ in 0..EXTENSIONS_MAX {
        if !matches!(protocol, 0 | 60) {
            break;
        }
        let bytes = (usize::from(*data.get(next + 1)?) + 1) * 8;
        (protocol, next) = (*data.get(next)?, next + bytes);
    }
    // With a routing header the destination that is summed is another one.
    (!matches!(protocol, 0 | 43 | 60)).then_some((protocol, next))
}

fn folded(mut total: u64) -> u16 {
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    total as u16
}

fn word(data: &[u8], at: usize) -> Option<u16> {
    data.get(at..)?.first_chunk().copied().map(u16::from_be_bytes)
}

fn double_word(data: &[u8], at: usize) -> Option<u32> {
    data.get(at..)?.first_chunk().copied().map(u32::from_be_bytes)
}

/// Writes bytes, if there is room.
fn put(data: &mut [u8], at: usize, bytes: &[u8]) -> bool {
    let Some(place) = data.get_mut(at..at + bytes.len()) else { return false };
    place.copy_from_slice(bytes);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ethernet, IPv4 and TCP around so many bytes, with the checksums that Linux leaves to the hardware.
    fn left_to_hardware(payload_bytes: usize) -> Vec<u8> {
        let mut data = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
        data.extend([0x45, 0, 0, 0, 0xff, 0xff, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
        data.extend([0x9c, 0x40, 0, 80, 0xff, 0xff, 0xff, 0, 0, 0, 0, 1, 0x50, 0x99, 0xff, 0xff, 0, 0, 0, 0]);
        data.extend((0..payload_bytes).map(|byte| byte as u8));
        let length = (data.len() - 14) as u16;
        put(&mut data, 16, &length.to_be_bytes());
        let place = Place::of(LinkType::ETHERNET, &data).expect("TCP");
        place.fill_ip(&mut data);
        let pseudo = folded(place.pseudo_sum(&data).expect("addresses"));
        put(&mut data, 50, &pseudo.to_be_bytes());
        data
    }

    fn is_right(data: &[u8]) -> bool {
        let place = Place::of(LinkType::ETHERNET, data).expect("TCP");
        let total = place.pseudo_sum(data).expect("addresses") + sum(&data[place.transport..place.end]);
        folded(total) == 0xffff && folded(sum(&data[place.ip..place.transport])) == 0xffff
    }

    #[test]
    fn what_was_left_is_filled_in_and_what_is_wrong_stays() {
        let mut data = left_to_hardware(101);
        assert!(!is_right(&data));
        assert!(complete_checksums(LinkType::ETHERNET, &mut data));
        assert!(is_right(&data));
        assert!(!complete_checksums(LinkType::ETHERNET, &mut data), "once is enough");
        data[50] ^= 0x55;
        let wrong = data.clone();
        assert!(!complete_checksums(LinkType::ETHERNET, &mut data));
        assert_eq!(data, wrong);
    }

    #[test]
    fn a_large_segment_is_cut_as_hardware_cuts_it() {
        let data = left_to_hardware(4000);
        let cut = segments(LinkType::ETHERNET, &data, 1500).expect("segments");
        assert_eq!(cut.iter().map(Vec::len).collect::<Vec<_>>(), [1514, 1514, 1134]);
        assert!(cut.iter().all(|segment| is_right(segment)));
        let payload: Vec<u8> = cut.iter().flat_map(|segment| segment[54..].to_vec()).collect();
        assert_eq!(payload, data[54..]);
        // Sequence numbers and identifications go on over their ends; FIN and PSH come last, CWR first.
        let told = |segment: &Vec<u8>| (double_word(segment, 38).unwrap(), word(segment, 18).unwrap(), segment[47]);
        assert_eq!(
            cut.iter().map(told).collect::<Vec<_>>(),
            [(0xffff_ff00, 0xffff, 0x90), (0x4b4, 0, 0x10), (0xa68, 1, 0x19)]
        );
        assert_eq!(segments(LinkType::ETHERNET, &data, 9000), None);
    }
}
