//! Conversations of the RFCs, and of mail programs.

use super::RECOGNISED;
use crate::collected::{Collected, Said};
use crate::protocols::{Opening, Probe};
use crate::{Ends, Field, Side};

fn talk(script: &[Said<'_>]) -> Collected {
    Collected::cut_everywhere(RECOGNISED.begin, script)
}

#[test]
fn the_conversation_of_rfc_3501() {
    let collected = talk(&[
        Said::Server(b"* OK [CAPABILITY IMAP4rev1] Service Ready\r\n"),
        Said::Client(b"a001 login mrc secret\r\n"),
        Said::Server(b"a001 OK LOGIN completed\r\n"),
        Said::Client(b"a002 select inbox\r\na003 fetch 12 (flags body[header] body[text])\r\n"),
        Said::Server(b"* 18 EXISTS\r\na002 OK [READ-WRITE] SELECT completed\r\n"),
        Said::Server(b"* 12 FETCH (FLAGS (\\Seen) BODY[HEADER] {41}\r\nFrom: a@b.example\r\nSubject: IMAP4rev1\r\n\r\n BODY[TEXT] {6}\r\nHello\n)\r\na003 OK\r\n"),
    ]);
    assert_eq!(collected.all(Field::User), ["mrc"]);
    assert_eq!(collected.all(Field::Software), ["Service Ready"]);
    assert!(collected.all(Field::Detail).contains(&"mailbox=inbox"));
    let named = collected.named();
    assert_eq!(named[0].1, "From: a@b.example\r\nSubject: IMAP4rev1\r\n\r\n");
    assert_eq!(named[1].1, "From: a@b.example\r\nSubject: IMAP4rev1\r\n\r\nHello\n");
    assert_eq!(named[2].1, "Hello\n");
    assert_eq!(collected.files[0].start.mime.as_deref(), Some("text/rfc822-headers"));
    assert_eq!(collected.files[0].ends, Some(Ends::Whole));
    assert_eq!(collected.all(Field::MailSubject), ["IMAP4rev1", "IMAP4rev1"]);
}

#[test]
fn mails_fetched_in_pieces() {
    let collected = talk(&[
        Said::Server(b"* OK hi\r\n"),
        Said::Client(b"1 UID FETCH 7 (UID RFC822.SIZE BODY.PEEK[]<0.10>)\r\n"),
        Said::Server(b"* 3 FETCH (UID 7 RFC822.SIZE 24 BODY[]<0> {10}\r\nSubject: p)\r\n1 OK\r\n"),
        Said::Client(b"2 UID FETCH 7 (BODY.PEEK[]<10.10>)\r\n"),
        Said::Server(b"* 3 FETCH (UID 7 BODY[]<10> {10}\r\nieces\r\n\r\nb)\r\n2 OK\r\n"),
        Said::Client(b"3 UID FETCH 7 (BODY.PEEK[]<20.10>)\r\n"),
        Said::Server(b"* 3 FETCH (UID 7 BODY[]<20> {4}\r\nody!)\r\n3 OK\r\n"),
    ]);
    assert_eq!(collected.named()[0].1, "Subject: pieces\r\n\r\nbody!");
    assert_eq!(collected.files[0].ends, Some(Ends::Whole));
    assert_eq!(collected.all(Field::MailSubject), ["pieces"]);
}

#[test]
fn parts_by_the_structure() {
    let collected = talk(&[
        Said::Server(b"* OK hi\r\n"),
        Said::Client(b"1 FETCH 3 (BODYSTRUCTURE)\r\n"),
        Said::Server(b"* 3 FETCH (BODYSTRUCTURE ((\"text\" \"plain\" NIL NIL NIL \"7bit\" 5 1)(\"application\" \"zip\" (\"name\" \"a.zip\") NIL NIL \"base64\" 8) \"mixed\"))\r\n1 OK\r\n"),
        Said::Client(b"2 FETCH 3 BODY[2]\r\n"),
        Said::Server(b"* 3 FETCH (BODY[2] {8}\r\nZm9vYmFy)\r\n2 OK\r\n"),
    ]);
    assert_eq!(collected.named(), [("a.zip", "foobar".to_owned())]);
    assert_eq!(collected.files[0].wire, b"Zm9vYmFy");
}

#[test]
fn appending_and_literals() {
    let collected = talk(&[
        Said::Server(b"* OK hi\r\n"),
        Said::Client(b"A001 LOGIN {4}\r\n"),
        Said::Server(b"+ Ready\r\n"),
        Said::Client(b"fred {6+}\r\nsecret\r\n"),
        Said::Client(b"A003 APPEND saved-messages (\\Seen) {14}\r\n"),
        Said::Server(b"+ Ready\r\n"),
        Said::Client(b"Subject: x\r\n\r\n\r\nA004 STARTTLS\r\n"),
        Said::Server(b"A003 OK APPEND completed\r\nA004 OK Begin\r\n"),
    ]);
    assert_eq!(collected.all(Field::User), ["fred"]);
    assert_eq!(collected.named(), [("", "Subject: x\r\n\r\n".to_owned())]);
    assert!(collected.turned.is_some());
}

#[test]
fn a_refused_literal_is_none() {
    let collected = talk(&[
        Said::Server(b"* OK hi\r\n"),
        Said::Client(b"A1 APPEND x {14}\r\n"),
        Said::Server(b"A1 NO no such mailbox\r\n"),
        Said::Client(b"A2 LOGIN tim secret\r\n"),
    ]);
    assert!(collected.files.is_empty());
    assert_eq!(collected.all(Field::User), ["tim"]);
}

#[test]
fn gaps_in_literals() {
    let script = [
        Said::Server(b"* OK hi\r\n"),
        Said::Server(b"* 1 FETCH (BODY[] {30}\r\nSubject: x\r\n\r\nabc"),
        Said::Gap(Side::Server, 5),
        Said::Server(b"1234567890)\r\n* 2 FETCH (BODY[] {13}\r\nSubject: y\r\n\r\n)\r\n"),
    ];
    let collected = talk(&script);
    assert_eq!(collected.named()[1].1, "abc?????12345678");
    assert_eq!(collected.files[1].missing, 5);
    let script = [
        Said::Server(b"* OK hi\r\n* 1 FETCH (BODY[HEADER] {13}\r\nSubj"),
        Said::Gap(Side::Server, 3),
        Said::Server(b" x\r\n\r\n)\r\n"),
    ];
    let collected = talk(&script);
    assert_eq!((collected.named()[0].1.as_str(), collected.files[0].missing), ("Subj??? x\r\n\r\n", 3));
}

#[test]
fn openings() {
    let check = |client: &str, server: &str, expected: Probe| {
        let (client, server) = (client.as_bytes(), server.as_bytes());
        let opening = Opening { client, server, first: Side::Server, client_port: 1, server_port: 2, is_stream: true };
        assert_eq!(super::probe::probe(&opening), expected, "{opening:?}");
    };
    check("", "* OK Dovecot ready.\r\n", Probe::Yes);
    check("a1 CAPABILITY\r\n", "", Probe::Yes);
    check("GET / HTTP/1.1\r\n", "", Probe::No);
    check("EHLO x\r\n", "* OK", Probe::No);
    check("", "*", Probe::More);
}
