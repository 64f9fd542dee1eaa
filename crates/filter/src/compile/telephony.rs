//! ATM and SS7.

use super::generator::Generator;
use super::generator::Offset;
use super::graph::Condition;
use super::layout::{Link, NONE};
use super::load::{Base, Size};
use crate::Error;
use crate::bpf::code::{JEQ, JGE, JGT};
use crate::expression::{AtmField, AtmKind, Comparison, FieldTest, Mtp2Kind, Mtp3Field, Relation};

/// SunATM's pseudo-header: protocol type, VPI and VCI, then the cell's payload.
const PROTOCOL: u32 = 0;
const VPI: u32 = 1;
const VCI: u32 = 2;
const PAYLOAD: u32 = 4;
const ATM_LANE: u32 = 1;
pub(super) const ATM_LLC: u32 = 2;
/// The type of a Q.2931 message within its payload.
const MESSAGE_TYPE: u32 = PAYLOAD + 5;

const SETUP: u32 = 0x05;
const CALL_PROCEEDING: u32 = 0x02;
const CONNECT: u32 = 0x07;
const CONNECT_ACKNOWLEDGE: u32 = 0x0f;
const RELEASE: u32 = 0x4d;
const RELEASE_COMPLETE: u32 = 0x5a;

/// Virtual channels with a fixed meaning.
const VCI_META_SIGNALLING: u32 = 1;
const VCI_BROADCAST: u32 = 2;
const VCI_SEGMENT_OAM: u32 = 3;
const VCI_END_TO_END_OAM: u32 = 4;
const VCI_SIGNALLING: u32 = 5;
const VCI_ILMI: u32 = 16;

impl Generator<'_> {
    fn atm_only(&self) -> Result<(), Error> {
        if self.link_outermost == Link::SunAtm { Ok(()) } else { Err(self.error("supported only on raw ATM")) }
    }

    /// A circuit or a message.
    pub(super) fn atm(&mut self, kind: AtmKind) -> Result<Condition, Error> {
        self.atm_only()?;
        match kind {
            AtmKind::Lane => self.atm_lane(),
            AtmKind::MetaSignalling => self.circuit(VCI_META_SIGNALLING),
            AtmKind::Broadcast => self.circuit(VCI_BROADCAST),
            AtmKind::SegmentOam => self.circuit(VCI_SEGMENT_OAM),
            AtmKind::EndToEndOam => self.circuit(VCI_END_TO_END_OAM),
            AtmKind::Signalling => self.circuit(VCI_SIGNALLING),
            AtmKind::Ilmi => self.circuit(VCI_ILMI),
            AtmKind::Oam | AtmKind::OamF4 => {
                let path = self.equal(Base::LinkHeader, VPI, Size::Byte, 0)?;
                let segment = self.equal(Base::LinkHeader, VCI, Size::Half, VCI_SEGMENT_OAM)?;
                let end_to_end = self.equal(Base::LinkHeader, VCI, Size::Half, VCI_END_TO_END_OAM)?;
                let either = self.graph.or(segment, end_to_end);
                Ok(self.graph.and(path, either))
            }
            AtmKind::ConnectMessage => {
                let circuit = self.circuit(VCI_SIGNALLING)?;
                let messages = [SETUP, CALL_PROCEEDING, CONNECT, CONNECT_ACKNOWLEDGE, RELEASE, RELEASE_COMPLETE];
                let message = self.atm_message(&messages)?;
                Ok(self.graph.and(circuit, message))
            }
            AtmKind::MetaConnect => {
                let circuit = self.circuit(VCI_META_SIGNALLING)?;
                let message = self.atm_message(&[SETUP, CALL_PROCEEDING, CONNECT, RELEASE, RELEASE_COMPLETE])?;
                Ok(self.graph.and(circuit, message))
            }
        }
    }

    fn circuit(&mut self, channel: u32) -> Result<Condition, Error> {
        let path = self.equal(Base::LinkHeader, VPI, Size::Byte, 0)?;
        let channel = self.equal(Base::LinkHeader, VCI, Size::Half, channel)?;
        Ok(self.graph.and(path, channel))
    }

    fn atm_message(&mut self, types: &[u32]) -> Result<Condition, Error> {
        let mut conditions = Vec::new();
        for &message in types {
            conditions.push(self.equal(Base::LinkHeader, MESSAGE_TYPE, Size::Byte, message)?);
        }
        Ok(self.any(conditions))
    }

    /// The kind of encapsulation.
    pub(super) fn atm_protocol(&mut self, protocol: u32) -> Result<Condition, Error> {
        self.masked_equal(Base::LinkHeader, PROTOCOL, Size::Byte, protocol, 0x0f)
    }

    /// LAN emulation: an Ethernet header comes after two bytes, and what follows is tested there.
    fn atm_lane(&mut self) -> Result<Condition, Error> {
        let lane = self.atm_protocol(ATM_LANE)?;
        let header = PAYLOAD + 2;
        self.push_header(Link::Ethernet, Offset::constant(header));
        self.type_field.constant = header + 12;
        self.payload.constant = header + 14;
        self.network = 0;
        self.network_nosnap = 3;
        Ok(lane)
    }

    /// LLC encapsulation; what follows is tested there, and no longer in LAN emulation.
    pub(super) fn atm_llc(&mut self) -> Result<Condition, Error> {
        let llc = self.atm_protocol(ATM_LLC)?;
        self.link = self.link_before;
        Ok(llc)
    }

    pub(super) fn atm_field(&mut self, field: AtmField, test: &FieldTest) -> Result<Condition, Error> {
        self.atm_only()?;
        let (offset, size, max, name) = match field {
            AtmField::Vpi => (VPI, Size::Byte, 255, "vpi"),
            AtmField::Vci => (VCI, Size::Half, 65535, "vci"),
        };
        self.field(test, |generator, relation, value| {
            generator.at_most_value(value, max, name)?;
            generator.related(Base::LinkHeader, offset, size, u32::MAX, relation, value)
        })
    }

    /// One comparison, or any of several values.
    fn field(
        &mut self,
        test: &FieldTest,
        mut one: impl FnMut(&mut Self, Relation, u32) -> Result<Condition, Error>,
    ) -> Result<Condition, Error> {
        match test {
            FieldTest::Compare(relation, value) => one(self, *relation, *value),
            FieldTest::OneOf(values) => {
                let mut conditions = Vec::new();
                for &value in values {
                    conditions.push(one(self, Relation::EQUAL, value)?);
                }
                Ok(self.any(conditions))
            }
        }
    }

    fn related(
        &mut self,
        base: Base,
        offset: u32,
        size: Size,
        mask: u32,
        relation: Relation,
        value: u32,
    ) -> Result<Condition, Error> {
        let test = match relation.test {
            Comparison::Equal => JEQ,
            Comparison::Greater => JGT,
            Comparison::GreaterOrEqual => JGE,
        };
        let condition = self.compared(base, offset, size, mask, test, value)?;
        Ok(if relation.negated { self.graph.not(condition) } else { condition })
    }

    fn mtp2_only(&self) -> Result<(), Error> {
        if self.mtp2 == NONE { Err(self.error("supported only on MTP2")) } else { Ok(()) }
    }

    /// Signal units by their length indicator: 0, 1 or 2, or more.
    pub(super) fn mtp2(&mut self, high_speed: bool, kind: Mtp2Kind) -> Result<Condition, Error> {
        self.mtp2_only()?;
        let (offset, size, mask, unit) =
            if high_speed { (self.mtp2 + 2, Size::Half, 0xff80, 0x80) } else { (self.mtp2, Size::Byte, 0x3f, 1) };
        let mut indicator = |test, value: u32| self.compared(Base::Packet, offset, size, mask, test, value * unit);
        match kind {
            Mtp2Kind::FillIn => indicator(JEQ, 0),
            Mtp2Kind::Message => indicator(JGT, 2),
            Mtp2Kind::LinkStatus => {
                let more_than_none = indicator(JGT, 0)?;
                let more_than_two = indicator(JGT, 2)?;
                let at_most_two = self.graph.not(more_than_two);
                Ok(self.graph.and(more_than_none, at_most_two))
            }
        }
    }

    /// The routing label of a message, and the service information before it.
    pub(super) fn mtp3(&mut self, high_speed: bool, field: Mtp3Field, test: &FieldTest) -> Result<Condition, Error> {
        self.mtp2_only()?;
        let base = self.mtp2 + if high_speed { 3 } else { 0 };
        self.field(test, |generator, relation, value| {
            let (offset, size, mask, max, name, shifted) = match field {
                Mtp3Field::ServiceInformation => (1, Size::Byte, u32::MAX, 255, "sio", value),
                Mtp3Field::OriginatingPoint => {
                    let shifted = (value & 0x3c00) >> 10 | (value & 0x03fc) << 6 | (value & 0x0003) << 22;
                    (2, Size::Word, 0x00c0_ff0f, 16383, "opc", shifted)
                }
                Mtp3Field::DestinationPoint => {
                    let shifted = (value & 0x00ff) << 24 | (value & 0x3f00) << 8;
                    (2, Size::Word, 0xff3f_0000, 16383, "dpc", shifted)
                }
                Mtp3Field::LinkSelection => (5, Size::Byte, 0xf0, 15, "sls", (value & 0x0f) << 4),
            };
            generator.at_most_value(value, max, name)?;
            generator.related(Base::Packet, base + offset, size, mask, relation, shifted)
        })
    }
}
