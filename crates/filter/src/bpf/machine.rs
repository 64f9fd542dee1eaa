//! The machine: runs a program on one packet.

use packet::PacketDirection;

use super::code::{
    A, ABS, ADD, ALU, ANCILLARY, ANCILLARY_INTERFACE, ANCILLARY_PACKET_TYPE, ANCILLARY_PROTOCOL,
    ANCILLARY_VLAN_PRESENT, ANCILLARY_VLAN_TAG, ANCILLARY_VLAN_TPID, AND, B, DIV, H, IMM, IND, JA, JEQ, JGE, JGT, JMP,
    JSET, K, LD, LDX, LEN, LSH, MEM, MISC, MOD, MSH, MUL, NEG, OR, PACKET_OUTGOING, RET, RSH, ST, STX, SUB, TAX, TXA,
    W, X, XOR,
};
use super::{Instruction, Program};

/// Only `protochain` loops, and libpcap's code for it can loop for ever on a hostile authentication header.
const STEPS_MAX: u32 = 1 << 18;

/// What the kernel knows about a packet beside its bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ancillary {
    /// Index of the interface it passed.
    pub interface_index: u32,
    /// Which way it passed.
    pub direction: PacketDirection,
    /// Ethertype, after a tag that the kernel took out.
    pub protocol: u16,
    /// The tag control information that the kernel took out of the packet.
    pub vlan_tci: Option<u16>,
    /// The tag's protocol identifier.
    pub vlan_tpid: u16,
}

impl Ancillary {
    fn load(&self, offset: u32) -> Option<u32> {
        Some(match offset {
            ANCILLARY_PROTOCOL => self.protocol.into(),
            ANCILLARY_PACKET_TYPE => match self.direction {
                PacketDirection::Outbound => PACKET_OUTGOING,
                PacketDirection::Inbound | PacketDirection::Unknown => 0,
            },
            ANCILLARY_INTERFACE => self.interface_index,
            ANCILLARY_VLAN_TAG => self.vlan_tci.unwrap_or(0).into(),
            ANCILLARY_VLAN_PRESENT => self.vlan_tci.is_some().into(),
            ANCILLARY_VLAN_TPID => self.vlan_tpid.into(),
            _ => return None,
        })
    }
}

/// What a program makes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Accepted.
    Accepted,
    /// Rejected; it would be rejected whole as well.
    Rejected,
    /// Rejected, but for bytes that it asked for and that the packet had: they were not captured.
    Cut,
}

/// Why a program ends without a verdict of its own; the packet is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// Bytes of the packet were not captured.
    Cut,
    /// The packet has no such bytes, or the program does what no machine does.
    Fault,
}

impl Program {
    /// How many bytes of the packet to keep; 0 rejects it, and so does a load beyond `packet`.
    pub fn run(&self, packet: &[u8], wire_bytes: u32) -> u32 {
        Machine::new(packet, wire_bytes, None).run(&self.instructions).unwrap_or(0)
    }

    /// As `run`, and whether a packet is rejected only since it was cut short.
    pub fn verdict(&self, packet: &[u8], wire_bytes: u32) -> Verdict {
        match Machine::new(packet, wire_bytes, None).run(&self.instructions) {
            Ok(0) | Err(Stop::Fault) => Verdict::Rejected,
            Ok(_) => Verdict::Accepted,
            Err(Stop::Cut) => Verdict::Cut,
        }
    }

    /// As `run`, for a program that was compiled with `Options::linux_ancillary`.
    pub fn run_with(&self, packet: &[u8], wire_bytes: u32, ancillary: &Ancillary) -> u32 {
        Machine::new(packet, wire_bytes, Some(ancillary)).run(&self.instructions).unwrap_or(0)
    }

    /// True if the packet is accepted.
    pub fn matches(&self, packet: &[u8], wire_bytes: u32) -> bool {
        self.run(packet, wire_bytes) != 0
    }
}

struct Machine<'a> {
    packet: &'a [u8],
    wire_bytes: u32,
    ancillary: Option<&'a Ancillary>,
    a: u32,
    x: u32,
    memory: [u32; 16],
}

impl<'a> Machine<'a> {
    fn new(packet: &'a [u8], wire_bytes: u32, ancillary: Option<&'a Ancillary>) -> Self {
        Self { packet, wire_bytes, ancillary, a: 0, x: 0, memory: [0; 16] }
    }

    /// An error where the program runs into something that rejects the packet.
    fn run(&mut self, instructions: &[Instruction]) -> Result<u32, Stop> {
        let mut at = 0usize;
        for _ in 0..STEPS_MAX {
            let instruction = instructions.get(at).ok_or(Stop::Fault)?;
            at += 1;
            let k = instruction.k;
            match instruction.code & 0x07 {
                LD => self.a = self.load(instruction.code, k)?,
                LDX => self.x = self.load_index(instruction.code, k)?,
                ST => *self.memory.get_mut(k as usize).ok_or(Stop::Fault)? = self.a,
                STX => *self.memory.get_mut(k as usize).ok_or(Stop::Fault)? = self.x,
                ALU => self.a = self.compute(instruction.code, k).ok_or(Stop::Fault)?,
                JMP if instruction.code == JMP | JA => {
                    at = at.checked_add_signed(k.cast_signed() as isize).ok_or(Stop::Fault)?;
                }
                JMP => {
                    let holds = self.test(instruction.code, k).ok_or(Stop::Fault)?;
                    at += usize::from(if holds { instruction.jt } else { instruction.jf });
                }
                RET => return Ok(if instruction.code & 0x18 == A { self.a } else { k }),
                MISC if instruction.code & 0xf8 == TAX => self.x = self.a,
                MISC if instruction.code & 0xf8 == TXA => self.a = self.x,
                _ => return Err(Stop::Fault),
            }
        }
        Err(Stop::Fault)
    }

    #[inline]
    fn bytes(&self, size: u16, offset: u64) -> Result<u32, Stop> {
        let at = |offset: u64| self.packet.get(usize::try_from(offset).ok()?..);
        let value = at(offset).and_then(|rest| match size {
            W => rest.first_chunk().copied().map(u32::from_be_bytes),
            H => rest.first_chunk().copied().map(u16::from_be_bytes).map(u32::from),
            B => rest.first().copied().map(u32::from),
            _ => None,
        });
        value.ok_or_else(|| self.beyond(size, offset))
    }

    #[cold]
    fn beyond(&self, size: u16, offset: u64) -> Stop {
        let size = match size {
            W => 4,
            H => 2,
            _ => 1,
        };
        if offset + size <= u64::from(self.wire_bytes) { Stop::Cut } else { Stop::Fault }
    }

    #[inline]
    fn load(&self, code: u16, k: u32) -> Result<u32, Stop> {
        let value = match code & 0xe0 {
            ABS if k >= ANCILLARY => self.ancillary.and_then(|ancillary| ancillary.load(k)),
            ABS => return self.bytes(code & 0x18, k.into()),
            IND => return self.bytes(code & 0x18, u64::from(self.x) + u64::from(k)),
            LEN => Some(self.wire_bytes),
            IMM => Some(k),
            MEM => self.memory.get(k as usize).copied(),
            _ => None,
        };
        value.ok_or(Stop::Fault)
    }

    #[inline]
    fn load_index(&self, code: u16, k: u32) -> Result<u32, Stop> {
        let value = match code & 0xe0 {
            MSH => return self.bytes(B, k.into()).map(|byte| (byte & 0xf) << 2),
            LEN => Some(self.wire_bytes),
            IMM => Some(k),
            MEM => self.memory.get(k as usize).copied(),
            _ => None,
        };
        value.ok_or(Stop::Fault)
    }

    #[inline]
    fn compute(&self, code: u16, k: u32) -> Option<u32> {
        compute(code & 0xf0, self.a, if code & X == K { k } else { self.x })
    }

    #[inline]
    fn test(&self, code: u16, k: u32) -> Option<bool> {
        test(code & 0xf0, self.a, if code & X == K { k } else { self.x })
    }
}

/// The result of an arithmetic operation; `None` divides by zero.
#[inline]
pub(crate) fn compute(operation: u16, a: u32, operand: u32) -> Option<u32> {
    Some(match operation {
        ADD => a.wrapping_add(operand),
        SUB => a.wrapping_sub(operand),
        MUL => a.wrapping_mul(operand),
        DIV => a.checked_div(operand)?,
        MOD => a.checked_rem(operand)?,
        AND => a & operand,
        OR => a | operand,
        XOR => a ^ operand,
        LSH => a.checked_shl(operand).unwrap_or(0),
        RSH => a.checked_shr(operand).unwrap_or(0),
        NEG => a.wrapping_neg(),
        _ => return None,
    })
}

/// The outcome of a test.
#[inline]
pub(crate) fn test(operation: u16, a: u32, operand: u32) -> Option<bool> {
    Some(match operation {
        JEQ => a == operand,
        JGT => a > operand,
        JGE => a >= operand,
        JSET => a & operand != 0,
        _ => return None,
    })
}
