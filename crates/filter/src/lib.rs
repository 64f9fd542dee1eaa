//! pcap-filter(7) compiled to classic BPF, the machine that runs it, and field predicates on top.
//!
//! An expression goes through `expression` (text to syntax tree), `compile` (syntax tree to program) and `bpf`
//! (program to verdict). Nothing here does I/O: names come from a [`Resolver`].
#![forbid(unsafe_code)]

mod bpf;
mod compile;
mod error;
mod expression;
mod fuzz;
mod names;
pub mod question;
mod resolve;
mod similar;

pub use bpf::{Ancillary, Instruction, Program, Verdict};
pub use compile::{Options, compile};
pub use error::Error;
pub use fuzz::fuzz_compile;
pub use question::{Question, parse_question};
pub use resolve::{Hosts, NoNames, Resolver};
