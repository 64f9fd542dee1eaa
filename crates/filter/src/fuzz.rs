//! Any bytes as expressions and questions.

use packet::{LinkType, Timestamp};

use crate::bpf::Program;
use crate::{Hosts, Options, compile, parse_question};

/// Compiles any bytes as an expression, runs the program on them, and parses them as a question.
///
/// The first two bytes choose the link type, the third whether the program is for the kernel. Expressions are compiled
/// without panic in bounded time and memory, whatever they are; programs end, and only jump within themselves.
pub fn fuzz_compile(data: &[u8]) {
    let Some(([l0, l1, kernel], data)) = data.split_first_chunk::<3>() else { return };
    let text = String::from_utf8_lossy(data);
    let hosts = Hosts::parse("10.0.0.1 alpha\n2001:db8::1 alpha beta");
    let options = Options {
        netmask: Some(0xffff_ff00),
        resolver: &hosts,
        linux_ancillary: *kernel & 1 == 1,
        ..Options::new(LinkType(u16::from_le_bytes([*l0, *l1])))
    };
    match compile(&text, &options) {
        Ok(program) => {
            check(&program);
            program.matches(data, data.len() as u32);
            let _ = program.disassemble();
        }
        Err(error) => drop(error.underlined(&text)),
    }
    let time = |text: &str| text.parse().ok().map(Timestamp);
    match parse_question(&text, &time) {
        Ok(question) => drop(question.compile_for(options.link_type, &hosts)),
        Err(error) => drop(error.underlined(&text)),
    }
}

fn check(program: &Program) {
    let last = program.instructions.last().map(|instruction| instruction.code);
    assert_eq!(last, Some(0x06), "the last instruction returns");
    for (index, instruction) in program.instructions.iter().enumerate() {
        if instruction.is_jump() && instruction.code != 0x05 {
            let farthest = index + 1 + usize::from(instruction.jt.max(instruction.jf));
            assert!(farthest < program.instructions.len(), "a jump leads outside");
        }
    }
}
