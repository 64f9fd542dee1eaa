//! libpcap on this machine, asked through a small C program.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use packet::LinkType;

use crate::corpus;

/// A question: an expression, and packets to try it on.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) link_type: LinkType,
    pub(crate) expression: String,
    pub(crate) packets: Vec<Packet>,
}

/// A packet's bytes, and its length on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Packet {
    pub(crate) bytes: Vec<u8>,
    pub(crate) wire_bytes: u32,
}

/// libpcap's answer; verdicts are `None` if it refuses the expression.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) unoptimised: Option<Vec<Verdict>>,
    pub(crate) optimised: Option<Vec<Verdict>>,
    pub(crate) errors: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Rejected,
    Accepted,
    Endless,
}

/// The netmask of the test's network, as `pcap_compile` takes it and as `Options` does.
pub(crate) const NETMASK: u32 = 0xffff_ff00;

/// Asks libpcap; `None` if there is none here.
pub(crate) fn ask(cases: &[Case], name: &str) -> Option<Vec<Answer>> {
    let program = program()?;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (input, output) = (folder.join(format!("{name}.in")), folder.join(format!("{name}.out")));
    let mut text = String::new();
    for case in cases {
        // libpcap means the mask's octets in memory order where the manual says host order.
        let _ = write!(text, "{} {NETMASK:x} ", case.link_type.0);
        hex(&mut text, case.expression.as_bytes());
        text.push(' ');
        for (index, packet) in case.packets.iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            let _ = write!(text, "{}:", packet.wire_bytes);
            hex(&mut text, &packet.bytes);
        }
        text.push('\n');
    }
    fs::write(&input, text).unwrap();
    let status = Command::new(program)
        .stdin(Stdio::from(File::open(&input).unwrap()))
        .stdout(Stdio::from(File::create(&output).unwrap()))
        .status()
        .unwrap();
    assert!(status.success(), "{status}");
    let answers: Vec<Answer> = fs::read_to_string(&output).unwrap().lines().map(answer).collect();
    assert_eq!(answers.len(), cases.len());
    Some(answers)
}

fn hex(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
}

fn answer(line: &str) -> Answer {
    let mut words = line.splitn(3, ' ');
    let mut verdicts = || {
        let word = words.next().unwrap();
        let verdict = |sign| match sign {
            '1' => Verdict::Accepted,
            '?' => Verdict::Endless,
            _ => Verdict::Rejected,
        };
        (!word.starts_with('-')).then(|| word.chars().map(verdict).collect())
    };
    Answer { unoptimised: verdicts(), optimised: verdicts(), errors: words.next().unwrap_or("").to_owned() }
}

/// The program that asks libpcap, built once.
fn program() -> Option<&'static Path> {
    static PROGRAM: OnceLock<Option<PathBuf>> = OnceLock::new();
    PROGRAM.get_or_init(build).as_deref()
}

fn build() -> Option<PathBuf> {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/oracle/oracle.c");
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("oracle");
    let built = Command::new("cc").args(["-O1", "-o"]).arg(&program).arg(source).args(["-lpcap", "-ldl"]).output();
    match built {
        Ok(output) if output.status.success() => Some(program),
        _ => {
            corpus::skipped("cc and libpcap-dev");
            None
        }
    }
}
