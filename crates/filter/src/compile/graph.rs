//! Tests joined into a graph: each block loads something, tests it, and goes on to one of two places.

use crate::bpf::Instruction;
use crate::bpf::code;

/// Index of a block in its graph.
pub(super) type BlockId = usize;

/// Where a test leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// Not decided yet.
    Open,
    Block(BlockId),
    Accept,
    Reject,
}

/// Statements and the test after them. Jumps within the statements are relative; falling off the end leads to the test.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) body: Vec<Instruction>,
    pub(super) test: u16,
    pub(super) k: u32,
    /// Where it leads when the test fails, and when it holds.
    pub(super) targets: [Target; 2],
}

/// A condition: where it starts, and which tests decide it (the block and the outcome that leads out).
#[derive(Clone, Debug)]
pub(super) struct Condition {
    pub(super) first: BlockId,
    open: [Vec<(BlockId, bool)>; 2],
}

/// All tests of a program.
#[derive(Clone, Debug, Default)]
pub(super) struct Graph {
    pub(super) blocks: Vec<Block>,
    /// libpcap does not optimise the program: every load must be done as it stands.
    pub(super) is_literal: bool,
}

impl Graph {
    /// A condition of one test (`JEQ`, `JGT`, `JGE` or `JSET`, with `K` or `X`) after some statements.
    pub(super) fn test(&mut self, body: Vec<Instruction>, test: u16, k: u32) -> Condition {
        let block = self.blocks.len();
        self.blocks.push(Block { body, test: test | code::JMP, k, targets: [Target::Open; 2] });
        Condition { first: block, open: [vec![(block, false)], vec![(block, true)]] }
    }

    /// Always true, or always false; tested at run time so that statements can be put before it.
    pub(super) fn constant(&mut self, value: bool) -> Condition {
        let body = vec![Instruction::plain(code::LD | code::IMM, u32::from(!value))];
        self.test(body, code::JEQ, 0)
    }

    /// Both; the second is tested only if the first holds.
    pub(super) fn and(&mut self, first: Condition, second: Condition) -> Condition {
        self.joined(first, second, true)
    }

    /// Either; the second is tested only if the first does not hold.
    pub(super) fn or(&mut self, first: Condition, second: Condition) -> Condition {
        self.joined(first, second, false)
    }

    /// The opposite.
    pub(super) fn not(&mut self, condition: Condition) -> Condition {
        let Condition { first, open: [on_false, on_true] } = condition;
        Condition { first, open: [on_true, on_false] }
    }

    fn joined(&mut self, first: Condition, second: Condition, on: bool) -> Condition {
        let Condition { first: start, mut open } = first;
        let [on_false, on_true] = second.open;
        for (block, outcome) in std::mem::take(&mut open[usize::from(on)]) {
            self.lead(block, outcome, Target::Block(second.first));
        }
        open[0].extend(on_false);
        open[1].extend(on_true);
        Condition { first: start, open }
    }

    /// Lets the condition decide about the packet.
    pub(super) fn finish(&mut self, condition: &Condition) {
        for (on, target) in [(0, Target::Reject), (1, Target::Accept)] {
            for &(block, outcome) in &condition.open[on] {
                self.lead(block, outcome, target);
            }
        }
    }

    fn lead(&mut self, block: BlockId, outcome: bool, target: Target) {
        self.blocks[block].targets[usize::from(outcome)] = target;
    }

    /// Blocks that can be reached, each before those that it leads to; what follows when a test holds comes next.
    pub(super) fn order(&self, first: BlockId) -> Vec<BlockId> {
        let mut visited = vec![false; self.blocks.len()];
        let mut after_children = Vec::new();
        let mut stack = vec![(first, 0)];
        visited[first] = true;
        while let Some((block, next)) = stack.pop() {
            let Some(&target) = self.blocks[block].targets.get(next) else {
                after_children.push(block);
                continue;
            };
            stack.push((block, next + 1));
            if let Target::Block(child) = target
                && !visited[child]
            {
                visited[child] = true;
                stack.push((child, 0));
            }
        }
        after_children.reverse();
        after_children
    }
}
