//! Leaves out tests whose outcome is known, and loads whose result is at hand.
//!
//! A failing load rejects the packet, so leaving out a load can change the verdict on a packet that is too short for
//! it. A load is left out only if it cannot fail where it stands, or if nothing depends on what it loads and libpcap's
//! optimiser leaves it out too.

use super::graph::{Block, BlockId, Graph, Target};
use super::value::{Expression, Known, Operand, ValueId, Values};
use crate::bpf::Instruction;
use crate::bpf::code::{
    ABS, ALU, ANCILLARY, B, H, IMM, IND, JMP, K, LD, LDX, LEN, MEM, MISC, MSH, NEG, ST, STX, TAX, X,
};

/// Larger programs are left as they are.
const BLOCKS_MAX: usize = 20_000;
/// Tests that are followed ahead in all.
const LOOKAHEAD_MAX: usize = 2_000_000;

/// Improves a graph; returns where it starts then, or what it decides if that is always the same.
pub(super) fn optimise(graph: &mut Graph, first: BlockId) -> Target {
    let start = Target::Block(first);
    if graph.blocks.len() > BLOCKS_MAX {
        return start;
    }
    if !graph.is_literal {
        graph.blocks.iter_mut().for_each(|block| super::peephole::add_offsets(&mut block.body));
    }
    let start = pass(graph, start);
    if accepts(graph, start) { start } else { Target::Reject }
}

/// Looks at each block once, after all blocks that lead to it.
fn pass(graph: &mut Graph, start: Target) -> Target {
    let Target::Block(first) = start else { return start };
    let order = graph.order(first);
    let mut pass =
        Pass { values: Values::default(), entries: vec![None; graph.blocks.len()], lookahead: LOOKAHEAD_MAX };
    let start = pass.lead(graph, &Known::default(), start);
    for block in order {
        let Some(mut known) = pass.entries[block].take() else { continue };
        graph.blocks[block].body = pass.values.run(&mut known, &graph.blocks[block].body);
        let [on_false, on_true] = [false, true].map(|outcome| {
            let after = pass.after(&graph.blocks[block], &known, outcome)?;
            let target = graph.blocks[block].targets[usize::from(outcome)];
            Some(pass.lead(graph, &after, target))
        });
        // An outcome that cannot be leads where the other one does.
        let targets = [on_false.or(on_true), on_true.or(on_false)].map(|target| target.unwrap_or(Target::Reject));
        graph.blocks[block].targets = targets;
    }
    start
}

/// True if a packet can be accepted at all.
fn accepts(graph: &Graph, start: Target) -> bool {
    match start {
        Target::Accept => true,
        Target::Reject | Target::Open => false,
        Target::Block(first) => {
            graph.order(first).iter().any(|&block| graph.blocks[block].targets.contains(&Target::Accept))
        }
    }
}

struct Pass {
    values: Values,
    /// What is known where a block starts; none if nothing leads there.
    entries: Vec<Option<Known>>,
    lookahead: usize,
}

impl Pass {
    /// Follows a way to where it really leads, and notes there what is known on it.
    fn lead(&mut self, graph: &Graph, known: &Known, mut target: Target) -> Target {
        while let Target::Block(block) = target {
            match self.known_outcome(graph, known, block) {
                Some(outcome) if self.lookahead > 0 => {
                    self.lookahead -= 1;
                    target = graph.blocks[block].targets[usize::from(outcome)];
                }
                _ => {
                    match &mut self.entries[block] {
                        Some(entry) => entry.meet(known),
                        entry => *entry = Some(known.clone()),
                    }
                    return target;
                }
            }
        }
        target
    }

    /// The outcome of a block's test, if it is known and nothing else of the block is needed.
    fn known_outcome(&mut self, graph: &Graph, known: &Known, block: BlockId) -> Option<bool> {
        let block = &graph.blocks[block];
        if !block.body.iter().all(|instruction| is_harmless(*instruction)) {
            return None;
        }
        let mut after = known.clone();
        let failures = self.values.run_counting_failures(&mut after, &block.body);
        let (value, operand) = tested(block, &after)?;
        let outcome = after.outcome(&self.values, value, block.test & 0xf0, operand)?;
        let independent =
            !graph.is_literal && self.values.constant(value).is_some() && matches!(operand, Operand::Constant(_));
        let skipped = (failures == 0 || independent) && !needs_registers(graph, block.targets[usize::from(outcome)]);
        skipped.then_some(outcome)
    }

    /// What is known after a test had an outcome; none if it cannot have it.
    fn after(&self, block: &Block, known: &Known, outcome: bool) -> Option<Known> {
        let mut after = known.clone();
        let Some((value, operand)) = tested(block, known) else { return Some(after) };
        let operation = block.test & 0xf0;
        match known.outcome(&self.values, value, operation, operand) {
            Some(certain) if certain != outcome => None,
            Some(_) => Some(after),
            None => {
                after.tested(value, operation, operand, outcome);
                Some(after)
            }
        }
    }
}

fn tested(block: &Block, known: &Known) -> Option<(ValueId, Operand)> {
    let operand = if block.test & X == K { Operand::Constant(block.k) } else { Operand::Value(known.x?) };
    Some((known.a?, operand))
}

/// True for statements that change nothing but the two registers.
fn is_harmless(instruction: Instruction) -> bool {
    !matches!(instruction.code & 0x07, ST | STX | JMP)
}

/// True if a block may use what the registers hold where it starts.
fn needs_registers(graph: &Graph, target: Target) -> bool {
    let Target::Block(block) = target else { return false };
    let block = &graph.blocks[block];
    let (mut a_set, mut x_set) = (false, false);
    for instruction in &block.body {
        let code = instruction.code;
        let reads_a = matches!(code & 0x07, ALU | ST) || code == MISC | TAX || code & 0x07 == JMP;
        let reads_x = match code & 0x07 {
            LD => code & 0xe0 == IND,
            STX => true,
            ALU => code & X != K && code & 0xf0 != NEG,
            MISC => code != MISC | TAX,
            _ => false,
        };
        if reads_a && !a_set || reads_x && !x_set {
            return true;
        }
        match code & 0x07 {
            LD => a_set = true,
            LDX => x_set = true,
            MISC if code == MISC | TAX => x_set = true,
            MISC => a_set = true,
            _ => {}
        }
    }
    !a_set || block.test & X != K && !x_set
}

impl Values {
    /// Runs statements symbolically, and returns those that are not superfluous.
    fn run(&mut self, known: &mut Known, body: &[Instruction]) -> Vec<Instruction> {
        if body.iter().any(|instruction| instruction.is_jump()) {
            // Any of the statements may have run.
            known.a = None;
            known.x = None;
            for instruction in body.iter().filter(|instruction| matches!(instruction.code & 0x07, ST | STX)) {
                if let Some(register) = known.memory.get_mut(instruction.k as usize) {
                    *register = None;
                }
            }
            return body.to_vec();
        }
        body.iter().copied().filter(|&instruction| self.step(known, instruction).0).collect()
    }

    /// Runs statements symbolically, and counts the loads that might fail.
    fn run_counting_failures(&mut self, known: &mut Known, body: &[Instruction]) -> usize {
        body.iter().filter(|&&instruction| self.step(known, instruction).1).count()
    }

    /// Whether the statement changes anything, and whether it might reject the packet.
    fn step(&mut self, known: &mut Known, instruction: Instruction) -> (bool, bool) {
        let Instruction { code, k, .. } = instruction;
        match code & 0x07 {
            LD | LDX => {
                let (value, bytes) = self.loaded(known, code, k);
                let may_fail = bytes.is_some_and(|end| end > known.bytes_min && !known.loaded.contains(&value));
                if bytes.is_some() {
                    known.loads(value);
                }
                if let Some(end) = bytes.filter(|&end| end < u64::MAX) {
                    known.bytes_min = known.bytes_min.max(end);
                }
                let register = if code & 0x07 == LD { &mut known.a } else { &mut known.x };
                let changes = *register != Some(value);
                *register = Some(value);
                (changes, may_fail)
            }
            ALU => {
                let a = self.or_unknown(&mut known.a);
                let right = match code & 0xf0 {
                    NEG => self.id(Expression::Constant(0)),
                    _ if code & X == K => self.id(Expression::Constant(k)),
                    _ => self.or_unknown(&mut known.x),
                };
                let may_fail = matches!(code & 0xf0, crate::bpf::code::DIV | crate::bpf::code::MOD);
                known.a = Some(self.binary(code & 0xf0, a, right));
                (true, may_fail)
            }
            MISC => {
                let (from, to) =
                    if code == MISC | TAX { (&mut known.a, &mut known.x) } else { (&mut known.x, &mut known.a) };
                let value = self.or_unknown(from);
                let changes = *to != Some(value);
                *to = Some(value);
                (changes, false)
            }
            _ => {
                let value =
                    if code & 0x07 == STX { self.or_unknown(&mut known.x) } else { self.or_unknown(&mut known.a) };
                if let Some(register) = known.memory.get_mut(k as usize) {
                    *register = Some(value);
                }
                (true, false)
            }
        }
    }

    fn or_unknown(&mut self, register: &mut Option<ValueId>) -> ValueId {
        *register.get_or_insert_with(|| self.unknown())
    }

    /// The value of a load, and, if it is from the packet, where it ends (`u64::MAX` if that is not known).
    fn loaded(&mut self, known: &mut Known, code: u16, k: u32) -> (ValueId, Option<u64>) {
        let size = code & 0x18;
        let bytes = match size {
            B => 1,
            H => 2,
            _ => 4,
        };
        match code & 0xe0 {
            IMM => (self.id(Expression::Constant(k)), None),
            LEN => (self.id(Expression::WireLength), None),
            MSH => (self.id(Expression::HeaderLength(k)), Some(u64::from(k) + 1)),
            ABS if k >= ANCILLARY => (self.id(Expression::Bytes(size, k, None)), Some(u64::MAX)),
            ABS => (self.id(Expression::Bytes(size, k, None)), Some(u64::from(k) + bytes)),
            MEM => match known.memory.get_mut(k as usize) {
                Some(register) => (self.or_unknown(register), None),
                None => (self.unknown(), Some(u64::MAX)),
            },
            _ => {
                let index = self.or_unknown(&mut known.x);
                (self.id(Expression::Bytes(size, k, Some(index))), Some(u64::MAX))
            }
        }
    }
}
