//! Lays a graph out as instructions.
//!
//! A test can skip 255 instructions; where that is not enough it skips onto an unconditional jump.

use super::graph::{BlockId, Graph, Target};
use crate::bpf::code::{JA, JMP, K, RET};
use crate::bpf::{Instruction, Program};

/// The instructions of a graph that starts with `first`; accepted packets are kept up to `snaplen` bytes.
pub(super) fn assemble(graph: &Graph, first: BlockId, snaplen: u32) -> Program {
    let order = graph.order(first);
    let layout = Layout::new(graph, &order);
    let mut instructions = Vec::with_capacity(layout.reject + 1);
    for (index, &block) in order.iter().enumerate() {
        let test = instructions.len() + graph.blocks[block].body.len();
        let block = &graph.blocks[block];
        instructions.extend_from_slice(&block.body);
        let mut skips = [0u8; 2];
        let mut jumps = Vec::new();
        for outcome in [1, 0] {
            let target = layout.position(block.targets[outcome]);
            if layout.long[index][outcome] {
                skips[outcome] = u8::try_from(jumps.len()).unwrap_or(0);
                let from = test + 2 + jumps.len();
                jumps.push(Instruction::plain(JMP | JA, (target - from) as u32));
            } else {
                skips[outcome] = u8::try_from(target - test - 1).unwrap_or(u8::MAX);
            }
        }
        instructions.push(Instruction::branch(block.test, block.k, skips[1], skips[0]));
        instructions.extend(jumps);
    }
    let (accept, reject) = (Instruction::plain(RET | K, snaplen), Instruction::plain(RET | K, 0));
    instructions.extend(if layout.accept < layout.reject { [accept, reject] } else { [reject, accept] });
    Program { instructions }
}

struct Layout {
    /// Where each block's test stands, and where the block starts, by block.
    starts: Vec<usize>,
    /// Whether the jumps of a block, by place in the order, need an instruction of their own.
    long: Vec<[bool; 2]>,
    accept: usize,
    reject: usize,
}

impl Layout {
    /// Lengthens jumps until all reach; a lengthened jump is never shortened, so that this ends.
    fn new(graph: &Graph, order: &[BlockId]) -> Self {
        let mut layout =
            Self { starts: vec![0; graph.blocks.len()], long: vec![[false; 2]; order.len()], accept: 0, reject: 0 };
        loop {
            let mut at = 0;
            for (index, &block) in order.iter().enumerate() {
                layout.starts[block] = at;
                let jumps = layout.long[index].iter().filter(|&&long| long).count();
                at += graph.blocks[block].body.len() + 1 + jumps;
            }
            let rejects_first = order.last().is_some_and(|&last| graph.blocks[last].targets[1] == Target::Reject);
            (layout.accept, layout.reject) = if rejects_first { (at + 1, at) } else { (at, at + 1) };
            let mut changed = false;
            for (index, &block) in order.iter().enumerate() {
                let test = layout.starts[block] + graph.blocks[block].body.len();
                for outcome in [0, 1] {
                    let distance = layout.position(graph.blocks[block].targets[outcome]) - test - 1;
                    if distance > usize::from(u8::MAX) && !layout.long[index][outcome] {
                        layout.long[index][outcome] = true;
                        changed = true;
                    }
                }
            }
            if !changed {
                return layout;
            }
        }
    }

    fn position(&self, target: Target) -> usize {
        match target {
            Target::Block(block) => self.starts[block],
            Target::Accept => self.accept,
            Target::Reject | Target::Open => self.reject,
        }
    }
}
