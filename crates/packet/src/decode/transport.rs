//! What IP carries: transports, and encapsulations that are IP protocols of their own.

use super::ipv4::protocol;
use super::{Fragment, Span, Transport, Tunnel, Walk};

impl Walk<'_> {
    /// The payload of the IP header that was found last.
    #[inline(always)]
    pub(super) fn transport(&mut self, proto: u8, fragment: Option<Fragment>, span: Span<'_>) {
        if let Some(fragment) = fragment {
            if fragment.offset != 0 {
                return;
            }
            self.in_fragment = true;
        }
        match proto {
            protocol::TCP => self.tcp(span),
            protocol::UDP => self.udp(span),
            _ => self.other(proto, span),
        }
    }

    #[inline(always)]
    fn tcp(&mut self, span: Span<'_>) {
        let Some((head, _)) = span.split::<16>() else { return self.cut(20, span) };
        let [s0, s1, d0, d1, q0, q1, q2, q3, a0, a1, a2, a3, offset, flags, w0, w1] = *head;
        let ports = (u16::from_be_bytes([s0, s1]), u16::from_be_bytes([d0, d1]));
        let transport = Transport::Tcp {
            seq: u32::from_be_bytes([q0, q1, q2, q3]),
            ack: u32::from_be_bytes([a0, a1, a2, a3]),
            flags,
            window: u16::from_be_bytes([w0, w1]),
        };
        let header_bytes = u32::from(offset >> 4).max(5) * 4;
        self.refine(ports, transport, span.payload(header_bytes));
    }

    #[inline(always)]
    fn udp(&mut self, span: Span<'_>) {
        let Some(&[s0, s1, d0, d1, l0, l1, _, _]) = span.data.first_chunk() else { return self.cut(8, span) };
        let (src_port, dest_port) = (u16::from_be_bytes([s0, s1]), u16::from_be_bytes([d0, d1]));
        // 0 stands for a jumbogram (RFC 2675, 4), or for one that is yet to be segmented.
        let span = match u16::from_be_bytes([l0, l1]) {
            datagram_bytes @ 8.. => span.limit(u32::from(datagram_bytes)),
            _ => span,
        };
        self.refine((src_port, dest_port), Transport::Udp, span.payload(8));
        self.udp_tunnel(src_port, dest_port, span);
    }

    #[cold]
    /// A header that was cut before its end: ports, if they are there.
    fn cut(&mut self, header_bytes: u32, span: Span<'_>) {
        self.refine(ports(span), Transport::None, span.payload(header_bytes));
    }

    #[inline(never)]
    fn other(&mut self, proto: u8, span: Span<'_>) {
        match proto {
            protocol::ICMP | protocol::ICMPV6 => self.icmp(proto, span),
            protocol::SCTP => {
                let transport = span.u8(12).map(|chunk_type| Transport::Sctp { chunk_type }).unwrap_or_default();
                self.refine(ports(span), transport, span.payload(12));
            }
            protocol::UDP_LITE => {
                let transport = if span.captured() < 8 { Transport::None } else { Transport::Udp };
                self.refine(ports(span), transport, span.payload(8));
            }
            protocol::DCCP => {
                let header_bytes = u32::from(span.u8(4).unwrap_or_default()) * 4;
                self.refine(ports(span), Transport::None, span.payload(header_bytes.max(12)));
            }
            _ => self.encapsulated(proto, span),
        }
    }

    fn icmp(&mut self, proto: u8, span: Span<'_>) {
        let Some(&[kind, code]) = span.data.first_chunk() else { return self.cut(8, span) };
        let counterpart = match proto {
            protocol::ICMP => icmp_counterpart(kind),
            _ => icmpv6_counterpart(kind),
        };
        let ports = (u16::from(kind), u16::from(counterpart.unwrap_or(code)));
        self.refine(ports, Transport::Icmp { kind, code }, span.payload(8));
        if let Some(key) = &mut self.headers.key {
            key.one_way = counterpart.is_none();
        }
    }

    /// Encapsulations that are IP protocols.
    fn encapsulated(&mut self, proto: u8, span: Span<'_>) {
        match proto {
            protocol::IPV4 if self.enter(Some(Tunnel::IpIp)) => self.ipv4(span),
            protocol::IPV6 if self.enter(Some(Tunnel::IpIp)) => self.ipv6(span),
            protocol::GRE => self.gre(span),
            protocol::PIM => self.pim_register(span),
            protocol::L2TP => self.l2tp_v3(span),
            protocol::MPLS => self.mpls(span),
            protocol::ETHERNET => self.inner_ethernet(Some(Tunnel::EtherIp), Some(span)),
            // Version 3, then twelve reserved bits (RFC 3378, 3).
            protocol::ETHER_IP if span.u16(0) == Some(0x3000) => {
                self.inner_ethernet(Some(Tunnel::EtherIp), span.after(2));
            }
            _ => {}
        }
    }

    /// A multicast packet on its way to the rendezvous point (RFC 7761, 4.9.3); a null register brings none.
    fn pim_register(&mut self, span: Span<'_>) {
        /// Version 2, type 1.
        const REGISTER: u8 = 0x21;
        const NULL: u8 = 0x40;
        let Some((&[REGISTER, _, _, _, flags, _, _, _], rest)) = span.split::<8>() else { return };
        if flags & NULL == 0 && self.plausible_ip(rest) && self.enter(Some(Tunnel::PimRegister)) {
            self.ip(rest);
        }
    }
}

/// The ports that TCP, UDP, UDP-Lite, SCTP and DCCP have in common, 0 if they were not captured.
fn ports(span: Span<'_>) -> (u16, u16) {
    match span.data.first_chunk() {
        Some(&[s0, s1, d0, d1]) => (u16::from_be_bytes([s0, s1]), u16::from_be_bytes([d0, d1])),
        None => (0, 0),
    }
}

/// The type that answers an ICMP type or is answered by it, as Community ID 1.0 pairs them.
fn icmp_counterpart(kind: u8) -> Option<u8> {
    Some(match kind {
        0 => 8,
        8 => 0,
        9 => 10,
        10 => 9,
        13 => 14,
        14 => 13,
        15 => 16,
        16 => 15,
        17 => 18,
        18 => 17,
        _ => return None,
    })
}

/// The same for ICMPv6.
fn icmpv6_counterpart(kind: u8) -> Option<u8> {
    Some(match kind {
        128 => 129,
        129 => 128,
        130 => 131,
        131 => 130,
        133 => 134,
        134 => 133,
        135 => 136,
        136 => 135,
        139 => 140,
        140 => 139,
        144 => 145,
        145 => 144,
        _ => return None,
    })
}
