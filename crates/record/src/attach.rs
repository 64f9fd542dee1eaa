//! Filters: programs for the kernel, and the machine for what the kernel cannot sort out.

use std::fmt;
use std::sync::Arc;

use filter::{Instruction, Program};
use packet::LinkType;

use crate::Error;
use crate::link::Link;

/// Compiles a filter expression for a link type, whenever an interface with that link type comes up.
#[derive(Clone)]
pub struct Filter(Arc<Compile>);

type Compile = dyn Fn(&FilterTarget) -> Result<Program, String> + Send + Sync;

/// What a filter is to be compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilterTarget {
    /// The link type of the packets.
    pub link_type: LinkType,
    /// The program runs in the kernel, where VLAN tags may stand beside the packet.
    pub kernel: bool,
    /// The interface's IPv4 network mask, for `ip broadcast`.
    pub netmask: Option<u32>,
}

impl Filter {
    /// The message of an error is shown to people.
    pub fn new(compile: impl Fn(&FilterTarget) -> Result<Program, String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(compile))
    }

    pub(crate) fn compile(&self, target: FilterTarget) -> Result<Program, Error> {
        (self.0)(&target).map_err(|message| Error::Filter { link_type: target.link_type, message })
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Filter")
    }
}

/// What sorts packets out after they left the ring, where the kernel's program could not.
#[derive(Clone, Debug)]
pub(crate) enum Screen {
    /// The kernel did it.
    Passed,
    Program(Arc<Program>),
    /// No packet of this link type can match.
    Nothing,
}

/// The program for a ring on one interface.
pub(crate) fn program(
    filter: Option<&Filter>,
    link: Link,
    netmask: Option<u32>,
    snaplen: u32,
) -> Result<Vec<libc::sock_filter>, Error> {
    let Some(filter) = filter else { return Ok(accept(snaplen)) };
    let compiled = filter.compile(FilterTarget { link_type: link.link_type, kernel: true, netmask })?;
    Ok(if link.cooked { accept(snaplen) } else { for_kernel(&compiled, snaplen).unwrap_or_else(|| accept(snaplen)) })
}

/// The program for a ring on all interfaces: it asks for the interface's type and goes on with the program for that.
pub(crate) fn shared_program(filter: Option<&Filter>, snaplen: u32) -> Result<Vec<libc::sock_filter>, Error> {
    let Some(filter) = filter else { return Ok(accept(snaplen)) };
    let compile = |link_type| filter.compile(FilterTarget { link_type, kernel: true, netmask: None });
    let ethernet = for_kernel(&compile(LinkType::ETHERNET)?, snaplen).unwrap_or_else(|| accept(snaplen));
    // An expression that only Ethernet knows matches no raw IP packet.
    let raw = match compile(LinkType::RAW) {
        Ok(program) => for_kernel(&program, snaplen).unwrap_or_else(|| accept(snaplen)),
        Err(_) => vec![ret(0)],
    };
    let parts = [(ETHERNET_TYPES, ethernet), (RAW_TYPES, raw)];
    let dispatched = dispatch(&parts, snaplen);
    Ok(if dispatched.len() <= Program::KERNEL_INSTRUCTIONS_MAX { dispatched } else { accept(snaplen) })
}

/// What is left to sort out for packets of this link.
pub(crate) fn screen(filter: Option<&Filter>, link: Link, netmask: Option<u32>, shared: bool) -> Screen {
    let Some(filter) = filter else { return Screen::Passed };
    let netmask = if shared { None } else { netmask };
    let target = FilterTarget { link_type: link.link_type, kernel: true, netmask };
    let in_kernel = if shared {
        shared_program(Some(filter), 1).is_ok_and(|program| program.len() > 1)
            && matches!(link.link_type, LinkType::ETHERNET | LinkType::RAW)
    } else {
        !link.cooked && filter.compile(target).is_ok_and(|program| for_kernel(&program, 1).is_some())
    };
    if in_kernel {
        return Screen::Passed;
    }
    match filter.compile(FilterTarget { kernel: false, ..target }) {
        Ok(program) => Screen::Program(Arc::new(program)),
        Err(_) => Screen::Nothing,
    }
}

/// ARPHRD_ values of interfaces with Ethernet frames, and of those with raw IP.
const ETHERNET_TYPES: &[u16] = &[libc::ARPHRD_ETHER, libc::ARPHRD_LOOPBACK, libc::ARPHRD_METRICOM];
const RAW_TYPES: &[u16] = &[libc::ARPHRD_NONE, libc::ARPHRD_TUNNEL, libc::ARPHRD_SIT];

/// `SKF_AD_OFF + SKF_AD_HATYPE` (linux/filter.h): the type of the interface that the packet passed.
const HARDWARE_TYPE: u32 = (-0x1000_i32 + 28) as u32;
const LOAD_HALF_ABSOLUTE: u16 = 0x28;
const JUMP_IF_EQUAL: u16 = 0x15;
const JUMP: u16 = 0x05;
const RETURN: u16 = 0x06;

fn accept(snaplen: u32) -> Vec<libc::sock_filter> {
    vec![ret(snaplen)]
}

fn ret(bytes: u32) -> libc::sock_filter {
    libc::sock_filter { code: RETURN, jt: 0, jf: 0, k: bytes }
}

/// With returns of the snaplen; `None` if the kernel would not take it.
fn for_kernel(program: &Program, snaplen: u32) -> Option<Vec<libc::sock_filter>> {
    let instruction = |&Instruction { code, jt, jf, k }: &Instruction| {
        let k = if code == RETURN { k.min(snaplen) } else { k };
        libc::sock_filter { code, jt, jf, k }
    };
    program.fits_kernel().then(|| program.instructions.iter().map(instruction).collect())
}

/// Of other types everything passes; it is sorted out after the ring.
fn dispatch(parts: &[(&[u16], Vec<libc::sock_filter>)], snaplen: u32) -> Vec<libc::sock_filter> {
    let tests: usize = parts.iter().map(|(types, _)| 2 * types.len()).sum();
    let mut program = vec![libc::sock_filter { code: LOAD_HALF_ABSOLUTE, jt: 0, jf: 0, k: HARDWARE_TYPE }];
    // Behind the load and the tests stands the return for other types, then the programs.
    let mut start = 1 + tests + 1;
    for (types, part) in parts {
        for &hardware in *types {
            program.push(libc::sock_filter { code: JUMP_IF_EQUAL, jt: 0, jf: 1, k: hardware.into() });
            let distance = start - (program.len() + 1);
            program.push(libc::sock_filter { code: JUMP, jt: 0, jf: 0, k: distance as u32 });
        }
        start += part.len();
    }
    program.push(ret(snaplen));
    for (_, part) in parts {
        program.extend_from_slice(part);
    }
    program
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_jumps_to_its_own_program() {
        let parts: [(&[u16], _); 2] = [(&[1, 772], vec![ret(11), ret(12)]), (&[65534], vec![ret(22)])];
        let program = dispatch(&parts, 9);
        let run = |hardware: u32| {
            let mut at = 1;
            loop {
                let step = program[at];
                at += match step.code {
                    RETURN => return step.k,
                    JUMP => step.k as usize,
                    JUMP_IF_EQUAL => usize::from(if step.k == hardware { step.jt } else { step.jf }),
                    _ => unreachable!("not in this program"),
                } + 1;
            }
        };
        assert_eq!([1, 772, 65534, 512].map(run), [11, 11, 22, 9]);
    }

    #[test]
    fn programs_keep_no_more_than_the_snaplen() {
        let compile = |_: &FilterTarget| {
            let plain = |code, k| Instruction { code, jt: 0, jf: 0, k };
            Ok(Program { instructions: vec![plain(0x28, 12), plain(RETURN, 262_144)] })
        };
        let filter = Filter::new(compile);
        let kept = |link| {
            program(Some(&filter), link, None, 96).unwrap().iter().map(|one| (one.code, one.k)).collect::<Vec<_>>()
        };
        assert_eq!(kept(Link::of_hardware(libc::ARPHRD_ETHER)), [(0x28, 12), (RETURN, 96)]);
        // A cooked header is put in place after the ring only.
        assert_eq!(kept(Link::of_hardware(libc::ARPHRD_IPGRE)), [(RETURN, 96)]);
    }
}
