//! Large expressions: long jumps, limits, and depth.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use filter::{Options, Program, compile, fuzz_compile, parse_question};
use packet::LinkType;

use crate::oracle::{self, Case, Packet, Verdict};

fn hosts(number: usize) -> String {
    let mut text = String::from("not (");
    for index in 0..number {
        let joint = if index > 0 { " or " } else { "" };
        let _ = write!(text, "{joint}host 10.{}.{}.{}", index >> 16, index >> 8 & 255, index & 255);
    }
    text.push_str(") and tcp");
    text
}

fn tcp(last: [u8; 4]) -> Packet {
    let mut bytes = vec![0; 12];
    bytes.extend([8, 0, 0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0]);
    bytes.extend(last);
    bytes.extend([1, 2, 3, 4]);
    bytes.extend([0; 20]);
    Packet { wire_bytes: bytes.len() as u32, bytes }
}

/// Jumps over more than 255 instructions lead where libpcap's do.
#[test]
fn long_jumps() {
    let expression = hosts(1500);
    let packets = vec![tcp([10, 0, 0, 0]), tcp([10, 0, 5, 219]), tcp([10, 0, 5, 220]), tcp([9, 9, 9, 9])];
    let program = compile(&expression, &Options::new(LinkType::ETHERNET)).unwrap();
    let ours: Vec<bool> = packets.iter().map(|packet| program.matches(&packet.bytes, packet.wire_bytes)).collect();
    assert_eq!(ours, [false, false, true, true]);
    let case = Case { link_type: LinkType::ETHERNET, expression, packets };
    let Some(answers) = oracle::ask(&[case], "long") else { return };
    let accepted = |verdicts: &Vec<Verdict>| verdicts.iter().map(|&verdict| verdict == Verdict::Accepted).collect();
    assert_eq!(answers[0].optimised.as_ref().map(accepted), Some(ours));
}

/// The kernel's limit is said; without the kernel there is none.
#[test]
fn instructions_are_limited_for_the_kernel() {
    let expression = hosts(3000);
    let options = Options::new(LinkType::ETHERNET);
    let program = compile(&expression, &options).unwrap();
    assert!(program.instructions.len() > Program::KERNEL_INSTRUCTIONS_MAX);
    let error = compile(&expression, &Options { linux_ancillary: true, ..options }).unwrap_err();
    assert!(error.message.contains("4096"), "{error}");
}

/// Nothing hangs, overflows the stack or takes much memory.
#[test]
fn hostile_expressions() {
    let started = Instant::now();
    let nested = |open: &str, close: &str| format!("{}ip{}", open.repeat(5000), close.repeat(5000));
    let hostile = [
        nested("(", ")"),
        nested("not (", ")"),
        "not ".repeat(100_001) + "ip",
        "1+".repeat(50_000) + "1=1",
        "tcp[0]+".repeat(50_000) + "1=1",
        "1%".repeat(50_000) + "1=1",
        "-".repeat(50_000) + "1=1",
        "ip[".repeat(5000) + "0" + &"]".repeat(5000) + "=1",
        "l1 or ".repeat(50_000) + "l1",
        "port ".to_owned() + &"80 or ".repeat(50_000) + "80",
        "protochain 6 or ".repeat(20_000) + "ip",
        "geneve and ".repeat(1000) + "ip",
        "::".repeat(100_000),
        "1:".repeat(100_000),
        "1::".repeat(100_000) + ")",
        "host 1 ".repeat(50_000),
        "a-".repeat(100_000),
        "a".repeat(1 << 20),
        "src_port in (".to_owned() + &"1,".repeat(100_000) + "1)",
        "tls_sni ~ \"".to_owned() + &"(a{1000}){1000}".repeat(3) + "\"",
        "tls_sni like \"".to_owned() + &"*a".repeat(1000) + "\"",
        "(".repeat(5000) + "src_port=1",
        "src_port=1 or ".repeat(50_000) + "src_port=1",
    ];
    for text in &hostile {
        for link_type in [1u8, 105] {
            let mut data = vec![link_type, 0, 0];
            data.extend_from_slice(text.as_bytes());
            fuzz_compile(&data);
        }
        let _ = parse_question(text, &|_| None);
    }
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
}
