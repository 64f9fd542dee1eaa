//! The kernel's part: of packets of which nothing is kept it hands over a few bytes, whose number says by which policy, so
//! that they cost next to nothing and are counted all the same.

use filter::{Instruction, Program};
use packet::{LinkType, Packet};

use super::{Keep, Policy};
use crate::attach::{Filter, FilterTarget};

/// Policies that can have a mark: a frame has more bytes, a VLAN tag is put back into none of so few.
const MARKS_MAX: usize = 11;

/// Classes and operations of classic BPF (linux/bpf_common.h, linux/filter.h).
const CLASS: u16 = 0x07;
const LOAD: u16 = 0x00;
const LOAD_X: u16 = 0x01;
const RETURN: u16 = 0x06;
const MISC: u16 = 0x07;
const MODE: u16 = 0xe0;
const MODE_ABSOLUTE: u16 = 0x20;
const MODE_INDEXED: u16 = 0x40;
const MODE_LENGTH: u16 = 0x80;
/// `ldx 4*([k]&0xf)`: how long an IPv4 header is, at most 60 bytes.
const LOAD_HEADER_LENGTH: u16 = 0xb1;
const HEADER_BYTES_MAX: u32 = 60;
const LOAD_LENGTH: u16 = 0x80;
const JUMP: u16 = 0x05;
const JUMP_IF_GREATER_OR_EQUAL: u16 = 0x35;

/// The policy of whose packet the kernel left just a mark.
pub(super) fn marked(packet: &Packet<'_>, link_type: LinkType) -> Option<usize> {
    let bytes = packet.data.len();
    let is_mark = (1..=MARKS_MAX).contains(&bytes) && packet.wire_bytes as usize > MARKS_MAX && has_marks(link_type);
    is_mark.then(|| bytes - 1)
}

fn has_marks(link_type: LinkType) -> bool {
    matches!(link_type, LinkType::ETHERNET | LinkType::RAW)
}

impl Filter {
    /// The same, with packets marked of which policies keep nothing: what it accepts is more bytes, or a mark. Without such
    /// policies, or where they could not be judged in the kernel as exactly as behind it, it stays as it is.
    pub fn with_policies(filter: Option<Self>, policies: &[Policy]) -> Option<Self> {
        let last = policies.iter().take(MARKS_MAX).rposition(|policy| policy.keep == Keep::None);
        let Some(last) = last else { return filter };
        let policies = policies.get(..=last).unwrap_or_default().to_vec();
        Some(Self::new(move |target| {
            let wanted = filter.as_ref().map(|filter| filter.compile(*target).map_err(|error| error.to_string()));
            let wanted = wanted.transpose()?;
            let marking = if target.kernel && has_marks(target.link_type) { parts(&policies, *target) } else { None };
            let all = || Program { instructions: vec![Instruction { code: RETURN, jt: 0, jf: 0, k: u32::MAX }] };
            let Some(marking) = marking else { return Ok(wanted.unwrap_or_else(all)) };
            let joined = join(wanted.as_ref(), &marking);
            Ok(if joined.fits_kernel() { joined } else { wanted.unwrap_or_else(all) })
        }))
    }
}

/// The policies' programs, each with its mark if it has one; `None` if one of them cannot be judged in the kernel.
fn parts(policies: &[Policy], target: FilterTarget) -> Option<Vec<(Program, Option<u32>)>> {
    let mut parts = Vec::new();
    for (mark, policy) in (1..).zip(policies) {
        // What does not compile for these packets matches none of them.
        let Ok(program) = policy.filter.compile(target) else { continue };
        reach(&program)?;
        parts.push((program, (policy.keep == Keep::None).then_some(mark)));
    }
    Some(parts)
}

/// How many bytes of a packet a program can look at. Beyond a packet's end the kernel would drop it, whatever comes
/// behind, so packets that are shorter are not judged there. `None` if that cannot be told.
fn reach(program: &Program) -> Option<u32> {
    let mut reach = 0;
    for &Instruction { code, k, .. } in &program.instructions {
        let end = match (code & CLASS, code & MODE) {
            _ if code == LOAD_HEADER_LENGTH => k.checked_add(1)?,
            (LOAD, MODE_LENGTH) => 0,
            // Offsets from the top on are words about the packet, not bytes of it.
            (LOAD, MODE_ABSOLUTE) if k >= 0xffff_f000 => 0,
            (LOAD, MODE_ABSOLUTE) => k.checked_add(4)?,
            (LOAD, MODE_INDEXED) => k.checked_add(HEADER_BYTES_MAX + 4)?,
            // X may have come to be anything.
            (LOAD_X, _) => return None,
            (MISC, _) if code & 0xf8 == 0 => return None,
            _ => 0,
        };
        reach = reach.max(end);
    }
    Some(reach)
}

/// First what is wanted at all, then one policy after the other: the first that matches ends it.
fn join(wanted: Option<&Program>, parts: &[(Program, Option<u32>)]) -> Program {
    let plain = |code: u16, k: u32| Instruction { code, jt: 0, jf: 0, k };
    let mut all: Vec<Instruction> = Vec::new();
    let jump = |from: usize, to: usize| plain(JUMP, (to - from - 1) as u32);
    if let Some(wanted) = wanted {
        let end = wanted.instructions.len();
        for (place, instruction) in wanted.instructions.iter().enumerate() {
            let is_accepted = instruction.code == RETURN && instruction.k > 0;
            all.push(if is_accepted { jump(place, end) } else { *instruction });
        }
    }
    let reach = parts.iter().filter_map(|(program, _)| reach(program)).max().unwrap_or(0);
    all.push(plain(LOAD_LENGTH, 0));
    all.push(Instruction { code: JUMP_IF_GREATER_OR_EQUAL, jt: 1, jf: 0, k: reach });
    all.push(plain(RETURN, u32::MAX));
    for (program, mark) in parts {
        let (start, end) = (all.len(), all.len() + program.instructions.len());
        for (place, instruction) in program.instructions.iter().enumerate() {
            all.push(match (instruction.code, instruction.k) {
                (RETURN, 0) => jump(start + place, end),
                (RETURN, _) => plain(RETURN, mark.unwrap_or(u32::MAX)),
                _ => *instruction,
            });
        }
    }
    all.push(plain(RETURN, u32::MAX));
    Program { instructions: all }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(text: &'static str) -> Filter {
        Filter::new(move |target| {
            filter::compile(text, &filter::Options::new(target.link_type)).map_err(|error| error.to_string())
        })
    }

    fn policy(text: &'static str, keep: Keep) -> Policy {
        Policy { name: text.to_owned(), filter: filter(text), keep, lane: None }
    }

    fn compiled(wanted: Option<&'static str>, policies: &[Policy], kernel: bool) -> Program {
        let target = FilterTarget { link_type: LinkType::ETHERNET, kernel, netmask: None };
        let filter = Filter::with_policies(wanted.map(filter), policies).expect("a filter");
        filter.compile(target).expect("compiled")
    }

    /// UDP over IPv4 between two ports, padded.
    fn udp(port: u16) -> Vec<u8> {
        let mut bytes = vec![0; 12];
        bytes.extend([0x08, 0x00, 0x45, 0, 0, 60, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0x10, 0]);
        bytes.extend(port.to_be_bytes());
        bytes.resize(160, 0);
        bytes
    }

    #[test]
    fn packets_of_which_nothing_is_kept_are_marked() {
        let policies = [
            policy("udp port 53", Keep::Full),
            policy("udp port 5000", Keep::None),
            policy("udp port 53 or udp port 6000", Keep::None),
        ];
        for (wanted, port, expected) in [
            (None, 53, u32::MAX),
            (None, 5000, 2),
            (None, 6000, 3),
            (None, 7000, u32::MAX),
            (Some("not port 6000"), 6000, 0),
            (Some("not port 6000"), 5000, 2),
            (Some("not port 6000"), 53, u32::MAX),
        ] {
            let program = compiled(wanted, &policies, true);
            let bytes = udp(port);
            assert_eq!(program.run(&bytes, bytes.len() as u32), expected, "{wanted:?} {port}");
        }
    }

    #[test]
    fn short_packets_are_never_lost_in_the_kernel() {
        let policies = [policy("udp port 5000", Keep::None)];
        let program = compiled(None, &policies, true);
        let bytes = udp(5000);
        for length in 14..bytes.len() {
            let found = program.run(&bytes[..length], length as u32);
            assert!(matches!(found, 1 | u32::MAX), "{length}: {found}");
        }
        // Where the place depends on what the packet says, the recorder judges.
        let policies = [policy("udp[udp[0]] = 1", Keep::None)];
        assert_eq!(compiled(None, &policies, true).instructions.len(), 1);
        assert_eq!(compiled(None, &[policy("udp port 5000", Keep::None)], false).instructions.len(), 1);
    }
}
