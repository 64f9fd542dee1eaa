//! Programs as tcpdump prints them: `-d`, `-dd` and `-ddd`.

use std::fmt::Write as _;

use super::code::{
    A, ABS, ADD, ALU, ANCILLARY, AND, B, DIV, H, IMM, IND, JA, JEQ, JGE, JGT, JMP, JSET, K, LD, LDX, LEN, LSH, MEM,
    MISC, MOD, MSH, MUL, NEG, OR, RET, RSH, ST, STX, SUB, TAX, TXA, W, X, XOR,
};
use super::{Instruction, Program};

impl Program {
    /// One line for each instruction, as `tcpdump -d` prints it.
    pub fn disassemble(&self) -> String {
        let mut text = String::new();
        for (index, instruction) in self.instructions.iter().enumerate() {
            text.push_str(&line(instruction, index));
            text.push('\n');
        }
        text
    }

    /// As a C array's initialisers, as `tcpdump -dd` prints it.
    pub fn dump_c(&self) -> String {
        let mut text = String::new();
        for Instruction { code, jt, jf, k } in &self.instructions {
            let _ = writeln!(text, "{{ {code:#x}, {jt}, {jf}, 0x{k:08x} }},");
        }
        text
    }

    /// The number of instructions, then each in decimal, as `tcpdump -ddd` prints it.
    pub fn dump_decimal(&self) -> String {
        let mut text = format!("{}\n", self.instructions.len());
        for Instruction { code, jt, jf, k } in &self.instructions {
            let _ = writeln!(text, "{code} {jt} {jf} {k}");
        }
        text
    }
}

fn line(instruction: &Instruction, index: usize) -> String {
    let Instruction { code, jt, jf, k } = *instruction;
    let (operation, operand) = words(code, k, index);
    if instruction.is_jump() && code != JMP | JA {
        let (jt, jf) = (index + 1 + usize::from(jt), index + 1 + usize::from(jf));
        format!("({index:03}) {operation:<8} {operand:<16} jt {jt}\tjf {jf}")
    } else {
        format!("({index:03}) {operation:<8} {operand}")
    }
}

/// The operation and its operand; libpcap prints constants and offsets as signed decimals or as hexadecimals.
fn words(code: u16, k: u32, index: usize) -> (&'static str, String) {
    let signed = k.cast_signed();
    let size = code & 0x18;
    let load = match size {
        H => "ldh",
        B => "ldb",
        _ => "ld",
    };
    match code & 0x07 {
        RET if code == RET | K => ("ret", format!("#{signed}")),
        RET if code == RET | A => ("ret", String::new()),
        LD if matches!(size, W | H | B) && code & 0xe0 == ABS => (load, absolute(k)),
        LD if matches!(size, W | H | B) && code & 0xe0 == IND => (load, format!("[x + {signed}]")),
        LD if code == LD | LEN => ("ld", "#pktlen".to_owned()),
        LD if code == LD | IMM => ("ld", format!("#{k:#x}")),
        LD if code == LD | MEM => ("ld", format!("M[{signed}]")),
        LDX if code == LDX | LEN => ("ldx", "#pktlen".to_owned()),
        LDX if code == LDX | IMM => ("ldx", format!("#{k:#x}")),
        LDX if code == LDX | MSH | B => ("ldxb", format!("4*([{signed}]&0xf)")),
        LDX if code == LDX | MEM => ("ldx", format!("M[{signed}]")),
        ST if code == ST => ("st", format!("M[{signed}]")),
        STX if code == STX => ("stx", format!("M[{signed}]")),
        JMP if code == JMP | JA => ("ja", format!("{}", (index as i64) + 1 + i64::from(signed))),
        JMP => compare(code).map_or_else(|| unknown(code), |name| (name, operand(code, format!("#{k:#x}")))),
        ALU if code == ALU | NEG => ("neg", String::new()),
        ALU => match arithmetic(code) {
            Some(name @ ("and" | "or" | "xor")) => (name, operand(code, format!("#{k:#x}"))),
            Some(name) => (name, operand(code, format!("#{signed}"))),
            None => unknown(code),
        },
        MISC if code == MISC | TAX => ("tax", String::new()),
        MISC if code == MISC | TXA => ("txa", String::new()),
        _ => unknown(code),
    }
}

fn unknown(code: u16) -> (&'static str, String) {
    ("unimp", format!("{code:#x}"))
}

fn operand(code: u16, constant: String) -> String {
    if code & X == K { constant } else { "x".to_owned() }
}

fn compare(code: u16) -> Option<&'static str> {
    Some(match code & 0xf0 {
        JEQ => "jeq",
        JGT => "jgt",
        JGE => "jge",
        JSET => "jset",
        _ => return None,
    })
}

fn arithmetic(code: u16) -> Option<&'static str> {
    Some(match code & 0xf0 {
        ADD => "add",
        SUB => "sub",
        MUL => "mul",
        DIV => "div",
        MOD => "mod",
        AND => "and",
        OR => "or",
        XOR => "xor",
        LSH => "lsh",
        RSH => "rsh",
        _ => return None,
    })
}

/// What the kernel knows has names (`SKF_AD_*` of `linux/filter.h`).
fn absolute(k: u32) -> String {
    let name = k.checked_sub(ANCILLARY).and_then(|offset| {
        Some(match offset {
            0 => "proto",
            4 => "type",
            8 => "ifidx",
            12 => "nla",
            16 => "nlan",
            20 => "mark",
            24 => "queue",
            28 => "hatype",
            32 => "rxhash",
            36 => "cpu",
            40 => "xor_x",
            44 => "vlan_tci",
            48 => "vlanp",
            52 => "poff",
            56 => "random",
            60 => "vlan_tpid",
            _ => return None,
        })
    });
    name.map_or_else(|| format!("[{}]", k.cast_signed()), |name| format!("[{name}]"))
}
