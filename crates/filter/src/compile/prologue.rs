//! Statements before the first test, which compute offsets that differ from packet to packet.

use super::generator::{Generator, Offset};
use super::graph::Condition;
use super::layout::{Link, Radio};
use crate::Error;
use crate::bpf::Instruction;
use crate::bpf::code::{
    ABS, ADD, ALU, AND, B, IMM, IND, JA, JEQ, JMP, JSET, K, LD, LDX, LSH, MEM, MISC, OR, ST, TAX, TXA, W, X,
};

/// The value of PPI's link type field for 802.11, as a big-endian load reads it.
const PPI_WIRELESS: u32 = 0x6900_0000;
/// The magic number of an AVS header, and the bits that are not its version.
const AVS_MAGIC: u32 = 0x8021_1000;
const AVS_MAGIC_MASK: u32 = 0xffff_f000;
const PRISM_HEADER_BYTES: u32 = 144;
/// The least header of a data frame.
const DATA_HEADER_BYTES: u32 = 24;

impl Generator<'_> {
    /// Puts what the tests need before them.
    pub(super) fn prologue(&mut self, condition: Condition) -> Result<Condition, Error> {
        let (mut header, payload) = self.outermost.unwrap_or((self.header, self.payload));
        if payload.register.is_some() && header.is_variable && header.register.is_none() {
            header.register = Some(self.take_register()?);
        }
        let mut statements = match self.link_outermost {
            Link::Wireless(radio) => {
                self.graph.is_literal |= radio == Radio::Prism || payload.register.is_some();
                let mut statements = header.register.map_or_else(Vec::new, |register| radio_header(radio, register));
                if let Some(register) = payload.register {
                    if statements.is_empty() {
                        statements.push(Instruction::plain(LDX | IMM, self.header_outermost));
                    }
                    wireless_payload(&mut statements, register, radio == Radio::Radiotap);
                }
                statements
            }
            Link::PfLog => pf_log_payload(payload),
            _ => Vec::new(),
        };
        if statements.is_empty() && self.vlan_offsets_vary {
            statements = self.unshifted()?;
        }
        self.put_before(&condition, statements);
        if self.link != Link::Wireless(Radio::Ppi) {
            return Ok(condition);
        }
        let wireless = self.graph.test(vec![Instruction::plain(LD | W | ABS, 4)], JEQ, PPI_WIRELESS);
        Ok(self.graph.and(wireless, condition))
    }
}

/// The length of the header before an 802.11 frame, into a register and the index register.
fn radio_header(radio: Radio, register: u32) -> Vec<Instruction> {
    let mut statements = match radio {
        Radio::None => return Vec::new(),
        // Some drivers that say Prism write AVS.
        Radio::Prism => vec![
            Instruction::plain(LD | W | ABS, 0),
            Instruction::plain(ALU | AND | K, AVS_MAGIC_MASK),
            Instruction::branch(JMP | JEQ | K, AVS_MAGIC, 0, 2),
            Instruction::plain(LD | W | ABS, 4),
            Instruction::plain(JMP | JA, 1),
            Instruction::plain(LD | IMM, PRISM_HEADER_BYTES),
        ],
        Radio::Avs => vec![Instruction::plain(LD | W | ABS, 4)],
        // Little-endian.
        Radio::Radiotap | Radio::Ppi => vec![
            Instruction::plain(LD | B | ABS, 3),
            Instruction::plain(ALU | LSH | K, 8),
            Instruction::plain(MISC | TAX, 0),
            Instruction::plain(LD | B | ABS, 2),
            Instruction::plain(ALU | OR | X, 0),
        ],
    };
    statements.extend([Instruction::plain(ST, register), Instruction::plain(MISC | TAX, 0)]);
    statements
}

/// The offset of what follows the 802.11 header: it is 24 bytes long, 26 with QoS, and Atheros' drivers pad it to a
/// multiple of four, which a flag of the radiotap header tells.
fn wireless_payload(statements: &mut Vec<Instruction>, register: u32, radiotap: bool) {
    let (to_end, no_qos) = if radiotap { (15, 3) } else { (3, 3) };
    statements.extend([
        Instruction::plain(MISC | TXA, 0),
        Instruction::plain(ALU | ADD | K, DATA_HEADER_BYTES),
        Instruction::plain(ST, register),
        Instruction::plain(LD | IND | B, 0),
        // A data frame, and with QoS?
        Instruction::branch(JMP | JSET | K, 0x08, 0, 2 + to_end),
        Instruction::branch(JMP | JSET | K, 0x04, 1 + to_end, 0),
        Instruction::branch(JMP | JSET | K, 0x80, 0, no_qos),
        Instruction::plain(LD | MEM, register),
        Instruction::plain(ALU | ADD | K, 2),
        Instruction::plain(ST, register),
    ]);
    if !radiotap {
        return;
    }
    // Presence bits (https://www.radiotap.org): flags, extended, timestamp; they are little-endian.
    statements.extend([
        Instruction::plain(LD | W | ABS, 4),
        Instruction::branch(JMP | JSET | K, 0x0200_0000, 0, 10),
        Instruction::branch(JMP | JSET | K, 0x0000_0080, 9, 0),
        Instruction::branch(JMP | JSET | K, 0x0100_0000, 0, 2),
        // The flags field is behind the timestamp, if there is one; 0x20 is padding.
        Instruction::plain(LD | B | ABS, 16),
        Instruction::branch(JMP | JSET | K, 0x20, 2, 6),
        Instruction::plain(LD | B | ABS, 8),
        Instruction::branch(JMP | JSET | K, 0x20, 0, 4),
        Instruction::plain(LD | MEM, register),
        Instruction::plain(ALU | ADD | K, 3),
        Instruction::plain(ALU | AND | K, !3),
        Instruction::plain(ST, register),
    ]);
}

/// The length of pf's log header, rounded up to a multiple of four.
fn pf_log_payload(payload: Offset) -> Vec<Instruction> {
    payload.register.map_or_else(Vec::new, |register| {
        vec![
            Instruction::plain(LD | B | ABS, 0),
            Instruction::plain(ALU | ADD | K, 3),
            Instruction::plain(ALU | AND | K, !3),
            Instruction::plain(ST, register),
            Instruction::plain(MISC | TAX, 0),
        ]
    })
}
