//! IEEE 802.11 and the headers that capture drivers put before it.

use super::{Span, Walk};
use crate::{LinkType, Mac};

/// Bits of the second byte of frame control.
const TO_DS: u8 = 0x01;
const FROM_DS: u8 = 0x02;
const PROTECTED: u8 = 0x40;
const ORDER: u8 = 0x80;

impl Walk<'_> {
    /// Radiotap: a length, little-endian, and a bit map of fields, of which the flags tell about padding.
    pub(super) fn radiotap(&mut self, span: Span<'_>) {
        let Some(&[0, _, l0, l1, p0, _, _, p3]) = span.data.first_chunk() else { return };
        const TIME: u8 = 1;
        const FLAGS: u8 = 2;
        const PADDED: u8 = 0x20;
        // With one bit map, the time stamp of eight bytes stands before the flags.
        let flags_offset = if p0 & TIME != 0 { 16 } else { 8 };
        let known = p0 & FLAGS != 0 && p3 & 0x80 == 0;
        let padded = known && span.u8(flags_offset).is_some_and(|flags| flags & PADDED != 0);
        if let Some(rest) = span.after(usize::from(u16::from_le_bytes([l0, l1]))) {
            self.wlan_frame(rest, padded);
        }
    }

    /// Prism: a message of fixed length, unless its driver wrote AVS.
    pub(super) fn prism(&mut self, span: Span<'_>) {
        match span.data.first_chunk() {
            Some(&[0x80, 0x21, 0x10, _]) => self.avs(span),
            _ => span.after(144).map_or((), |rest| self.wlan(rest)),
        }
    }

    /// AVS: version and length, big-endian.
    pub(super) fn avs(&mut self, span: Span<'_>) {
        if let Some(rest) = span.u32(4).and_then(|bytes| span.after(usize::try_from(bytes).ok()?)) {
            self.wlan(rest);
        }
    }

    /// PPI: version 0, a length and the type of what follows, little-endian.
    pub(super) fn per_packet_information(&mut self, span: Span<'_>) {
        const PPI: u32 = 192;
        let Some(&[0, _, l0, l1, t0, t1, t2, t3]) = span.data.first_chunk() else { return };
        let (header_bytes, link_type) = (u16::from_le_bytes([l0, l1]), u32::from_le_bytes([t0, t1, t2, t3]));
        if let (Some(rest), Ok(number)) = (span.after(usize::from(header_bytes)), u16::try_from(link_type))
            && link_type != PPI
        {
            self.link(LinkType(number), rest);
        }
    }

    pub(super) fn wlan(&mut self, span: Span<'_>) {
        self.wlan_frame(span, false);
    }

    /// An 802.11 data frame in CAPWAP; many access points swap the bytes of frame control.
    pub(super) fn wlan_in_capwap(&mut self, span: Span<'_>) {
        let is_data = |control: u8| control & 0x0f == 0x08;
        match span.data.first_chunk() {
            Some(&[control, flags]) if is_data(control) => self.wlan_data(control, flags, span, false),
            Some(&[flags, control]) if is_data(control) => self.wlan_data(control, flags, span, false),
            _ => {}
        }
    }

    /// Three addresses, or four between access points; only whole, unprotected data frames are looked into.
    fn wlan_frame(&mut self, span: Span<'_>, padded: bool) {
        const MANAGEMENT: u8 = 0;
        const DATA: u8 = 2;
        let Some(&[control, flags]) = span.data.first_chunk() else { return };
        match (control & 3, control >> 2 & 3) {
            (0, MANAGEMENT) => self.wlan_addresses(flags, span),
            (0, DATA) => {
                self.wlan_addresses(flags, span);
                self.wlan_data(control, flags, span, padded);
            }
            _ => {}
        }
    }

    fn wlan_data(&mut self, control: u8, flags: u8, span: Span<'_>, padded: bool) {
        const NO_DATA: u8 = 4;
        const QUALITY: u8 = 8;
        let subtype = control >> 4;
        // The lower four bits of the sequence control number the fragments.
        let fragment = span.u8(22).unwrap_or_default() & 0x0f;
        if subtype & NO_DATA != 0 || flags & PROTECTED != 0 || fragment != 0 {
            return;
        }
        let mut header_bytes = if flags & (TO_DS | FROM_DS) == TO_DS | FROM_DS { 30 } else { 24 };
        let mut aggregated = false;
        if subtype & QUALITY != 0 {
            aggregated = span.u8(header_bytes).is_some_and(|quality| quality & 0x80 != 0);
            header_bytes += if flags & ORDER != 0 { 6 } else { 2 };
        }
        if padded {
            header_bytes = header_bytes.next_multiple_of(4);
        }
        let Some(rest) = span.after(header_bytes) else { return };
        // The first of several frames in one has two addresses and a length before it.
        match (aggregated, rest.u16(12), rest.after(14)) {
            (false, _, _) => self.llc(rest),
            (true, Some(subframe_bytes), Some(subframe)) => self.llc(subframe.limit(u32::from(subframe_bytes))),
            _ => {}
        }
    }

    fn wlan_addresses(&mut self, flags: u8, span: Span<'_>) {
        let address = |offset: usize| span.data.get(offset..)?.first_chunk().copied().map(Mac);
        let (dest, src) = match flags & (TO_DS | FROM_DS) {
            0 => (4, 10),
            TO_DS => (16, 10),
            FROM_DS => (4, 16),
            _ => (16, 24),
        };
        (self.headers.dest_mac, self.headers.src_mac) = (address(dest), address(src));
    }
}
