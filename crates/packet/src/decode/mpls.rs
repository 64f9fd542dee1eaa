//! MPLS label stacks (RFC 3032) and Ethernet pseudo-wires (RFC 4448).

use super::{Span, Tunnel, Walk};

/// Labels that are passed over.
const LABELS_MAX: usize = 16;

const LABEL_BYTES: usize = 4;

const BOTTOM_OF_STACK: u32 = 0x100;

impl Walk<'_> {
    /// The span is not moved from label to label: copying what was just put together from smaller pieces makes the
    /// processor wait.
    pub(super) fn mpls(&mut self, span: Span<'_>) {
        for label in 1..=LABELS_MAX {
            let Some(entry) = span.u32((label - 1) * LABEL_BYTES) else { return };
            if entry & BOTTOM_OF_STACK != 0 {
                if let Some(rest) = span.after(label * LABEL_BYTES) {
                    self.labelled(Tunnel::Mpls(entry >> 12), rest);
                }
                return;
            }
        }
    }

    /// Nothing in the packet says what follows the labels: IP by its version, else Ethernet, after a control word or
    /// without one.
    fn labelled(&mut self, tunnel: Tunnel, span: Span<'_>) {
        if !self.enter(Some(tunnel)) {
            return;
        }
        match span.u8(0).map(|byte| byte >> 4) {
            Some(4) if self.plausible_ip(span) => return self.ipv4(span),
            Some(6) if self.plausible_ip(span) => return self.ipv6(span),
            Some(0) => {
                if let Some(rest) = span.after(4).filter(|rest| self.plausible_ethernet(*rest)) {
                    return self.ethernet(rest);
                }
            }
            _ => {}
        }
        if self.plausible_ethernet(span) {
            self.ethernet(span);
        } else if !self.guessed {
            self.ip(span);
        }
    }
}
