//! Expressions that are a little wrong: words of a good one left out, doubled, swapped or replaced.

use super::term::PROTOCOL_WORDS;
use crate::random::Random;

const WORDS: &[&str] = &[
    "and",
    "or",
    "not",
    "!",
    "(",
    ")",
    "host",
    "net",
    "port",
    "portrange",
    "proto",
    "protochain",
    "src",
    "dst",
    "80",
    "1.2.3.4",
    "::1",
    "alpha",
    "len",
    "=",
    ">",
    "[",
    "]",
    ":",
    "+",
    "-",
    "*",
    "/",
    "%",
    "&",
    "|",
    "^",
    "<<",
    ">>",
    "mask",
    "vlan",
    "mpls",
    "type",
    "subtype",
    "dir",
    "less",
    "greater",
    "broadcast",
    "1:2:3:4:5:6",
    "1.2",
    "\\tcp",
    "0x10",
    "$1f",
    "10.0.0.0/8",
    "&&",
    "||",
    "!=",
    "<=",
    "byte",
    "gateway",
    "llc",
    "rnr",
    "pppoes",
    "geneve",
    "ra",
    "addr2",
    "ether",
    "tcp-syn",
    "1-2",
    "vpi",
];

/// A variation of an expression that may be wrong.
pub(crate) fn vary(random: &mut Random, expression: &str) -> String {
    let mut words: Vec<String> = split(expression);
    for _ in 0..=random.below(2) {
        let at = random.below(words.len());
        match random.below(5) {
            0 if words.len() > 1 => {
                words.remove(at);
            }
            1 => words.insert(at, words[at].clone()),
            2 => {
                let other = random.below(words.len());
                words.swap(at, other);
            }
            3 => words.insert(at, word(random)),
            _ => words[at] = word(random),
        }
    }
    words.join(" ")
}

fn word(random: &mut Random) -> String {
    if random.once_in(4) { random.pick(PROTOCOL_WORDS).to_owned() } else { random.pick(WORDS).to_owned() }
}

/// Splits at blanks and around signs that stand alone.
fn split(expression: &str) -> Vec<String> {
    let mut words = Vec::new();
    for word in expression.split_whitespace() {
        let mut rest = String::new();
        for c in word.chars() {
            if "()[]".contains(c) {
                if !rest.is_empty() {
                    words.push(std::mem::take(&mut rest));
                }
                words.push(c.to_string());
            } else {
                rest.push(c);
            }
        }
        if !rest.is_empty() {
            words.push(rest);
        }
    }
    words
}
