//! Random comparisons of arithmetic expressions.

use super::expression::Expressions;
use super::term::has_radio_header;

const OPERATIONS: &[&str] = &["+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>", "+", "&"];

impl Expressions<'_> {
    /// A comparison.
    pub(crate) fn arithmetic_term(&mut self) -> String {
        self.has_arithmetic = true;
        let known = [
            "tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn",
            "icmp[icmptype] = icmp-echo",
            "icmp6[icmp6type] != icmp6-neighborsolicit",
            "ip[6:2] & 0x3fff != 0",
            "tcp[((tcp[12:1] & 0xf0) >> 2):4] = 0x47455420",
            "ether[0] & 1 = 0 and ip[16] >= 224",
            "tcp[13] = 2",
            "udp[4:2] > 40",
            "ip[2:2] - ((ip[0]&0xf)<<2) - ((tcp[12]&0xf0)>>2) != 0",
        ];
        if self.once_in(4) {
            return known[self.random.below(known.len())].to_owned();
        }
        let comparison = self.pick(&["=", "==", "!=", "<", "<=", ">", ">="]);
        let (left, right) = (self.arithmetic(0), if self.once_in(3) { self.arithmetic(1) } else { self.number() });
        let space = self.pick(&[" ", ""]);
        format!("{left}{space}{comparison}{space}{right}")
    }

    fn number(&mut self) -> String {
        match self.random.below(8) {
            0 => format!("{:#x}", self.random.next() as u32),
            1 => format!("0{:o}", self.random.below(256)),
            2 => self
                .pick(&["tcp-syn", "icmp-echo", "tcp-ack", "icmp6-echo", "4294967295", "65535", "icmpcode", "(7)"])
                .to_owned(),
            _ => self.random.below(300).to_string(),
        }
    }

    fn arithmetic(&mut self, depth: usize) -> String {
        match self.random.below(if depth > 3 { 6 } else { 11 }) {
            0 => self.number(),
            1..=4 => self.byte_load(depth),
            5 => "len".to_owned(),
            6 => format!("-{}", self.arithmetic(depth + 1)),
            7 => format!("({})", self.arithmetic(depth + 1)),
            _ => {
                let operation = self.pick(OPERATIONS);
                let left = self.arithmetic(depth + 1);
                // Divisions by what may be zero are tested, but mostly the divisor is not.
                let right = match operation {
                    "<<" | ">>" => self.random.below(34).to_string(),
                    "/" | "%" if !self.once_in(4) => (1 + self.random.below(9)).to_string(),
                    _ => self.arithmetic(depth + 1),
                };
                let space = self.pick(&[" ", ""]);
                format!("{left}{space}{operation}{space}{right}")
            }
        }
    }

    fn byte_load(&mut self, depth: usize) -> String {
        let radio = has_radio_header(self.link_type) && self.once_in(5);
        let protocol = if radio || self.once_in(60) {
            "radio"
        } else {
            self.pick(&[
                "ether", "link", "ip", "ip", "ip6", "tcp", "tcp", "udp", "arp", "rarp", "icmp", "icmp6", "sctp",
                "igmp", "igrp", "pim", "vrrp", "carp", "atalk", "decnet", "lat", "sca", "mopdl", "moprc",
            ])
        };
        let offset = match self.random.below(8) {
            0 if depth < 3 => self.arithmetic(depth + 2),
            1 => self.pick(&["-4", "0xffffffff", "4294967280", "len - 4", "ip[0] & 0xf", "1 + 2"]).to_owned(),
            _ => self.random.below(24).to_string(),
        };
        let size = self.pick(&["", "", ":1", ":2", ":4", " : 2"]);
        format!("{protocol}[{offset}{size}]")
    }
}
