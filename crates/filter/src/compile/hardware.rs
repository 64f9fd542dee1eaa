//! Hardware addresses.

use super::generator::Generator;
use super::graph::Condition;
use super::layout::Link;
use super::load::{Base, Size};
use crate::Error;
use crate::expression::Direction;

/// The frame control bits of IEEE 802.11 (9.2.4.1): in the first byte, then in the second.
const TYPE_CONTROL_BIT: u32 = 0x04;
const TYPE_DATA_BIT: u32 = 0x08;
const TYPE_MASK: u32 = 0x0c;
const SUBTYPE_MASK: u32 = 0xf0;
const SUBTYPE_CTS: u32 = 0xc0;
const SUBTYPE_ACK: u32 = 0xd0;
const TO_DS: u32 = 0x01;
const FROM_DS: u32 = 0x02;
const TO_AND_FROM_DS: u32 = 0x03;

impl Generator<'_> {
    /// The link layer's source or destination, or another of its addresses.
    pub(super) fn hardware_address(
        &mut self,
        address: [u8; 6],
        direction: Option<Direction>,
    ) -> Result<Condition, Error> {
        let check = match self.link {
            Link::Ethernet | Link::NetAnalyzer | Link::BroadcomTag | Link::MarvellTag => self.inner_link_check()?,
            _ => None,
        };
        let condition = self.hardware(&address, direction)?;
        Ok(self.all(check.into_iter().chain([condition])))
    }

    /// True if packets of this link have hardware addresses of six bytes.
    pub(super) fn has_hardware_addresses(&self) -> bool {
        let known = self.source_and_destination().is_some() || matches!(self.link, Link::Wireless(_));
        known && !self.has_short_addresses()
    }

    /// True if they are one byte long instead.
    pub(super) fn has_short_addresses(&self) -> bool {
        matches!(self.link, Link::Arcnet | Link::BacnetMsTp)
    }

    /// A hardware address of one byte.
    pub(super) fn short_address(&mut self, address: u8, direction: Option<Direction>) -> Result<Condition, Error> {
        self.hardware(&[address], direction)
    }

    /// The offsets of source and destination, where they are fixed.
    fn source_and_destination(&self) -> Option<(u32, u32)> {
        match self.link {
            Link::Ethernet | Link::NetAnalyzer | Link::BroadcomTag | Link::MarvellTag => Some((6, 0)),
            Link::Fddi => Some((7, 1)),
            Link::TokenRing => Some((8, 2)),
            Link::IpOverFibreChannel => Some((10, 2)),
            Link::Arcnet => Some((0, 1)),
            Link::BacnetMsTp => Some((4, 3)),
            _ => None,
        }
    }

    fn hardware(&mut self, address: &[u8], direction: Option<Direction>) -> Result<Condition, Error> {
        match direction {
            Some(Direction::Both) => {
                let source = self.hardware(address, Some(Direction::Source))?;
                let destination = self.hardware(address, Some(Direction::Destination))?;
                Ok(self.graph.and(source, destination))
            }
            None | Some(Direction::Either) => {
                let source = self.hardware(address, Some(Direction::Source))?;
                let destination = self.hardware(address, Some(Direction::Destination))?;
                Ok(self.graph.or(source, destination))
            }
            Some(direction) => match (self.source_and_destination(), direction) {
                (Some((source, _)), Direction::Source) => self.bytes_equal(Base::LinkHeader, source, address),
                (Some((_, destination)), Direction::Destination) => {
                    self.bytes_equal(Base::LinkHeader, destination, address)
                }
                (Some(_), _) => Err(self.only_wireless()),
                (None, _) => self.wlan_address(address, direction),
            },
        }
    }

    fn only_wireless(&self) -> Error {
        self.error("addr1 to addr4, ra and ta are only supported on 802.11")
    }

    fn wlan_address(&mut self, address: &[u8], direction: Direction) -> Result<Condition, Error> {
        let at = |generator: &mut Self, offset| generator.bytes_equal(Base::LinkHeader, offset, address);
        match direction {
            Direction::Source => self.wlan_source(address),
            Direction::Destination => {
                let on_wire = address;
                self.wlan_destination(|generator, offset| generator.bytes_equal(Base::LinkHeader, offset, on_wire))
            }
            Direction::Address1 => at(self, 4),
            Direction::Address2 => {
                let present = self.wlan_second_address_present()?;
                let equal = at(self, 10)?;
                Ok(self.graph.and(present, equal))
            }
            Direction::Address3 => {
                let control = self.masked_equal(Base::LinkHeader, 0, Size::Byte, TYPE_CONTROL_BIT, TYPE_MASK)?;
                let present = self.graph.not(control);
                let equal = at(self, 16)?;
                Ok(self.graph.and(present, equal))
            }
            Direction::Address4 => {
                let bridged = self.masked_equal(Base::LinkHeader, 1, Size::Byte, TO_AND_FROM_DS, TO_AND_FROM_DS)?;
                let equal = at(self, 24)?;
                Ok(self.graph.and(bridged, equal))
            }
            Direction::Receiver => {
                let not_management = self.any_set(Base::LinkHeader, 0, Size::Byte, TYPE_DATA_BIT)?;
                let equal = at(self, 4)?;
                Ok(self.graph.and(not_management, equal))
            }
            Direction::Transmitter => {
                let not_management = self.any_set(Base::LinkHeader, 0, Size::Byte, TYPE_DATA_BIT)?;
                let present = self.wlan_second_address_present()?;
                let equal = at(self, 10)?;
                Ok(self.all([not_management, present, equal]))
            }
            Direction::Either | Direction::Both => Err(self.only_wireless()),
        }
    }

    /// Not a CTS or ACK control frame, which have one address only.
    fn wlan_second_address_present(&mut self) -> Result<Condition, Error> {
        let control = self.masked_equal(Base::LinkHeader, 0, Size::Byte, TYPE_CONTROL_BIT, TYPE_MASK)?;
        let cts = self.masked_equal(Base::LinkHeader, 0, Size::Byte, SUBTYPE_CTS, SUBTYPE_MASK)?;
        let ack = self.masked_equal(Base::LinkHeader, 0, Size::Byte, SUBTYPE_ACK, SUBTYPE_MASK)?;
        let not_control = self.graph.not(control);
        let not_cts = self.graph.not(cts);
        let not_ack = self.graph.not(ack);
        let neither = self.graph.and(not_cts, not_ack);
        Ok(self.graph.or(not_control, neither))
    }

    /// Management frames have the source at 10; data frames at 10, or from a distribution system at 16, or at 24 if
    /// they go to one as well; control frames have none.
    fn wlan_source(&mut self, address: &[u8]) -> Result<Condition, Error> {
        let (not_control, management, data) = self.wlan_frame_kinds()?;
        let in_management = self.bytes_equal(Base::LinkHeader, 10, address)?;
        let not_from_ds = self.wlan_bit_clear(1, FROM_DS)?;
        let direct = self.bytes_equal(Base::LinkHeader, 10, address)?;
        let from_ds = self.any_set(Base::LinkHeader, 1, Size::Byte, FROM_DS)?;
        let not_to_ds = self.wlan_bit_clear(1, TO_DS)?;
        let from_only = self.bytes_equal(Base::LinkHeader, 16, address)?;
        let to_ds = self.any_set(Base::LinkHeader, 1, Size::Byte, TO_DS)?;
        let bridged = self.bytes_equal(Base::LinkHeader, 24, address)?;

        let from_only = self.graph.and(not_to_ds, from_only);
        let bridged = self.graph.and(to_ds, bridged);
        let through = self.graph.or(from_only, bridged);
        let through = self.graph.and(from_ds, through);
        let direct = self.graph.and(not_from_ds, direct);
        let in_data = self.graph.or(direct, through);
        let in_data = self.graph.and(data, in_data);
        let in_management = self.graph.and(management, in_management);
        let either = self.graph.or(in_management, in_data);
        Ok(self.graph.and(not_control, either))
    }

    /// Management frames have the destination at 4; data frames at 4, or at 16 if they go to a distribution system;
    /// control frames have none. `test` says what the address at an offset must be.
    pub(super) fn wlan_destination(
        &mut self,
        test: impl Fn(&mut Self, u32) -> Result<Condition, Error>,
    ) -> Result<Condition, Error> {
        let (not_control, management, data) = self.wlan_frame_kinds()?;
        let in_management = test(self, 4)?;
        let not_to_ds = self.wlan_bit_clear(1, TO_DS)?;
        let direct = test(self, 4)?;
        let to_ds = self.any_set(Base::LinkHeader, 1, Size::Byte, TO_DS)?;
        let through = test(self, 16)?;

        let direct = self.graph.and(not_to_ds, direct);
        let through = self.graph.and(to_ds, through);
        let in_data = self.graph.or(direct, through);
        let in_data = self.graph.and(data, in_data);
        let in_management = self.graph.and(management, in_management);
        let either = self.graph.or(in_management, in_data);
        Ok(self.graph.and(not_control, either))
    }

    /// Tests for: not a control frame; a management frame, if not; a data frame, if not.
    fn wlan_frame_kinds(&mut self) -> Result<(Condition, Condition, Condition), Error> {
        let not_control = self.wlan_bit_clear(0, TYPE_CONTROL_BIT)?;
        let management = self.wlan_bit_clear(0, TYPE_DATA_BIT)?;
        let data = self.any_set(Base::LinkHeader, 0, Size::Byte, TYPE_DATA_BIT)?;
        Ok((not_control, management, data))
    }

    fn wlan_bit_clear(&mut self, offset: u32, bit: u32) -> Result<Condition, Error> {
        let set = self.any_set(Base::LinkHeader, offset, Size::Byte, bit)?;
        Ok(self.graph.not(set))
    }

    /// A data frame of IEEE 802.11.
    pub(super) fn wlan_data_frame(&mut self) -> Result<Condition, Error> {
        let not_control = self.wlan_bit_clear(0, TYPE_CONTROL_BIT)?;
        let data = self.any_set(Base::LinkHeader, 0, Size::Byte, TYPE_DATA_BIT)?;
        Ok(self.graph.and(not_control, data))
    }
}
