//! Calls and replies made up by the layouts of the RFCs.

use super::{DATAGRAM, STREAM};
use crate::collected::{Collected, Said};
use crate::protocols::{Opening, Parties, Probe};
use crate::{Ends, Field, Side};

fn word(value: u32) -> Vec<u8> {
    value.to_be_bytes().to_vec()
}

fn opaque(data: &[u8]) -> Vec<u8> {
    let mut bytes = [&word(data.len() as u32), data].concat();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn call(number: u32, program: u32, version: u32, procedure: u32, arguments: &[u8]) -> Vec<u8> {
    let credentials = [word(0), opaque(b"host"), word(1000), word(1000), word(0)].concat();
    let header: Vec<u8> = [number, 0, 2, program, version, procedure, 1].into_iter().flat_map(word).collect();
    [&header, &opaque(&credentials)[..], &[0; 8], arguments].concat()
}

fn reply(number: u32, results: &[u8]) -> Vec<u8> {
    let header: Vec<u8> = [number, 1, 0, 0, 0, 0].into_iter().flat_map(word).collect();
    [&header, results].concat()
}

fn record(message: &[u8]) -> Vec<u8> {
    [&word(message.len() as u32 | 1 << 31), message].concat()
}

/// The same in two fragments.
fn fragments(message: &[u8], cut: usize) -> Vec<u8> {
    [&word(cut as u32), &message[..cut], &word((message.len() - cut) as u32 | 1 << 31), &message[cut..]].concat()
}

fn long(value: u64) -> Vec<u8> {
    value.to_be_bytes().to_vec()
}

fn attributes(size: u64) -> Vec<u8> {
    [word(1), vec![0; 20], long(size), vec![0; 56]].concat()
}

fn read(number: u32, offset: u64) -> Vec<u8> {
    call(number, 100_003, 3, 6, &[opaque(b"file"), long(offset), word(4)].concat())
}

fn read_reply(number: u32, size: u64, data: &[u8]) -> Vec<u8> {
    reply(number, &[word(0), attributes(size), word(data.len() as u32), word(0), opaque(data)].concat())
}

fn write(number: u32, offset: u64, data: &[u8]) -> Vec<u8> {
    let arguments = [opaque(b"new"), long(offset), word(data.len() as u32), word(2), opaque(data)].concat();
    call(number, 100_003, 3, 7, &arguments)
}

#[test]
fn reading_and_writing_with_version_3() {
    let lookup = record(&call(1, 100_003, 3, 3, &[opaque(b"root"), opaque(b"a.txt")].concat()));
    let found = record(&reply(1, &[word(0), opaque(b"file"), word(0), word(0)].concat()));
    let (one, two) = (record(&read(2, 0)), record(&read(3, 4)));
    let (first, second) = (fragments(&read_reply(2, 7, b"Hell"), 130), record(&read_reply(3, 7, b"o!\n")));
    let (put, more) = (fragments(&write(4, 0, b"abcde"), 100), record(&write(5, 5, b"fgh")));
    let begin = |_: &Parties| (STREAM.begin)(&Parties { is_stream: true, ..Parties::default() });
    let collected = Collected::cut_everywhere(
        begin,
        &[
            Said::Client(&lookup),
            Said::Server(&found),
            Said::Client(&one),
            Said::Client(&two),
            Said::Server(&first),
            Said::Server(&second),
            Said::Client(&put),
            Said::Client(&more),
        ],
    );
    assert_eq!(collected.named(), [("a.txt", "Hello!\n".to_owned()), ("", "abcdefgh".to_owned())]);
    assert!(collected.files.iter().all(|file| file.ends == Some(Ends::Whole)));
    assert_eq!(collected.all(Field::Version), ["nfs 3"]);
    assert_eq!(collected.all(Field::HostName), ["host"]);
    assert_eq!(collected.all(Field::Detail), ["uid=1000", "lookup=a.txt"]);
}

#[test]
fn gaps_and_datagrams() {
    let begin = |_: &Parties| (STREAM.begin)(&Parties { is_stream: true, ..Parties::default() });
    let ask = record(&read(2, 0));
    let answer = record(&read_reply(2, 8, b"12345678"));
    let next = record(&write(3, 0, b"after"));
    Collected::with_any_gap(begin, &[Said::Client(&ask)], (&answer, b"12345678"), (&next, "after"));
    let lost =
        [Said::Client(&ask), Said::Gap(Side::Server, 99), Said::Server(b"rest of a record"), Said::Server(&answer)];
    assert_eq!(Collected::cut_everywhere(begin, &lost).named(), [("", "12345678".to_owned())]);
    let (ask, answer) = (read(2, 0), read_reply(2, 8, b"12345678"));
    let script = [Said::Client(&ask), Said::Server(&answer[..answer.len() - 3]), Said::Gap(Side::Server, 3)];
    let collected = Collected::of((DATAGRAM.begin)(&Parties::default()), &script);
    assert_eq!((collected.named()[0].1.as_str(), collected.files[0].missing), ("12345", 3));
}

#[test]
fn compounds_of_version_4() {
    let begin = |_: &Parties| (STREAM.begin)(&Parties { is_stream: true, ..Parties::default() });
    let compound = |number, operations: &[Vec<u8>]| {
        let arguments = [opaque(b""), word(1), word(operations.len() as u32), operations.concat()].concat();
        record(&call(number, 100_003, 4, 1, &arguments))
    };
    let results = |number, results: &[Vec<u8>]| {
        record(&reply(number, &[word(0), opaque(b""), word(results.len() as u32), results.concat()].concat()))
    };
    let sequence = [word(53), vec![0; 32]].concat();
    let sequenced = [word(53), word(0), vec![0; 36]].concat();
    let put = [word(22), opaque(b"folder")].concat();
    let done = |code| [word(code), word(0)].concat();
    let open = [word(18), vec![0; 12], vec![0; 8], opaque(b"owner"), word(0), word(0), opaque(b"b.bin")].concat();
    let opened = [word(18), word(0), vec![0; 40], word(1), word(0), word(3), word(2), word(0)].concat();
    let got = [word(10), word(0), opaque(b"file")].concat();
    let on = [word(22), opaque(b"file")].concat();
    let read = [word(25), vec![0; 16], long(0), word(100)].concat();
    let data = [word(25), word(0), word(1), opaque(b"content")].concat();
    let write = [word(38), vec![0; 16], long(0), word(2), opaque(b"CONTENT")].concat();
    let close = [word(4), vec![0; 20]].concat();
    let closed = [word(4), word(0), vec![0; 16]].concat();
    let script = [
        compound(1, &[sequence.clone(), put, open, word(10)]),
        results(1, &[sequenced.clone(), done(22), opened, got]),
        compound(2, &[sequence.clone(), on.clone(), read]),
        results(2, &[sequenced.clone(), done(22), data]),
        compound(3, &[sequence.clone(), on.clone(), write]),
        results(3, &[sequenced.clone(), done(22), done(38)]),
        compound(4, &[sequence, on, close]),
        results(4, &[sequenced, done(22), closed]),
    ];
    let said: Vec<Said<'_>> = script
        .iter()
        .enumerate()
        .map(|(index, bytes)| if index % 2 == 0 { Said::Client(bytes) } else { Said::Server(bytes) })
        .collect();
    let collected = Collected::cut_everywhere(begin, &said);
    assert_eq!(collected.named(), [("b.bin", "content".to_owned()), ("b.bin", "CONTENT".to_owned())]);
    assert!(collected.files.iter().all(|file| file.ends == Some(Ends::Whole)));
    assert_eq!(collected.all(Field::Version), ["nfs 4"]);
}

#[test]
fn openings() {
    let check = |client: &[u8], server: &[u8], is_stream: bool, expected: Probe| {
        let opening = Opening { client, server, first: Side::Client, client_port: 700, server_port: 2049, is_stream };
        let probe = if is_stream { STREAM.probe } else { DATAGRAM.probe };
        assert_eq!(probe(&opening), expected, "{opening:?}");
    };
    let message = read(1, 0);
    check(&record(&message), b"", true, Probe::Yes);
    check(&record(&message)[..10], b"", true, Probe::More);
    check(b"GET / HTTP/1.1\r\n\r\n", b"", true, Probe::No);
    check(&message, b"", false, Probe::Yes);
    check(
        b"\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        b"",
        false,
        Probe::No,
    );
}
