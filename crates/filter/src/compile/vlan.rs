//! VLAN tags: what follows them is tested behind the tag.

use super::generator::Generator;
use super::graph::Condition;
use super::layout::{Link, Radio};
use super::link_type::{VLAN, VLAN_QINQ, VLAN_SERVICE};
use super::load::{Base, Size};
use crate::Error;
use crate::bpf::Instruction;
use crate::bpf::code::{
    ABS, ADD, ALU, ANCILLARY_VLAN_PRESENT, ANCILLARY_VLAN_TAG, B, IMM, JA, JEQ, JMP, K, LD, MEM, ST,
};

const TAG_BYTES: u32 = 4;
const ID_MASK: u32 = 0x0fff;

impl Generator<'_> {
    /// `vlan` or `vlan ID`.
    pub(super) fn vlan(&mut self, id: Option<u32>) -> Result<Condition, Error> {
        if self.labels > 0 {
            return Err(self.error("no VLAN match after MPLS"));
        }
        let taken_out = match self.link {
            Link::Ethernet | Link::NetAnalyzer => {
                let outermost = !self.header.is_variable && self.header.constant == self.header_outermost;
                self.options.linux_ancillary && self.vlan_tags == 0 && outermost
            }
            Link::BroadcomTag | Link::MarvellTag => false,
            Link::Wireless(radio) if radio != Radio::Ppi => false,
            _ => return Err(self.error(format!("no VLAN support for {}", self.options.link_type))),
        };
        let condition = if taken_out { self.vlan_perhaps_taken_out(id)? } else { self.vlan_in_packet(id)? };
        self.vlan_tags += 1;
        Ok(condition)
    }

    fn vlan_in_packet(&mut self, id: Option<u32>) -> Result<Condition, Error> {
        let mut condition = self.vlan_type()?;
        if let Some(id) = id {
            let equal = self.vlan_id(id)?;
            condition = self.graph.and(condition, equal);
        }
        self.payload.constant = self.payload.constant.wrapping_add(TAG_BYTES);
        self.type_field.constant = self.type_field.constant.wrapping_add(TAG_BYTES);
        Ok(condition)
    }

    fn vlan_type(&mut self) -> Result<Condition, Error> {
        let customer = self.link_type(VLAN)?;
        let service = self.link_type(VLAN_SERVICE)?;
        let qinq = self.link_type(VLAN_QINQ)?;
        // libpcap tests 0x9100 last; all three look at the same bytes.
        Ok(self.any([customer, service, qinq]))
    }

    fn vlan_id(&mut self, id: u32) -> Result<Condition, Error> {
        self.at_most_value(id, ID_MASK, "VLAN tag")?;
        self.masked_equal(Base::Network, 0, Size::Half, id, ID_MASK)
    }

    /// The kernel takes the outermost tag out of most packets and keeps it beside them. Whether it did is known at run
    /// time only; where it did not, what follows is four bytes further on.
    fn vlan_perhaps_taken_out(&mut self, id: Option<u32>) -> Result<Condition, Error> {
        let beside = vec![Instruction::plain(LD | B | ABS, ANCILLARY_VLAN_PRESENT)];
        let beside = self.graph.test(beside, JEQ, 1);
        let inside = self.vlan_type()?;
        let equal = id.map(|id| self.vlan_id(id)).transpose()?;

        self.vlan_offsets_vary = true;
        let mut shift = Vec::new();
        for offset in [&mut self.payload, &mut self.type_field] {
            offset.is_variable = true;
        }
        for register in [self.payload_register()?, self.type_register()?] {
            shift.push(Instruction::plain(LD | MEM, register));
            shift.push(Instruction::plain(ALU | ADD | K, TAG_BYTES));
            shift.push(Instruction::plain(ST, register));
        }
        self.put_before(&inside, shift);
        let tagged = self.graph.or(beside, inside);
        let Some(equal) = equal else { return Ok(tagged) };

        // Load the tag from beside the packet if it is there, or else from inside.
        let after_load = self.graph.blocks[equal.first].body.len() as u32 - 1;
        let load = vec![
            Instruction::plain(LD | B | ABS, ANCILLARY_VLAN_PRESENT),
            Instruction::branch(JMP | JEQ | K, 1, 0, 2),
            Instruction::plain(LD | B | ABS, ANCILLARY_VLAN_TAG),
            Instruction::plain(JMP | JA, after_load),
        ];
        self.put_before(&equal, load);
        Ok(self.graph.and(tagged, equal))
    }

    /// Puts statements before the first test of a condition.
    pub(super) fn put_before(&mut self, condition: &Condition, mut statements: Vec<Instruction>) {
        let body = &mut self.graph.blocks[condition.first].body;
        statements.append(body);
        *body = statements;
    }

    pub(super) fn payload_register(&mut self) -> Result<u32, Error> {
        let register = match self.payload.register {
            Some(register) => register,
            None => self.take_register()?,
        };
        self.payload.register = Some(register);
        Ok(register)
    }

    pub(super) fn type_register(&mut self) -> Result<u32, Error> {
        let register = match self.type_field.register {
            Some(register) => register,
            None => self.take_register()?,
        };
        self.type_field.register = Some(register);
        Ok(register)
    }

    /// Statements that set the offsets that `vlan_perhaps_taken_out` shifts.
    pub(super) fn unshifted(&mut self) -> Result<Vec<Instruction>, Error> {
        let payload = self.payload_register()?;
        let type_field = self.type_register()?;
        Ok(vec![Instruction::plain(LD | IMM, 0), Instruction::plain(ST, payload), Instruction::plain(ST, type_field)])
    }
}
