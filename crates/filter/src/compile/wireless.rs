//! IEEE 802.11 frame types and 802.2 LLC frames.

use super::generator::Generator;
use super::graph::Condition;
use super::layout::Link;
use super::load::{Base, Size};
use crate::Error;
use crate::expression::LlcKind;

impl Generator<'_> {
    /// Bits of the first frame control byte.
    pub(super) fn wlan_type(&mut self, value: u32, mask: u32) -> Result<Condition, Error> {
        self.wlan_only("802.11 link-layer types")?;
        self.masked_equal(Base::LinkHeader, 0, Size::Byte, value, mask)
    }

    /// The direction bits of the second frame control byte.
    pub(super) fn wlan_direction(&mut self, direction: u32) -> Result<Condition, Error> {
        self.wlan_only("frame direction")?;
        self.masked_equal(Base::LinkHeader, 1, Size::Byte, direction, 0x03)
    }

    fn wlan_only(&self, what: &str) -> Result<(), Error> {
        match self.link {
            Link::Wireless(_) => Ok(()),
            _ => Err(self.error(format!("{what} supported only with 802.11 headers"))),
        }
    }

    /// Frames with an LLC header, of one kind or of all.
    pub(super) fn llc(&mut self, kind: Option<LlcKind>) -> Result<Condition, Error> {
        let framed = self.llc_framed()?;
        let control = match kind {
            None => return Ok(framed),
            Some(LlcKind::Information) => {
                let other = self.any_set(Base::Llc, 2, Size::Byte, 0x01)?;
                self.graph.not(other)
            }
            Some(LlcKind::Supervisory) => self.masked_equal(Base::Llc, 2, Size::Byte, 0x01, 0x03)?,
            Some(LlcKind::Unnumbered) => self.masked_equal(Base::Llc, 2, Size::Byte, 0x03, 0x03)?,
            Some(LlcKind::SupervisoryCommand(command)) => self.masked_equal(Base::Llc, 2, Size::Byte, command, 0x0f)?,
            Some(LlcKind::UnnumberedCommand(command)) => self.masked_equal(Base::Llc, 2, Size::Byte, command, 0xef)?,
        };
        Ok(self.graph.and(framed, control))
    }

    fn llc_framed(&mut self) -> Result<Condition, Error> {
        match self.link {
            Link::Ethernet | Link::BroadcomTag | Link::MarvellTag => {
                let length = self.at_most(Base::LinkType, 0, Size::Half, 1500)?;
                // Not Novell's raw 802.3.
                let novell = self.equal(Base::Llc, 0, Size::Half, 0xffff)?;
                let framed = self.graph.not(novell);
                Ok(self.graph.and(length, framed))
            }
            Link::SunAtm => self.atm_llc(),
            Link::TokenRing | Link::Fddi | Link::AtmLlc => Ok(self.graph.constant(true)),
            Link::Wireless(_) => self.wlan_data_frame(),
            _ => Err(self.error(format!("'llc' not supported for {}", self.options.link_type))),
        }
    }
}
