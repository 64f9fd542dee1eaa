//! Texts of cells: each is made once for all rows that have it.

use std::collections::HashMap;
use std::fmt::Write;
use std::net::Ipv6Addr;

use bytes::Bytes;
use flow::{History, LaneSet};
use packet::{Address, Mac};
use parquet::data_type::ByteArray;

/// What a text is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Word<'a> {
    /// It is a fixed one.
    Name(&'static str),
    /// An address, as IPv4 if it is IPv4-mapped.
    Address(Address),
    /// An address, always as IPv6.
    V6(Address),
    Mac(Mac),
    History(History),
    /// Names with commas.
    Lanes(LaneSet),
    /// A decimal number.
    Number(u8),
    /// Of the file.
    Given(&'a str),
}

/// The texts of a file that is being written.
#[derive(Default)]
pub(super) struct Words<'a> {
    made: HashMap<Word<'a>, ByteArray, foldhash::fast::RandomState>,
    /// The one before: often the same again.
    last: Option<(Word<'a>, ByteArray)>,
}

impl<'a> Words<'a> {
    pub(super) fn text(&mut self, word: Word<'a>) -> ByteArray {
        if let Word::Name(name) = word {
            return Bytes::from_static(name.as_bytes()).into();
        }
        match &self.last {
            Some((last, text)) if *last == word => text.clone(),
            _ => {
                let text = self.made.entry(word).or_insert_with(|| make(word)).clone();
                self.last = Some((word, text.clone()));
                text
            }
        }
    }
}

fn make(word: Word) -> ByteArray {
    let mut text = String::new();
    match word {
        Word::Name(name) | Word::Given(name) => text.push_str(name),
        Word::Address(address) => match address.as_v4() {
            Some(bytes) => put_v4(&mut text, bytes),
            None => put(&mut text, &Ipv6Addr::from(address.0)),
        },
        Word::V6(address) => put(&mut text, &Ipv6Addr::from(address.0)),
        Word::Mac(mac) => put(&mut text, &mac),
        Word::History(history) => put(&mut text, &history),
        Word::Lanes(lanes) => {
            for lane in lanes.iter() {
                text.push_str(if text.is_empty() { "" } else { "," });
                text.push_str(lane.name());
            }
        }
        Word::Number(number) => put(&mut text, &number),
    }
    text.into_bytes().into()
}

/// Dotted, without the machinery of formatting: there are as many addresses as hosts.
fn put_v4(out: &mut String, bytes: [u8; 4]) {
    out.reserve(15);
    for (index, byte) in bytes.into_iter().enumerate() {
        if index > 0 {
            out.push('.');
        }
        for (digit, least) in [(byte / 100, 100), (byte / 10 % 10, 10), (byte % 10, 0)] {
            if byte >= least {
                out.push(char::from(b'0' + digit));
            }
        }
    }
}

fn put(out: &mut String, value: &dyn std::fmt::Display) {
    // Writing to a string cannot fail.
    let _ = write!(out, "{value}");
}
