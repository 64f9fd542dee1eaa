//! Encapsulations that are told by a UDP port, and opened only if what they hold looks right.

use super::ethernet::ether_type;
use super::{Span, Tunnel, Walk};

/// Ports of the IANA registry, and those that were used before there was one.
mod port {
    pub(super) const L2TP: u16 = 1701;
    pub(super) const GTP_U: u16 = 2152;
    pub(super) const TEREDO: u16 = 3544;
    pub(super) const LISP: u16 = 4341;
    pub(super) const GRE: u16 = 4754;
    pub(super) const VXLAN: u16 = 4789;
    pub(super) const VXLAN_GPE: u16 = 4790;
    pub(super) const CAPWAP: u16 = 5247;
    pub(super) const GENEVE: u16 = 6081;
    pub(super) const MPLS: u16 = 6635;
    pub(super) const VXLAN_LINUX: u16 = 8472;
}

impl Walk<'_> {
    /// `span` is a UDP header and its payload.
    #[inline(always)]
    pub(super) fn udp_tunnel(&mut self, src_port: u16, dest_port: u16, span: Span<'_>) {
        let port = match (dest_port, src_port) {
            (port::VXLAN | port::VXLAN_LINUX | port::VXLAN_GPE | port::GENEVE | port::MPLS | port::GRE, _) => dest_port,
            (port::GTP_U | port::TEREDO | port::L2TP | port::LISP | port::CAPWAP, _) => dest_port,
            // What these answer comes from the port.
            (_, port::GTP_U | port::TEREDO | port::L2TP | port::CAPWAP) => src_port,
            _ => return,
        };
        if let Some(payload) = span.after(8) {
            self.tunnelled(port, payload);
        }
    }

    #[inline(never)]
    fn tunnelled(&mut self, port: u16, span: Span<'_>) {
        self.guessed = true;
        match port {
            port::VXLAN | port::VXLAN_LINUX => self.vxlan(span),
            port::VXLAN_GPE => self.vxlan_gpe(span),
            port::GENEVE => self.geneve(span),
            port::GTP_U => self.gtp_u(span),
            port::TEREDO => self.teredo(span),
            port::L2TP => self.l2tp(span),
            port::MPLS => self.mpls(span),
            port::GRE => self.gre(span),
            port::LISP => self.lisp(span),
            port::CAPWAP => self.capwap(span),
            _ => {}
        }
    }

    /// VXLAN, also with a group policy id (draft-smith-vxlan-group-policy): the flag of the identifier and no unknown one.
    fn vxlan(&mut self, span: Span<'_>) {
        let Some((&[flags, _, _, _, v0, v1, v2, 0], rest)) = span.split::<8>() else { return };
        if flags & 0x7f == 0x08 && self.plausible_ethernet(rest) {
            self.inner_ethernet(Some(Tunnel::Vxlan(u32::from_be_bytes([0, v0, v1, v2]))), Some(rest));
        }
    }

    /// VXLAN-GPE (draft-ietf-nvo3-vxlan-gpe): version 0, the flag of the identifier, and a next protocol.
    fn vxlan_gpe(&mut self, span: Span<'_>) {
        let Some((&[flags, 0, 0, next_protocol, v0, v1, v2, _], rest)) = span.split::<8>() else { return };
        if flags & 0xf8 != 0x08 {
            return;
        }
        let tunnel = Some(Tunnel::Vxlan(u32::from_be_bytes([0, v0, v1, v2])));
        match next_protocol {
            1 if self.plausible_network(ether_type::IPV4, rest) && self.enter(tunnel) => self.ipv4(rest),
            2 if self.plausible_network(ether_type::IPV6, rest) && self.enter(tunnel) => self.ipv6(rest),
            // Without the flag of the next protocol that is 0, and it is what VXLAN was before.
            0 | 3 if self.plausible_ethernet(rest) => self.inner_ethernet(tunnel, Some(rest)),
            4 if self.enter(tunnel) => self.nsh(rest),
            5 if self.enter(tunnel) => self.mpls(rest),
            _ => {}
        }
    }

    /// GENEVE: version 0, reserved bits 0, and a payload that is expected.
    fn geneve(&mut self, span: Span<'_>) {
        let Some((&[version, flags, p0, p1, v0, v1, v2, 0], rest)) = span.split::<8>() else { return };
        let Some(rest) = rest.after(usize::from(version & 0x3f) * 4) else { return };
        let tunnel = Some(Tunnel::Geneve(u32::from_be_bytes([0, v0, v1, v2])));
        if version >> 6 != 0 || flags & 0x3f != 0 {
            return;
        }
        match u16::from_be_bytes([p0, p1]) {
            ether_type::TRANSPARENT_ETHERNET if self.plausible_ethernet(rest) => {
                self.inner_ethernet(tunnel, Some(rest))
            }
            protocol if self.plausible_network(protocol, rest) && self.enter(tunnel) => self.network(protocol, rest),
            _ => {}
        }
    }

    /// GTP-U: version 1, not GTP', a user's packet, a length that fits; then optional fields and extension headers.
    fn gtp_u(&mut self, span: Span<'_>) {
        const USER_PACKET: u8 = 255;
        const EXTENSIONS_MAX: u8 = 8;
        let Some((&[flags, USER_PACKET, l0, l1, t0, t1, t2, t3], rest)) = span.split::<8>() else { return };
        let length = u32::from(u16::from_be_bytes([l0, l1]));
        if flags & 0xf8 != 0x30 || length > rest.wire_bytes() && !self.in_fragment {
            return;
        }
        let mut rest = rest.limit(length);
        if flags & 0x07 != 0 {
            let Some((&[_, _, _, mut next], optional)) = rest.split::<4>() else { return };
            rest = optional;
            for _ in 0..EXTENSIONS_MAX {
                if flags & 0x04 == 0 || next == 0 {
                    break;
                }
                // An extension's length counts words; its last byte is the next one's type.
                let Some(extension_bytes @ 4..) = rest.u8(0).map(|words| usize::from(words) * 4) else { return };
                let (Some(after), Some(extension)) = (rest.u8(extension_bytes - 1), rest.after(extension_bytes)) else {
                    return;
                };
                (next, rest) = (after, extension);
            }
        }
        if self.plausible_ip(rest) && self.enter(Some(Tunnel::GtpU(u32::from_be_bytes([t0, t1, t2, t3])))) {
            self.ip(rest);
        }
    }

    /// Teredo: authentication and origin indication may stand before an IPv6 packet that fills the datagram.
    fn teredo(&mut self, mut span: Span<'_>) {
        if let Some(&[0, 1, client_bytes, value_bytes]) = span.data.first_chunk() {
            let Some(rest) = span.after(13 + usize::from(client_bytes) + usize::from(value_bytes)) else { return };
            span = rest;
        }
        if let Some((&[0, 0, _, _, _, _, _, _], rest)) = span.split::<8>() {
            span = rest;
        }
        let payload_bytes = span.u16(4).map(u32::from);
        if self.plausible_ip(span)
            && span.u8(0).is_some_and(|byte| byte >> 4 == 6)
            && payload_bytes == span.wire_bytes().checked_sub(40)
            && self.enter(Some(Tunnel::Teredo))
        {
            self.ipv6(span);
        }
    }

    /// LISP: flags, a nonce or versions, an instance id if the flags say so; not what is encrypted (RFC 8061).
    fn lisp(&mut self, span: Span<'_>) {
        const INSTANCE: u8 = 0x08;
        const ENCRYPTED: u8 = 0x03;
        let Some((&[flags, _, _, _, i0, i1, i2, _], rest)) = span.split::<8>() else { return };
        let instance = if flags & INSTANCE != 0 { u32::from_be_bytes([0, i0, i1, i2]) } else { 0 };
        if flags & ENCRYPTED == 0 && self.plausible_ip(rest) && self.enter(Some(Tunnel::Lisp(instance))) {
            self.ip(rest);
        }
    }

    /// CAPWAP data in the clear, whole: an Ethernet frame, or an 802.11 frame (RFC 5416).
    fn capwap(&mut self, span: Span<'_>) {
        const NATIVE: u8 = 0x01;
        const IEEE_802_11: u8 = 1;
        const FRAGMENT_OR_KEEP_ALIVE: u8 = 0x88;
        let Some(&[0, length, binding, flags]) = span.data.first_chunk() else { return };
        let Some(rest) = span.after(usize::from(length >> 3) * 4).filter(|_| length >> 3 >= 2) else { return };
        if flags & FRAGMENT_OR_KEEP_ALIVE != 0 {
            return;
        }
        match (binding & NATIVE, binding >> 1 & 0x1f) {
            (0, _) if self.plausible_ethernet(rest) => self.inner_ethernet(Some(Tunnel::Capwap), Some(rest)),
            (NATIVE, IEEE_802_11) if self.enter(Some(Tunnel::Capwap)) => self.wlan_in_capwap(rest),
            _ => {}
        }
    }
}
