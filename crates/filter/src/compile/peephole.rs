//! Adds constant offsets when the program is compiled instead of when it runs.
//!
//! Sums that would wrap are left alone: at run time they lie beyond the packet, and reject it.

use crate::bpf::Instruction;
use crate::bpf::code::{ABS, ADD, ALU, ANCILLARY, IMM, IND, LD, LDX, MEM, MISC, MSH, TAX, X};

/// Shortens the loads in straight-line statements.
pub(super) fn add_offsets(body: &mut Vec<Instruction>) {
    if body.iter().any(|instruction| instruction.is_jump()) {
        return;
    }
    let mut rest = body.as_slice();
    let mut shorter = Vec::with_capacity(rest.len());
    while let Some((&first, after)) = rest.split_first() {
        let (statements, taken): ([Option<Instruction>; 2], usize) = if let Some(load) = absolute(rest) {
            ([Some(load), None], 2)
        } else if let Some((index, load)) = relative(rest) {
            ([Some(index), Some(load)], 5)
        } else {
            rest = after;
            shorter.push(first);
            continue;
        };
        shorter.extend(statements.into_iter().flatten());
        rest = rest.get(taken..).unwrap_or(&[]);
    }
    *body = shorter;
}

/// `ldx #i; ld [x + k]`.
fn absolute(statements: &[Instruction]) -> Option<Instruction> {
    let &[offset, load, ..] = statements else { return None };
    if offset.code != LDX | IMM || !is_indirect(load) {
        return None;
    }
    // Loads from there on would ask the kernel about the packet.
    let sum = offset.k.checked_add(load.k).filter(|&sum| sum < ANCILLARY)?;
    Some(Instruction::plain(load.code & !0xe0 | ABS, sum))
}

/// A length or a register as index, a constant added to it, and a load there; the constant may come first.
fn relative(statements: &[Instruction]) -> Option<(Instruction, Instruction)> {
    let &[first, second, add, to_index, load, ..] = statements else { return None };
    let is_index =
        |instruction: Instruction| instruction.code & 0x07 == LDX && matches!(instruction.code & 0xe0, MEM | MSH);
    let (index, constant) = if is_index(first) { (first, second) } else { (second, first) };
    let fits = is_index(index)
        && constant.code == LD | IMM
        && constant.k <= i32::MAX.cast_unsigned()
        && add.code == ALU | ADD | X
        && to_index.code == MISC | TAX
        && is_indirect(load);
    let sum = load.k.checked_add(constant.k).filter(|_| fits)?;
    Some((index, Instruction::plain(load.code, sum)))
}

fn is_indirect(instruction: Instruction) -> bool {
    instruction.code & 0x07 == LD && instruction.code & 0xe0 == IND
}
