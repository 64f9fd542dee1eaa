//! `protochain`: follows IPv6 extension headers and IPsec's authentication headers, in a loop that only this crate's
//! machine and libpcap's run, not the kernel.

use super::generator::Generator;
use super::graph::Condition;
use super::link_type::{IPV4, IPV6};
use crate::Error;
use crate::bpf::Instruction;
use crate::bpf::code::{ABS, ADD, ALU, B, IMM, IND, JA, JEQ, JMP, K, LD, LDX, MEM, MISC, MSH, MUL, ST, TAX, TXA, X};
use crate::expression::Protocol;

const HOP_BY_HOP: u32 = 0;
const ROUTING: u32 = 43;
const FRAGMENT: u32 = 44;
const AUTHENTICATION: u32 = 51;
const NO_NEXT: u32 = 59;
const DESTINATION: u32 = 60;

impl Generator<'_> {
    /// `protochain N`, in IPv4 and IPv6 if nothing else is said.
    pub(super) fn protocol_chain(&mut self, number: u32, within: Option<Protocol>) -> Result<Condition, Error> {
        let is_v6 = match within {
            None => {
                let v4 = self.protocol_chain(number, Some(Protocol::Ip))?;
                let v6 = self.protocol_chain(number, Some(Protocol::Ip6))?;
                return Ok(self.graph.or(v4, v6));
            }
            Some(Protocol::Ip) => false,
            Some(Protocol::Ip6) => true,
            Some(_) => return Err(self.error("bad protocol applied for 'protochain'")),
        };
        if self.payload.is_variable {
            return Err(self.error("'protochain' not supported with variable length headers"));
        }
        self.at_most_value(number, 255, "IP protocol")?;
        self.graph.is_literal = true;
        let register = self.lend_register(0)?;
        let ip = self.link_type(if is_v6 { IPV6 } else { IPV4 })?;
        let network = self.payload.constant.wrapping_add(self.network);
        let body = chain(number, network, register, is_v6);
        let found = self.graph.test(body, JEQ, number);
        Ok(self.graph.and(ip, found))
    }
}

/// Leaves the last protocol in the accumulator. The index register counts from the start of the network header.
fn chain(number: u32, network: u32, register: u32, is_v6: bool) -> Vec<Instruction> {
    let mut body = if is_v6 {
        vec![Instruction::plain(LD | ABS | B, network.wrapping_add(6)), Instruction::plain(LDX | IMM, 40)]
    } else {
        vec![Instruction::plain(LD | ABS | B, network.wrapping_add(9)), Instruction::plain(LDX | MSH | B, network)]
    };
    let again = body.len();
    let extension_headers = if is_v6 { extension_header(network, register) } else { Vec::new() };
    let authentication_header = authentication_header(network, register);
    // Past the tests below and the jump back of an extension header, and the same of an authentication header.
    let tests_and_jumps = if is_v6 { 5 + 2 } else { 2 };
    let to_end = (tests_and_jumps + extension_headers.len() + authentication_header.len()) as u8;
    body.push(Instruction::branch(JMP | JEQ | K, number, to_end + 1, 0));
    body.push(Instruction::branch(JMP | JEQ | K, NO_NEXT, to_end, 0));
    if is_v6 {
        body.push(Instruction::branch(JMP | JEQ | K, HOP_BY_HOP, 3, 0));
        body.push(Instruction::branch(JMP | JEQ | K, DESTINATION, 2, 0));
        body.push(Instruction::branch(JMP | JEQ | K, ROUTING, 1, 0));
        body.push(Instruction::branch(JMP | JEQ | K, FRAGMENT, 0, extension_headers.len() as u8 + 1));
        body.extend(extension_headers);
        back_to(&mut body, again);
    }
    body.push(Instruction::branch(JMP | JEQ | K, AUTHENTICATION, 0, authentication_header.len() as u8 + 1));
    body.extend(authentication_header);
    back_to(&mut body, again);
    body
}

/// The next header's number into the accumulator, its offset into the index register.
fn extension_header(network: u32, register: u32) -> Vec<Instruction> {
    vec![
        Instruction::plain(LD | IND | B, network),
        Instruction::plain(ST, register),
        Instruction::plain(LD | IND | B, network.wrapping_add(1)),
        Instruction::plain(ALU | ADD | K, 1),
        Instruction::plain(ALU | MUL | K, 8),
        Instruction::plain(ALU | ADD | X, 0),
        Instruction::plain(MISC | TAX, 0),
        Instruction::plain(LD | MEM, register),
    ]
}

/// As `extension_header`. libpcap takes the header's length for the offset of the next, and so does this.
fn authentication_header(network: u32, register: u32) -> Vec<Instruction> {
    vec![
        Instruction::plain(MISC | TXA, 0),
        Instruction::plain(LD | IND | B, network),
        Instruction::plain(ST, register),
        Instruction::plain(MISC | TXA, 0),
        Instruction::plain(ALU | ADD | K, 1),
        Instruction::plain(MISC | TAX, 0),
        Instruction::plain(LD | IND | B, network),
        Instruction::plain(ALU | ADD | K, 2),
        Instruction::plain(ALU | MUL | K, 4),
        Instruction::plain(MISC | TAX, 0),
        Instruction::plain(LD | MEM, register),
    ]
}

fn back_to(body: &mut Vec<Instruction>, target: usize) {
    let distance = target as i32 - (body.len() as i32 + 1);
    body.push(Instruction::plain(JMP | JA, distance.cast_unsigned()));
}
