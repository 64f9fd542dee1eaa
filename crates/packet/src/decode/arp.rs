//! ARP (RFC 826) and RARP (RFC 903).

use super::{Span, Walk, ethernet::ether_type};
use crate::{Address, FlowKey};

impl Walk<'_> {
    /// IPv4 over ARP: who asks is `src`, who is asked for is `dest`, so that question and answer are one conversation.
    pub(super) fn arp(&mut self, span: Span<'_>) {
        // Hardware type, protocol type, length of a hardware and of a protocol address, operation.
        let Some((&[_, _, p0, p1, hardware_bytes, 4, _, _], rest)) = span.split::<8>() else { return };
        let hardware_bytes = usize::from(hardware_bytes);
        let address = |offset| rest.u32(offset).map(|bits| Address::v4(bits.to_be_bytes()));
        // Between Ethernet stations they stand where filters look for them, or the packet is not what it says.
        let is_usual = hardware_bytes == 6 || self.headers.src_mac.is_none();
        if u16::from_be_bytes([p0, p1]) == ether_type::IPV4
            && is_usual
            && let (Some(src), Some(dest)) = (address(hardware_bytes), address(2 * hardware_bytes + 4))
        {
            let message_bytes = 2 * hardware_bytes as u32 + 8;
            let key = FlowKey { src, dest, ..FlowKey::default() };
            self.found(key, None, rest.limit(message_bytes).payload(message_bytes));
        }
    }
}
