//! Comparisons of arithmetic expressions.
//!
//! libpcap keeps the protocol checks of an operation's left operand only; that is kept, since it decides which packets
//! match. Constants are computed beforehand, and a register is used only where both operands come from the packet.

use super::generator::Generator;
use super::graph::Condition;
use super::layout::{Link, Radio};
use super::load::{Base, Size};
use super::protocol::ICMP6;
use crate::Error;
use crate::bpf::code::{
    ADD, ALU, AND, DIV, IMM, IND, JEQ, JGE, JGT, K, LD, LDX, LEN, LSH, MEM, MISC, MOD, MUL, NEG, OR, RSH, ST, SUB, TAX,
    X, XOR,
};
use crate::bpf::{Instruction, compute};
use crate::expression::{Arithmetic, Comparison, Operation, Protocol, Relation, Span, Step};

/// An operand.
struct Value {
    result: Computed,
    /// What must hold before it can be loaded.
    check: Option<Condition>,
    /// The leftmost number in it: libpcap refuses divisions and shifts by what merely starts with a bad number.
    leading: Option<u32>,
}

enum Computed {
    Constant(u32),
    /// Statements that leave it in the accumulator, and the registers that they change, one bit each.
    Statements(Vec<Instruction>, u16),
}

impl Generator<'_> {
    pub(super) fn relation(
        &mut self,
        relation: Relation,
        left: &Arithmetic,
        right: &Arithmetic,
    ) -> Result<Condition, Error> {
        let left = self.evaluate(left)?;
        let right = self.evaluate(right)?;
        let (test, swapped) = match relation.test {
            Comparison::Equal => (JEQ, (JEQ, false)),
            Comparison::Greater => (JGT, (JGE, true)),
            Comparison::GreaterOrEqual => (JGE, (JGT, true)),
        };
        let mut condition = match (left.result, right.result) {
            (Computed::Constant(left), Computed::Constant(right)) => {
                self.graph.test(vec![Instruction::plain(LD | IMM, left)], test, right)
            }
            (Computed::Statements(left, _), Computed::Constant(right)) => self.graph.test(left, test, right),
            (Computed::Constant(left), Computed::Statements(right, _)) => {
                let (test, negated) = swapped;
                let condition = self.graph.test(right, test, left);
                if negated { self.graph.not(condition) } else { condition }
            }
            (Computed::Statements(left, clobbered), Computed::Statements(mut right, _)) => {
                let register = self.lend_register(clobbered)?;
                right.push(Instruction::plain(ST, register));
                right.extend(left);
                right.push(Instruction::plain(LDX | MEM, register));
                self.graph.test(right, test | X, 0)
            }
        };
        if relation.negated {
            condition = self.graph.not(condition);
        }
        Ok(self.all(left.check.into_iter().chain(right.check).chain([condition])))
    }

    fn evaluate(&mut self, arithmetic: &Arithmetic) -> Result<Value, Error> {
        let mut stack: Vec<Value> = Vec::new();
        let incomplete = |generator: &Self| generator.error("incomplete arithmetic");
        for step in &arithmetic.steps {
            let value = match step {
                Step::Constant(value) => {
                    Value { result: Computed::Constant(*value), check: None, leading: Some(*value) }
                }
                Step::Length => {
                    let length = vec![Instruction::plain(LD | LEN, 0)];
                    Value { result: Computed::Statements(length, 0), check: None, leading: None }
                }
                Step::Negate => {
                    let mut value = stack.pop().ok_or_else(|| incomplete(self))?;
                    match &mut value.result {
                        Computed::Constant(constant) => *constant = constant.wrapping_neg(),
                        Computed::Statements(statements, _) => statements.push(Instruction::plain(ALU | NEG, 0)),
                    }
                    value
                }
                Step::Load { protocol, size, span } => {
                    let offset = stack.pop().ok_or_else(|| incomplete(self))?;
                    self.span = span.clone();
                    self.packet_load(*protocol, *size, offset)?
                }
                Step::Binary(operation, span) => {
                    let right = stack.pop().ok_or_else(|| incomplete(self))?;
                    let left = stack.pop().ok_or_else(|| incomplete(self))?;
                    self.binary(*operation, span, left, right)?
                }
            };
            stack.push(value);
        }
        stack.pop().ok_or_else(|| incomplete(self))
    }

    fn binary(&mut self, operation: Operation, span: &Span, left: Value, right: Value) -> Result<Value, Error> {
        let code = operation_code(operation);
        let by_zero = |value: Option<u32>| matches!(code, DIV | MOD) && value == Some(0);
        let known = match right.result {
            Computed::Constant(right) => Some(right),
            Computed::Statements(..) => None,
        };
        if by_zero(right.leading) || by_zero(known) {
            let message = if code == DIV { "division by zero" } else { "modulus by zero" };
            return Err(Error::new(span, message));
        }
        let too_far = |value: Option<u32>| matches!(code, LSH | RSH) && value.is_some_and(|bits| bits > 31);
        if too_far(right.leading) || too_far(known) {
            return Err(Error::new(span, "shift by more than 31 bits"));
        }
        let result = match (left.result, right.result) {
            (Computed::Constant(left), Computed::Constant(right)) => {
                Computed::Constant(compute(code, left, right).unwrap_or(0))
            }
            (Computed::Statements(mut statements, clobbered), Computed::Constant(right)) => {
                statements.push(Instruction::plain(ALU | code | K, right));
                Computed::Statements(statements, clobbered)
            }
            (Computed::Constant(left), Computed::Statements(mut statements, clobbered)) => {
                if matches!(code, ADD | MUL | AND | OR | XOR) {
                    statements.push(Instruction::plain(ALU | code | K, left));
                } else {
                    statements.push(Instruction::plain(MISC | TAX, 0));
                    statements.push(Instruction::plain(LD | IMM, left));
                    statements.push(Instruction::plain(ALU | code | X, 0));
                }
                Computed::Statements(statements, clobbered)
            }
            (Computed::Statements(mut statements, first), Computed::Statements(right, second)) => {
                let register = self.lend_register(second)?;
                statements.push(Instruction::plain(ST, register));
                statements.extend(right);
                statements.push(Instruction::plain(MISC | TAX, 0));
                statements.push(Instruction::plain(LD | MEM, register));
                statements.push(Instruction::plain(ALU | code | X, 0));
                Computed::Statements(statements, first | second | 1 << register)
            }
        };
        Ok(Value { result, check: left.check, leading: left.leading })
    }

    /// `protocol[offset:size]`.
    fn packet_load(&mut self, protocol: Protocol, size: u32, offset: Value) -> Result<Value, Error> {
        let size = match size {
            1 => Size::Byte,
            2 => Size::Half,
            _ => Size::Word,
        };
        let leading = offset.leading;
        let (result, check) = match protocol {
            Protocol::Radio => {
                if !matches!(self.link, Link::Wireless(Radio::Avs | Radio::Radiotap | Radio::Prism)) {
                    return Err(self.error("radio information not present in capture"));
                }
                (fixed(offset.result, 0, size), None)
            }
            Protocol::Link => {
                let index = self.index_header()?;
                (indexed(offset.result, index, self.header.constant, size), None)
            }
            Protocol::Ip
            | Protocol::Arp
            | Protocol::Rarp
            | Protocol::Atalk
            | Protocol::Decnet
            | Protocol::Sca
            | Protocol::Lat
            | Protocol::Moprc
            | Protocol::Mopdl
            | Protocol::Ip6 => {
                let index = self.index_payload()?;
                let at = self.payload.constant.wrapping_add(self.network);
                (indexed(offset.result, index, at, size), Some(self.protocol(protocol)?))
            }
            Protocol::Icmp6 => {
                let index = self.index_payload()?;
                let at = self.payload.constant.wrapping_add(self.network).wrapping_add(40);
                let ip = self.protocol(Protocol::Ip6)?;
                let next = self.equal(Base::Network, 6, Size::Byte, ICMP6)?;
                (indexed(offset.result, index, at, size), Some(self.graph.and(ip, next)))
            }
            Protocol::Sctp
            | Protocol::Tcp
            | Protocol::Udp
            | Protocol::Icmp
            | Protocol::Igmp
            | Protocol::Igrp
            | Protocol::Pim
            | Protocol::Vrrp
            | Protocol::Carp => {
                let result = self.transport_load(offset.result, size)?;
                let ip = self.protocol(Protocol::Ip)?;
                let transport = self.protocol(protocol)?;
                let first = self.first_fragment()?;
                let check = self.all([ip].into_iter().chain(offset.check).chain([transport, first]));
                return Ok(Value { result, check: Some(check), leading });
            }
            _ => {
                let name = format!("{protocol:?}").to_ascii_lowercase();
                return Err(self.error(format!("unsupported index operation on {name}"))
                    .hint("bytes can be taken from the link, network and transport headers, as in \"ether[0]\", \"ip[0]\" or \"tcp[13]\""));
            }
        };
        let checks: Vec<Condition> = offset.check.into_iter().chain(check).collect();
        let check = if checks.is_empty() { None } else { Some(self.all(checks)) };
        Ok(Value { result, check, leading })
    }

    /// Relative to what follows the IPv4 header.
    fn transport_load(&mut self, offset: Computed, size: Size) -> Result<Computed, Error> {
        let at = self.payload.constant.wrapping_add(self.network);
        let mut header_length = self.load_ipv4_header_length()?;
        Ok(match offset {
            Computed::Constant(offset) => {
                header_length.push(Instruction::plain(LD | IMM, offset));
                header_length.extend(sum_load(at, size));
                Computed::Statements(header_length, 0)
            }
            Computed::Statements(mut statements, clobbered) if header_length.len() == 1 => {
                statements.extend(header_length);
                statements.extend(sum_load(at, size));
                Computed::Statements(statements, clobbered)
            }
            Computed::Statements(mut statements, clobbered) => {
                let register = self.lend_register(0)?;
                statements.push(Instruction::plain(ST, register));
                statements.extend(header_length);
                statements.push(Instruction::plain(LD | MEM, register));
                statements.extend(sum_load(at, size));
                Computed::Statements(statements, clobbered | 1 << register)
            }
        })
    }
}

/// Loads at the sum of the accumulator, the index register and a constant.
fn sum_load(at: u32, size: Size) -> [Instruction; 3] {
    [
        Instruction::plain(ALU | ADD | X, 0),
        Instruction::plain(MISC | TAX, 0),
        Instruction::plain(LD | IND | size.code(), at),
    ]
}

/// Loads relative to a header whose offset is a constant and perhaps what a statement puts into the index register.
fn indexed(offset: Computed, index: Option<Instruction>, at: u32, size: Size) -> Computed {
    let Some(index) = index else { return fixed(offset, at, size) };
    let (mut statements, clobbered) = match offset {
        Computed::Constant(offset) => (vec![Instruction::plain(LD | IMM, offset)], 0),
        Computed::Statements(statements, clobbered) => (statements, clobbered),
    };
    statements.push(index);
    statements.extend(sum_load(at, size));
    Computed::Statements(statements, clobbered)
}

fn fixed(offset: Computed, at: u32, size: Size) -> Computed {
    match offset {
        Computed::Constant(offset) => {
            let statements =
                vec![Instruction::plain(LDX | IMM, offset), Instruction::plain(LD | IND | size.code(), at)];
            Computed::Statements(statements, 0)
        }
        Computed::Statements(mut statements, clobbered) => {
            statements.push(Instruction::plain(MISC | TAX, 0));
            statements.push(Instruction::plain(LD | IND | size.code(), at));
            Computed::Statements(statements, clobbered)
        }
    }
}

fn operation_code(operation: Operation) -> u16 {
    match operation {
        Operation::Add => ADD,
        Operation::Subtract => SUB,
        Operation::Multiply => MUL,
        Operation::Divide => DIV,
        Operation::Modulo => MOD,
        Operation::And => AND,
        Operation::Or => OR,
        Operation::Xor => XOR,
        Operation::ShiftLeft => LSH,
        Operation::ShiftRight => RSH,
    }
}
