//! Classic BPF: instructions, the machine that runs them, and how tcpdump prints them.

pub(crate) mod code;
mod image;
mod machine;

pub use machine::Ancillary;
pub(crate) use machine::{compute, test};

/// One instruction, laid out as the kernel's `struct sock_filter` (`linux/filter.h`).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Instruction {
    /// Class, size, mode and operation.
    pub code: u16,
    /// Instructions to skip when a test holds.
    pub jt: u8,
    /// Instructions to skip when a test fails.
    pub jf: u8,
    /// Operand: a constant, an offset or a register number.
    pub k: u32,
}

impl Instruction {
    /// An instruction that does not branch.
    pub(crate) const fn plain(code: u16, k: u32) -> Self {
        Self { code, jt: 0, jf: 0, k }
    }

    /// A test that skips `jt` or `jf` instructions.
    pub(crate) const fn branch(code: u16, k: u32, jt: u8, jf: u8) -> Self {
        Self { code, jt, jf, k }
    }

    /// True for jumps, conditional or not.
    pub(crate) const fn is_jump(self) -> bool {
        self.code & 0x07 == code::JMP
    }
}

/// A compiled filter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Program {
    /// Never empty; every path ends in a return.
    pub instructions: Vec<Instruction>,
}

impl Program {
    /// The most instructions that Linux attaches (`BPF_MAXINSNS`).
    pub const KERNEL_INSTRUCTIONS_MAX: usize = 4096;

    /// Accepts every packet.
    pub(crate) fn accepting(snaplen: u32) -> Self {
        Self { instructions: vec![Instruction::plain(code::RET | code::K, snaplen)] }
    }

    /// True if the kernel takes it: short enough, and without the loops of `protochain`.
    pub fn fits_kernel(&self) -> bool {
        let forward = |instruction: &Instruction| {
            instruction.code != code::JMP | code::JA || (instruction.k as usize) < self.instructions.len()
        };
        self.instructions.len() <= Self::KERNEL_INSTRUCTIONS_MAX && self.instructions.iter().all(forward)
    }
}
