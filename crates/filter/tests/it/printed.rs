//! Programs as tcpdump prints them, and the programs that libpcap's own tests print.

use std::process::Command;

use filter::{Instruction, Options, Program, compile};

use crate::corpus;
use crate::generate::link;
use crate::random::Random;

/// Where the program is the same, the print is the same.
#[test]
fn prints_are_tcpdumps() {
    let expressions =
        ["ip", "tcp", "arp or rarp", "less 100", "ether[0] & 1 = 1", "ip[-0:4] = 5", "ether proto 0x88cc"];
    for expression in expressions {
        let program = compile(expression, &Options::new(packet::LinkType::ETHERNET)).unwrap();
        for (option, ours) in
            [("-d", program.disassemble()), ("-dd", program.dump_c()), ("-ddd", program.dump_decimal())]
        {
            let Ok(output) = Command::new("tcpdump").args(["-y", "EN10MB", option, expression]).output() else {
                return corpus::skipped("tcpdump");
            };
            let theirs = String::from_utf8(output.stdout).unwrap();
            assert_eq!(ours, theirs, "{expression} {option}");
        }
    }
}

/// Every kind of instruction, as libpcap's test prints them.
#[test]
fn every_instruction() {
    let rows = corpus::truth("filters_compile.jsonl");
    let Some(row) = rows.iter().find(|row| row["name"] == "bpf_image") else { return };
    let listing = row["unopt"].as_str().unwrap();
    let mut instructions = Vec::new();
    let mut expected = String::new();
    for line in listing.lines().filter(|line| !line.trim().is_empty()) {
        let (image, code) = line.rsplit_once("; 0x").unwrap();
        let image = image.trim_end();
        let code = u16::from_str_radix(code.trim(), 16).unwrap();
        let index = instructions.len() as u8;
        let jump = |name: &str| {
            let target = image.split(name).nth(1)?.trim().split(['\t', ' ']).next()?;
            Some(target.parse::<u8>().ok()? - index - 1)
        };
        // The test's instructions all have 15 as operand, and jumps 0 or 1.
        instructions.push(Instruction { code, jt: jump(" jt ").unwrap_or(0), jf: jump("\tjf ").unwrap_or(0), k: 15 });
        expected.push_str(image);
        expected.push('\n');
    }
    let ours = Program { instructions }.disassemble();
    for (ours, expected) in ours.lines().zip(expected.lines()) {
        assert_eq!(ours.trim_end(), expected.trim_end());
    }
}

/// Programs of libpcap's own tests have the verdicts of ours, on generated packets of the link type: also for what
/// libpcap 1.10.3 does not know (switch tags, `vxlan`).
#[test]
fn verdicts_of_printed_programs() {
    let mut random = Random::new(3);
    let (mut compared, mut different) = (0, Vec::new());
    for row in corpus::truth("filters_compile.jsonl") {
        let link_type = corpus::link_type(row["dlt"].as_str().unwrap()).unwrap();
        // Names of hosts, other systems, and other builds.
        let elsewhere = row["needs"].as_str().is_some_and(|needs| {
            ["hosts", "ethers", "networks", "os_not", "not_def1", "big_endian", "little_endian", "igrp88"]
                .iter()
                .any(|word| needs.contains(word))
        });
        let Some(theirs) = row["opt"].as_str().and_then(program) else { continue };
        // Later versions load less of an MTP3 label, know other values of AF_INET6, and leave old ARCnet types out.
        let changed =
            ["dpc <", "hdpc", "dpc !="].iter().any(|word| row["filters"][0].as_str().unwrap().starts_with(word))
                || ["PFLOG", "ARCNET", "ARCNET_LINUX"].contains(&row["dlt"].as_str().unwrap())
                    && row["filters"][0].as_str().unwrap().starts_with("link proto");
        if elsewhere || changed || row["linuxext"] == 1 {
            continue;
        }
        let netmask = row["netmask"].as_str().map(|_| 0xffff_ff00);
        let options =
            Options { snaplen: row["snaplen"].as_u64().unwrap_or(0) as u32, netmask, ..Options::new(link_type) };
        for expression in row["filters"].as_array().unwrap() {
            let expression = expression.as_str().unwrap();
            let ours = match compile(expression, &options) {
                Ok(program) => program,
                Err(error) => {
                    different.push(format!("{expression} [{}]: {error}", row["dlt"]));
                    continue;
                }
            };
            compared += 1;
            for _ in 0..60 {
                let frame = link::frame(&mut random, link_type.0);
                let (a, b) = (ours.run(&frame, frame.len() as u32), theirs.run(&frame, frame.len() as u32));
                if a != b {
                    different.push(format!("{expression} [{}]: {a} {b} {frame:02x?}", row["dlt"]));
                    break;
                }
            }
        }
    }
    assert!(different.is_empty(), "{} of {compared}:\n{}", different.len(), different.join("\n"));
}

/// Reads a program as `tcpdump -d` prints it.
fn program(listing: &str) -> Option<Program> {
    let mut instructions = Vec::new();
    for line in listing.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (index, rest) = line.strip_prefix('(')?.split_once(')')?;
        let index: usize = index.parse().ok()?;
        let rest = rest.trim();
        let (operation, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let (operand, targets) = rest.split_once(" jt ").unwrap_or((rest, ""));
        let skip = |target: &str| target.trim().parse::<usize>().ok().and_then(|to| u8::try_from(to - index - 1).ok());
        let (jt, jf) = match targets.split_once("jf ") {
            Some((jt, jf)) => (skip(jt)?, skip(jf)?),
            None => (0, 0),
        };
        let (code, k) = instruction(operation, operand.trim(), index)?;
        instructions.push(Instruction { code, jt, jf, k });
    }
    (!instructions.is_empty()).then_some(Program { instructions })
}

fn instruction(operation: &str, operand: &str, index: usize) -> Option<(u16, u32)> {
    let number = |text: &str| match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse::<i64>().ok().map(|value| value as u32),
    };
    let inside = |open: &str, close: &str| operand.strip_prefix(open)?.strip_suffix(close);
    let size = match operation {
        "ldh" => 0x08,
        "ldb" => 0x10,
        _ => 0x00,
    };
    let load = |class: u16| {
        if operand == "#pktlen" {
            return Some((class | 0x80, 0));
        }
        if let Some(register) = inside("M[", "]") {
            return Some((class | 0x60, number(register)?));
        }
        if let Some(offset) = inside("[x + ", "]") {
            return Some((class | 0x40 | size, number(offset)?));
        }
        if let Some(offset) = inside("4*([", "]&0xf)") {
            return Some((0xb1, number(offset)?));
        }
        if let Some(offset) = inside("[", "]") {
            return Some((class | 0x20 | size, number(offset)?));
        }
        Some((class, number(operand.strip_prefix('#')?)?))
    };
    let with = |code: u16| match operand {
        "x" => Some((code | 0x08, 0)),
        "" => Some((code, 0)),
        constant => Some((code, number(constant.strip_prefix('#')?)?)),
    };
    match operation {
        "ld" | "ldh" | "ldb" => load(0),
        "ldx" | "ldxb" => load(1),
        "st" => Some((2, number(inside("M[", "]")?)?)),
        "stx" => Some((3, number(inside("M[", "]")?)?)),
        "add" => with(0x04),
        "sub" => with(0x14),
        "mul" => with(0x24),
        "div" => with(0x34),
        "or" => with(0x44),
        "and" => with(0x54),
        "lsh" => with(0x64),
        "rsh" => with(0x74),
        "neg" => Some((0x84, 0)),
        "mod" => with(0x94),
        "xor" => with(0xa4),
        "ja" => Some((0x05, number(operand)?.wrapping_sub(index as u32 + 1))),
        "jeq" => with(0x15),
        "jgt" => with(0x25),
        "jge" => with(0x35),
        "jset" => with(0x45),
        "ret" => with(0x06),
        "tax" => Some((0x07, 0)),
        "txa" => Some((0x87, 0)),
        _ => None,
    }
}
