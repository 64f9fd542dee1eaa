//! Generated expressions, times packets changed at the fields that they test, against libpcap on this machine.
//!
//! `WIRETAPE_FILTER_SEED` repeats a run, `WIRETAPE_FILTER_CASES` makes it longer.

use std::net::IpAddr;

use filter::{Error, Options, Program, Resolver, compile};
use packet::LinkType;

use crate::corpus::LINK_TYPES;
use crate::generate::expression::{Expressions, OFFSETS_FIRST};
use crate::generate::term::{has_radio_header, has_variable_offsets};
use crate::generate::{link, mutate, soup};
use crate::oracle::{self, Answer, Case, NETMASK, Packet, Verdict};
use crate::random::Random;

const CASES: usize = 10_000;
const PACKETS: usize = 20;

/// The names that the oracle knows too.
struct Names;

impl Resolver for Names {
    fn host(&self, name: &str) -> Vec<IpAddr> {
        let addresses: &[&str] = match name {
            "alpha" => &["10.0.0.1"],
            "beta" => &["10.0.0.1", "10.0.0.2"],
            "gamma" => &["2001:db8::1", "10.0.0.2"],
            "delta" => &["2001:db8::1"],
            _ => &[],
        };
        addresses.iter().map(|address| address.parse().unwrap()).collect()
    }
}

fn environment(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().expect(name))
}

/// Every link type that libpcap 1.10.3 knows; the two with switch tags are ours alone.
fn link_types() -> Vec<u16> {
    LINK_TYPES.iter().map(|&(_, number)| number).filter(|number| !matches!(number, 281 | 284)).collect()
}

fn options(link_type: LinkType) -> Options<'static> {
    Options { netmask: Some(NETMASK), resolver: &Names, ..Options::new(link_type) }
}

/// Verdicts and refusals are libpcap's.
#[test]
fn verdicts_are_libpcaps() {
    let seed = environment("WIRETAPE_FILTER_SEED", 1);
    let number = environment("WIRETAPE_FILTER_CASES", CASES as u64) as usize;
    eprintln!("seed {seed}, {number} cases");
    let mut random = Random::new(seed);
    let link_types = link_types();
    let cases: Vec<Case> = (0..number).map(|index| case(&mut random, &link_types, index)).collect();
    let Some(answers) = oracle::ask(&cases, "verdicts") else { return };
    let mut tally = Tally::default();
    let mut wrong = Vec::new();
    for (case, answer) in cases.iter().zip(&answers) {
        if has_fault_of_libpcap(case) {
            tally.faults_of_libpcap += 1;
        } else if let Err(message) = judge(case, answer, &mut tally) {
            wrong.push(message);
        }
    }
    eprintln!("{tally:?}");
    let shown = environment("WIRETAPE_FILTER_SHOWN", 12) as usize;
    assert!(wrong.is_empty(), "{} wrong, seed {seed}:\n{}", wrong.len(), wrong[..wrong.len().min(shown)].join("\n"));
    if number >= CASES {
        assert!(tally.compiled > number / 2 && tally.accepted_packets > number, "{tally:?}");
    }
}

#[derive(Debug, Default)]
struct Tally {
    faults_of_libpcap: usize,
    compiled: usize,
    refused: usize,
    packets: usize,
    accepted_packets: usize,
    /// Packets on which libpcap's two programs differ, and ours agrees with the optimised one.
    optimised_differs: usize,
    optimised_agrees: usize,
}

fn case(random: &mut Random, link_types: &[u16], index: usize) -> Case {
    // Ethernet is half of the world.
    let link_type = if random.once_in(2) { 1 } else { link_types[index % link_types.len()] };
    let mut expression = String::new();
    for _ in 0..4 {
        let mut expressions =
            Expressions { random, link_type, inherits: None, has_arithmetic: false, has_tunnel: false };
        expression = expressions.expression();
        if compile(&expression, &options(LinkType(link_type))).is_ok() {
            break;
        }
    }
    if random.once_in(6) {
        expression = soup::vary(random, &expression);
    }
    let mut packets: Vec<Packet> = (0..PACKETS / 4)
        .map(|_| {
            let bytes = link::frame(random, link_type);
            let longer = if random.once_in(8) { random.below(2000) } else { 0 };
            Packet { wire_bytes: (bytes.len() + longer) as u32, bytes }
        })
        .collect();
    packets.push(Packet { bytes: Vec::new(), wire_bytes: 0 });
    let link_type = LinkType(link_type);
    if let Ok(program) = compile(&expression, &options(link_type)) {
        packets = mutate::variations(random, &program, packets, PACKETS);
    }
    Case { link_type, expression, packets }
}

fn judge(case: &Case, answer: &Answer, tally: &mut Tally) -> Result<(), String> {
    let ours = compile(&case.expression, &options(case.link_type));
    let shown = format!("{} [{}]", case.expression, case.link_type.0);
    match (ours, &answer.unoptimised) {
        (Ok(program), Some(unoptimised)) => {
            tally.compiled += 1;
            verdicts(case, &program, unoptimised, answer.optimised.as_deref(), tally)
                .map_err(|difference| format!("{shown}\n  {difference}\n{}", program.disassemble()))
        }
        (Err(error), None) => {
            tally.refused += 1;
            let underlined = error.underlined(&case.expression);
            if underlined.contains('^') { Ok(()) } else { Err(format!("{shown}\n  no place: {error}")) }
        }
        (Ok(_), None) if accepted_on_purpose(&answer.errors, case) => Ok(()),
        (Ok(_), None) => Err(format!("{shown}\n  accepted, but libpcap says: {}", answer.errors)),
        (Err(error), Some(_)) if refused_on_purpose(&error, answer) => Ok(()),
        (Err(error), Some(_)) => Err(format!("{shown}\n  refused: {}\n{}", error, error.underlined(&case.expression))),
    }
}

fn verdicts(
    case: &Case,
    program: &Program,
    unoptimised: &[Verdict],
    optimised: Option<&[Verdict]>,
    tally: &mut Tally,
) -> Result<(), String> {
    for (index, packet) in case.packets.iter().enumerate() {
        // libpcap reads registers that it has not set after a tunnel that did not match: its verdict is chance.
        if is_swapped_family(case.link_type, packet) || mutate::reads_unset_register(program, packet) {
            continue;
        }
        let ours =
            if program.matches(&packet.bytes, packet.wire_bytes) { Verdict::Accepted } else { Verdict::Rejected };
        tally.packets += 1;
        tally.accepted_packets += usize::from(ours == Verdict::Accepted);
        let plain = unoptimised[index];
        let best = optimised.map_or(plain, |verdicts| verdicts[index]);
        if plain != best {
            tally.optimised_differs += 1;
            tally.optimised_agrees += usize::from(ours == best);
        }
        if plain != ours && best != ours && plain != Verdict::Endless {
            return Err(format!(
                "{ours:?}, libpcap {plain:?}, optimised {best:?}: {} {:02x?}",
                packet.wire_bytes, packet.bytes
            ));
        }
    }
    Ok(())
}

/// Loopback packets whose address family is in the other byte order match by design: packets that were copied into
/// another file keep the order of the machine that they were captured on.
fn is_swapped_family(link_type: LinkType, packet: &Packet) -> bool {
    matches!(link_type.0, 0 | 109) && matches!(packet.bytes[..], [0, 0, 0, 2 | 24 | 28 | 30, ..])
}

/// What libpcap 1.10.3 gets wrong, and later versions or its manual say otherwise: docs/filters.md lists it.
fn has_fault_of_libpcap(case: &Case) -> bool {
    let words: Vec<&str> = case.expression.split_whitespace().collect();
    let has = |word: &str| words.iter().any(|known| known.trim_matches(['(', ')', '!']) == word);
    let link_type = case.link_type.0;
    let is_tested = |known: &[&str]| {
        words.windows(2).any(|pair| matches!(pair, [field, "!="] if known.contains(&field.trim_matches(['(', '!']))))
    };
    // Never loads the byte.
    let byte = words.windows(3).any(|three| matches!(three, [byte, _, "&" | "|"] if byte.ends_with("byte")));
    // Takes the $ of an ARCnet address for a digit.
    let arcnet = case.expression.contains('$');
    // Takes != for =.
    let unequal = is_tested(&["vpi", "vci", "sio", "opc", "dpc", "sls", "hsio", "hopc", "hdpc", "hsls"]);
    // Sets the registers of the innermost header only.
    let tunnel = has_variable_offsets(link_type) && has("geneve") || has_radio_header(link_type) && has("pppoes");
    // Computes offsets into registers that earlier arithmetic overwrites.
    let arithmetic = case.expression.contains(['<', '>', '=']) && !case.expression.starts_with(OFFSETS_FIRST);
    byte || arcnet || unequal || tunnel || arithmetic && has_variable_offsets(link_type)
}

/// What this crate takes and libpcap 1.10.3 does not.
fn accepted_on_purpose(errors: &str, case: &Case) -> bool {
    // Registers are used more sparingly, and 802.11 behind PPI can be tested, as in later versions.
    errors.contains("too many registers")
        || case.link_type.0 == 192 && (errors.contains("supported only on 802.11") || errors.contains("802.11 headers"))
        || errors.contains("'arp' modifier applied to ip6 host")
        || errors.contains("'rarp' modifier applied to ip6 host")
        || case.link_type.0 == 165 && (errors.contains("broadcast") || errors.contains("aid supported"))
}

/// What libpcap 1.10.3 takes and this crate does not: later versions refuse it too, or its optimiser does.
fn refused_on_purpose(error: &Error, answer: &Answer) -> bool {
    let never = || answer.unoptimised.iter().flatten().all(|&verdict| verdict == Verdict::Rejected);
    error.message.contains("greater than maximum")
        || error.message.contains("a byte is at most 255")
        || error.message.contains("malformed decnet address")
        || error.message.contains("invalid 802.11 direction")
        || error.message == "expression rejects all packets" && never()
        || error.message.ends_with("by zero")
        || error.message == "shift by more than 31 bits"
}
