//! Changes packets at the fields that a program tests, so that its tests have both outcomes.

use std::collections::HashSet;

use filter::{Instruction, Program};

use crate::oracle::Packet;
use crate::random::Random;

/// A field that a program loaded and compared.
#[derive(Clone, Copy, Debug)]
struct Test {
    offset: usize,
    size: usize,
    mask: u32,
    with: u32,
}

/// Packets on which the program's tests have as many outcomes as can be found: `packets` and changed copies of them.
pub(crate) fn variations(random: &mut Random, program: &Program, packets: Vec<Packet>, number: usize) -> Vec<Packet> {
    let mut seen: HashSet<Packet> = packets.iter().cloned().collect();
    let mut all = packets;
    for _ in 0..number * 3 {
        if all.len() >= number {
            break;
        }
        let packet = &all[random.below(all.len())];
        let tests = trace(program, packet);
        let Some(changed) = change(random, packet, &tests) else { continue };
        if seen.insert(changed.clone()) {
            all.push(changed);
        }
    }
    all
}

fn change(random: &mut Random, packet: &Packet, tests: &[Test]) -> Option<Packet> {
    let mut changed = packet.clone();
    if tests.is_empty() || random.once_in(8) {
        let length = match tests.is_empty() {
            true => random.below(packet.bytes.len() + 1),
            // Just before, or just after, what a load needs.
            false => {
                let test = tests[random.below(tests.len())];
                test.offset + random.pick(&[0, test.size - 1, test.size])
            }
        };
        changed.bytes.truncate(length);
        if random.once_in(2) {
            changed.wire_bytes = length as u32;
        }
        return Some(changed);
    }
    let test = tests[random.below(tests.len())];
    let field = changed.bytes.get_mut(test.offset..test.offset + test.size)?;
    let old = field.iter().fold(0u32, |value, &byte| value << 8 | u32::from(byte));
    let near = random.pick(&[0u32, 0, 0, 1, u32::MAX]);
    let wanted = if random.once_in(6) { random.next() as u32 } else { test.with.wrapping_add(near) };
    let new = old & !test.mask | wanted & test.mask;
    // A loopback's address family in the file's other byte order is taken for the same by design.
    let bytes = new.to_be_bytes();
    field.copy_from_slice(&bytes[4 - test.size..]);
    Some(changed)
}

/// True if the program uses a register that it has not set.
pub(crate) fn reads_unset_register(program: &Program, packet: &Packet) -> bool {
    run(program, packet).1
}

fn trace(program: &Program, packet: &Packet) -> Vec<Test> {
    run(program, packet).0
}

/// Runs a program and notes what it compares, and whether it uses a register that it has not set.
fn run(program: &Program, packet: &Packet) -> (Vec<Test>, bool) {
    let mut trace = Trace { packet, a: 0, x: 0, memory: [None; 16], unset_read: false, field: None, tests: Vec::new() };
    let mut at = 0usize;
    for _ in 0..4096 {
        let Some(&instruction) = program.instructions.get(at) else { break };
        at += 1;
        match trace.step(instruction) {
            Some(skip) => at = at.wrapping_add_signed(skip),
            None => break,
        }
    }
    (trace.tests, trace.unset_read)
}

/// A machine that notes what it does.
struct Trace<'p> {
    packet: &'p Packet,
    a: u32,
    x: u32,
    memory: [Option<u32>; 16],
    unset_read: bool,
    /// Offset, size and mask of what is in the accumulator.
    field: Option<(usize, usize, u32)>,
    tests: Vec<Test>,
}

impl Trace<'_> {
    /// How many instructions to skip; none at the end.
    fn step(&mut self, instruction: Instruction) -> Option<isize> {
        let Instruction { code, k, .. } = instruction;
        let operand = if code & 8 == 0 { k } else { self.x };
        match code & 7 {
            0 => self.a = self.load(code, k)?,
            1 if code & 0xe0 == 0xa0 => self.x = (self.bytes(k.into(), 1)? & 15) << 2,
            1 if code & 0xe0 == 0x60 => self.x = self.register(k),
            1 => self.x = k,
            2 => self.memory[k as usize & 15] = Some(self.a),
            3 => self.memory[k as usize & 15] = Some(self.x),
            4 => self.compute(code, operand),
            5 if code == 5 => return Some(k.cast_signed() as isize),
            5 => {
                if let Some((offset, size, mask)) = self.field {
                    self.tests.push(Test { offset, size, mask, with: operand });
                }
                let holds = match code & 0xf0 {
                    0x10 => self.a == operand,
                    0x20 => self.a > operand,
                    0x30 => self.a >= operand,
                    _ => self.a & operand != 0,
                };
                return Some(if holds { instruction.jt } else { instruction.jf }.into());
            }
            6 => return None,
            _ if code & 0x80 == 0 => self.x = self.a,
            _ => self.a = self.x,
        }
        Some(0)
    }

    fn load(&mut self, code: u16, k: u32) -> Option<u32> {
        let size = [4, 2, 1, 4][usize::from(code >> 3 & 3)];
        let offset = match code & 0xe0 {
            0x20 => u64::from(k),
            0x40 => u64::from(self.x) + u64::from(k),
            0x60 => return Some(self.register(k)),
            0 => return Some(k),
            _ => return Some(self.packet.wire_bytes),
        };
        let value = self.bytes(offset, size)?;
        self.field = Some((offset as usize, size, u32::MAX));
        Some(value)
    }

    fn bytes(&self, offset: u64, size: usize) -> Option<u32> {
        let start = usize::try_from(offset).ok()?;
        let bytes = self.packet.bytes.get(start..start.checked_add(size)?)?;
        Some(bytes.iter().fold(0, |value, &byte| value << 8 | u32::from(byte)))
    }

    fn register(&mut self, k: u32) -> u32 {
        let value = self.memory[k as usize & 15];
        self.unset_read |= value.is_none();
        value.unwrap_or(0)
    }

    fn compute(&mut self, code: u16, operand: u32) {
        let a = self.a;
        self.a = match code & 0xf0 {
            0x00 => a.wrapping_add(operand),
            0x10 => a.wrapping_sub(operand),
            0x20 => a.wrapping_mul(operand),
            0x30 => a.checked_div(operand).unwrap_or(0),
            0x40 => a | operand,
            0x50 => {
                self.field = self.field.map(|(offset, size, _)| (offset, size, operand));
                a & operand
            }
            0x60 => a.checked_shl(operand).unwrap_or(0),
            0x70 => a.checked_shr(operand).unwrap_or(0),
            0x80 => a.wrapping_neg(),
            0x90 => a.checked_rem(operand).unwrap_or(0),
            _ => a ^ operand,
        };
    }
}
