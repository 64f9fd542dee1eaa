//! Classic BPF: instructions, the machine that runs them, and how tcpdump prints them.

pub(crate) mod code;
mod image;
mod machine;

pub use machine::{Ancillary, Verdict};
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

    /// True if the kernel takes it: short enough, without the loops of `protochain`, and no scratch register is read
    /// that has not been written on every way there (`check_load_and_stores` of net/core/filter.c).
    pub fn fits_kernel(&self) -> bool {
        if self.instructions.len() > Self::KERNEL_INSTRUCTIONS_MAX {
            return false;
        }
        // Registers that are written wherever an instruction is reached from, one bit each.
        let mut reached = vec![u16::MAX; self.instructions.len()];
        let mut written = 0u16;
        for (index, instruction) in self.instructions.iter().enumerate() {
            written &= reached[index];
            let register = 1u16.checked_shl(instruction.k).unwrap_or(0);
            let mut leads = |distance: usize| match reached.get_mut(index + 1 + distance) {
                Some(there) => {
                    *there &= written;
                    true
                }
                None => false,
            };
            match instruction.code & 0x07 {
                code::ST | code::STX => written |= register,
                code::LD | code::LDX if instruction.code & 0xe0 == code::MEM && written & register == 0 => {
                    return false;
                }
                code::JMP if instruction.code == code::JMP | code::JA => {
                    if !leads(instruction.k as usize) {
                        return false;
                    }
                    written = u16::MAX;
                }
                code::JMP => {
                    if !leads(instruction.jt.into()) || !leads(instruction.jf.into()) {
                        return false;
                    }
                    written = u16::MAX;
                }
                code::RET => written = u16::MAX,
                _ => {}
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use crate::{Options, compile};
    use packet::LinkType;

    #[test]
    fn what_the_kernel_takes() {
        let check = |expression: &str, expected: bool| {
            let options = Options { linux_ancillary: true, ..Options::new(LinkType::ETHERNET) };
            let program = compile(expression, &options).unwrap();
            assert_eq!(program.fits_kernel(), expected, "{expression}\n{}", program.disassemble());
        };
        check("tcp port 80", true);
        check("vlan 5 and vlan 6 and ip", true);
        check("ip[ip[0] & 0xf] + tcp[4] > 5", true);
        check("geneve and tcp", true);
        check("geneve or tcp", false);
        check("ip protochain 6", false);
    }
}
