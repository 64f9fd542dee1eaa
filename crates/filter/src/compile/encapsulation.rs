//! MPLS labels and PPPoE sessions: what follows them is tested inside.

use super::generator::{Generator, Offset};
use super::graph::Condition;
use super::layout::Link;
use super::link_type::{MPLS, PPPOE_SESSION};
use super::load::{Base, Size};
use crate::Error;

/// The PPP protocol number of MPLS unicast (RFC 3032, 4.3).
const PPP_MPLS: u32 = 0x0281;

impl Generator<'_> {
    /// Puts a new link header on top of the current one.
    pub(super) fn push_header(&mut self, link: Link, header: Offset) {
        self.outermost.get_or_insert((self.header, self.payload));
        self.link_before = self.link;
        self.header_before = self.header;
        self.link = link;
        self.header = header;
        self.in_geneve = false;
        self.in_vxlan = false;
    }

    /// `mpls` or `mpls LABEL`.
    pub(super) fn mpls(&mut self, label: Option<u32>) -> Result<Condition, Error> {
        const LABEL_MAX: u32 = 0xf_ffff;
        let mut condition = if self.labels > 0 {
            // Another label follows: the last one's bottom-of-stack bit is clear.
            self.masked_equal(Base::LabelBefore, 2, Size::Byte, 0, 0x01)?
        } else {
            match self.link {
                Link::Ethernet | Link::NetAnalyzer | Link::BroadcomTag | Link::MarvellTag | Link::Hdlc => {
                    self.link_type(MPLS)?
                }
                Link::Ppp => self.link_type(PPP_MPLS)?,
                _ => return Err(self.error(format!("no MPLS support for {}", self.options.link_type))),
            }
        };
        if let Some(label) = label {
            self.at_most_value(label, LABEL_MAX, "MPLS label")?;
            let equal = self.masked_equal(Base::Network, 0, Size::Word, label << 12, 0xffff_f000)?;
            condition = self.graph.and(condition, equal);
        }
        self.network = self.network.wrapping_add(4);
        self.network_nosnap = self.network_nosnap.wrapping_add(4);
        self.labels += 1;
        Ok(condition)
    }

    /// `pppoes` or `pppoes SESSION`.
    pub(super) fn pppoe_session(&mut self, session: Option<u32>) -> Result<Condition, Error> {
        let mut condition = self.link_type(PPPOE_SESSION)?;
        if let Some(session) = session {
            self.at_most_value(session, 0xffff, "PPPoE session number")?;
            let equal = self.masked_equal(Base::Network, 0, Size::Word, session, 0xffff)?;
            condition = self.graph.and(condition, equal);
        }
        // Six bytes of PPPoE header, then PPP without framing: its protocol field comes first.
        let constant = self.payload.constant.wrapping_add(self.network).wrapping_add(6);
        self.push_header(Link::Ppp, Offset { constant, ..self.payload });
        self.type_field = self.header;
        self.payload.constant = constant.wrapping_add(2);
        self.network = 0;
        self.network_nosnap = 0;
        Ok(condition)
    }
}
