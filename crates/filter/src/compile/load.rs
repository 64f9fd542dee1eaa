//! Loads relative to a header, and comparisons of what was loaded.

use super::generator::{Generator, Offset};
use super::graph::Condition;
use crate::Error;
use crate::bpf::Instruction;
use crate::bpf::code::{
    ABS, ADD, ALU, AND, B, H, IND, JEQ, JGE, JGT, JSET, K, LD, LDX, LSH, MEM, MISC, MSH, TAX, W, X,
};

/// What an offset is relative to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    Packet,
    LinkHeader,
    LinkHeaderBefore,
    /// The payload of the link layer, where an 802.2 LLC header is if there is one.
    Llc,
    /// The MPLS label before the network header.
    LabelBefore,
    LinkType,
    Network,
    /// The network header of a packet without a SNAP header.
    NetworkNoSnap,
    TransportIpv4,
    TransportIpv6,
}

/// The size of a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    Byte,
    Half,
    Word,
}

impl Size {
    pub(super) fn code(self) -> u16 {
        match self {
            Self::Byte => B,
            Self::Half => H,
            Self::Word => W,
        }
    }
}

impl Generator<'_> {
    /// Statements that load a field.
    pub(super) fn load(&mut self, base: Base, offset: u32, size: Size) -> Result<Vec<Instruction>, Error> {
        let network = self.network;
        match base {
            Base::Packet => Ok(vec![Instruction::plain(LD | ABS | size.code(), offset)]),
            Base::LinkHeader => {
                let at = self.header;
                let (load, at) = self.load_at(at, offset, size)?;
                self.header = at;
                Ok(load)
            }
            Base::LinkHeaderBefore => {
                let at = self.header_before;
                let (load, at) = self.load_at(at, offset, size)?;
                self.header_before = at;
                Ok(load)
            }
            Base::LinkType => {
                let at = self.type_field;
                let (load, at) = self.load_at(at, offset, size)?;
                self.type_field = at;
                Ok(load)
            }
            Base::Llc => self.load_payload(offset, size),
            Base::LabelBefore => self.load_payload(network.wrapping_sub(4).wrapping_add(offset), size),
            Base::Network => self.load_payload(network.wrapping_add(offset), size),
            Base::NetworkNoSnap => self.load_payload(self.network_nosnap.wrapping_add(offset), size),
            Base::TransportIpv6 => self.load_payload(network.wrapping_add(40).wrapping_add(offset), size),
            Base::TransportIpv4 => {
                let mut load = self.load_ipv4_header_length()?;
                let at = self.payload.constant.wrapping_add(network).wrapping_add(offset);
                load.push(Instruction::plain(LD | IND | size.code(), at));
                Ok(load)
            }
        }
    }

    fn load_payload(&mut self, offset: u32, size: Size) -> Result<Vec<Instruction>, Error> {
        let (load, at) = self.load_at(self.payload, offset, size)?;
        self.payload = at;
        Ok(load)
    }

    fn load_at(&mut self, at: Offset, offset: u32, size: Size) -> Result<(Vec<Instruction>, Offset), Error> {
        let constant = at.constant.wrapping_add(offset);
        let (index, at) = self.index_variable(at)?;
        let mode = if index.is_some() { IND } else { ABS };
        let mut load = Vec::from_iter(index);
        load.push(Instruction::plain(LD | mode | size.code(), constant));
        Ok((load, at))
    }

    /// A statement that puts the variable part of an offset into the index register, if there is one.
    fn index_variable(&mut self, mut at: Offset) -> Result<(Option<Instruction>, Offset), Error> {
        if !at.is_variable {
            return Ok((None, at));
        }
        let register = match at.register {
            Some(register) => register,
            None => self.take_register()?,
        };
        at.register = Some(register);
        Ok((Some(Instruction::plain(LDX | MEM, register)), at))
    }

    /// As `index_variable`, of the link header.
    pub(super) fn index_header(&mut self) -> Result<Option<Instruction>, Error> {
        let (index, at) = self.index_variable(self.header)?;
        self.header = at;
        Ok(index)
    }

    /// As `index_variable`, of the link layer's payload.
    pub(super) fn index_payload(&mut self) -> Result<Option<Instruction>, Error> {
        let (index, at) = self.index_variable(self.payload)?;
        self.payload = at;
        Ok(index)
    }

    /// Statements that put the length of the IPv4 header, and the variable part of its offset, into the index register.
    pub(super) fn load_ipv4_header_length(&mut self) -> Result<Vec<Instruction>, Error> {
        let at = self.payload.constant.wrapping_add(self.network);
        Ok(match self.index_payload()? {
            None => vec![Instruction::plain(LDX | MSH | B, at)],
            Some(index) => vec![
                index,
                Instruction::plain(LD | IND | B, at),
                Instruction::plain(ALU | AND | K, 0xf),
                Instruction::plain(ALU | LSH | K, 2),
                Instruction::plain(ALU | ADD | X, 0),
                Instruction::plain(MISC | TAX, 0),
            ],
        })
    }

    /// A field equals a value.
    pub(super) fn equal(&mut self, base: Base, offset: u32, size: Size, value: u32) -> Result<Condition, Error> {
        self.compared(base, offset, size, u32::MAX, JEQ, value)
    }

    /// Some bits of a field equal a value.
    pub(super) fn masked_equal(
        &mut self,
        base: Base,
        offset: u32,
        size: Size,
        value: u32,
        mask: u32,
    ) -> Result<Condition, Error> {
        self.compared(base, offset, size, mask, JEQ, value)
    }

    /// A field is greater than a value.
    pub(super) fn greater(&mut self, base: Base, offset: u32, size: Size, value: u32) -> Result<Condition, Error> {
        self.compared(base, offset, size, u32::MAX, JGT, value)
    }

    /// A field is a value or greater.
    pub(super) fn at_least(&mut self, base: Base, offset: u32, size: Size, value: u32) -> Result<Condition, Error> {
        self.compared(base, offset, size, u32::MAX, JGE, value)
    }

    /// A field is a value or less.
    pub(super) fn at_most(&mut self, base: Base, offset: u32, size: Size, value: u32) -> Result<Condition, Error> {
        let greater = self.greater(base, offset, size, value)?;
        Ok(self.graph.not(greater))
    }

    /// A field has one of some bits set.
    pub(super) fn any_set(&mut self, base: Base, offset: u32, size: Size, bits: u32) -> Result<Condition, Error> {
        self.compared(base, offset, size, u32::MAX, JSET, bits)
    }

    /// A field, masked, stands a test.
    pub(super) fn compared(
        &mut self,
        base: Base,
        offset: u32,
        size: Size,
        mask: u32,
        test: u16,
        value: u32,
    ) -> Result<Condition, Error> {
        let mut body = self.load(base, offset, size)?;
        if mask != u32::MAX {
            body.push(Instruction::plain(ALU | AND | K, mask));
        }
        Ok(self.graph.test(body, test, value))
    }

    /// Bytes equal a constant; compared from the end, four at a time, then two, then one.
    pub(super) fn bytes_equal(&mut self, base: Base, offset: u32, bytes: &[u8]) -> Result<Condition, Error> {
        let mut conditions = Vec::new();
        let mut rest = bytes;
        while let Some((head, last)) = rest.split_last_chunk::<4>() {
            conditions.push(self.equal(base, offset + head.len() as u32, Size::Word, u32::from_be_bytes(*last))?);
            rest = head;
        }
        if let Some((head, last)) = rest.split_last_chunk::<2>() {
            let value = u16::from_be_bytes(*last).into();
            conditions.push(self.equal(base, offset + head.len() as u32, Size::Half, value)?);
            rest = head;
        }
        if let Some(&last) = rest.last() {
            conditions.push(self.equal(base, offset, Size::Byte, last.into())?);
        }
        Ok(self.all(conditions))
    }

    /// All of some conditions, tested in their order; none at all are always true.
    pub(super) fn all(&mut self, conditions: impl IntoIterator<Item = Condition>) -> Condition {
        let joined = conditions.into_iter().reduce(|first, second| self.graph.and(first, second));
        joined.unwrap_or_else(|| self.graph.constant(true))
    }

    /// Any of some conditions, tested in their order; none at all are always false.
    pub(super) fn any(&mut self, conditions: impl IntoIterator<Item = Condition>) -> Condition {
        let joined = conditions.into_iter().reduce(|first, second| self.graph.or(first, second));
        joined.unwrap_or_else(|| self.graph.constant(false))
    }
}
