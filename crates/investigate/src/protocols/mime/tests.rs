//! Mails of the RFCs, and what is sent in their stead.

use super::Message;
use crate::collected::Collected;
use crate::{At, Ends, Field, Side};

fn message(pieces: &[&[u8]]) -> Collected {
    let mut collected = Collected::default();
    let at = At::default();
    let mut message = Message::begin(at, "smtp", Side::Client, &mut collected);
    pieces.iter().for_each(|piece| message.data(at, piece, &mut collected));
    message.end(at, Ends::Whole, &mut collected);
    collected
}

/// Name and content of the files but the mail itself.
fn check(mail: &str, expected: &[(&str, &str)]) -> Collected {
    let whole = message(&[mail.as_bytes()]);
    let named = whole.named();
    assert_eq!(named[0].1, mail);
    let got: Vec<(&str, &str)> = named[1..].iter().map(|(name, text)| (*name, text.as_str())).collect();
    assert_eq!(got, expected);
    for cut in 0..mail.len() {
        let (one, other) = mail.as_bytes().split_at(cut);
        assert_eq!(message(&[one, other]), whole, "cut at {cut}");
    }
    let single: Vec<&[u8]> = mail.as_bytes().chunks(1).collect();
    assert_eq!(message(&single), whole, "in single bytes");
    whole
}

#[test]
fn the_multipart_of_rfc_2046() {
    // RFC 2046 5.1.1: the line ends before boundaries belong to them, but the second part ends with one of its own.
    let mail = "From: Nathaniel Borenstein <nsb@bellcore.com>\r\nTo: Ned Freed <ned@innosoft.com>\r\n\
        Subject: Sample message\r\nMIME-Version: 1.0\r\nContent-type: multipart/mixed; boundary=\"simple boundary\"\r\n\r\n\
        This is the preamble.\r\n\r\n--simple boundary\r\n\r\nThis is implicitly typed plain US-ASCII text.\r\n\
        It does NOT end with a linebreak.\r\n--simple boundary\r\nContent-type: text/plain; charset=us-ascii\r\n\r\n\
        This is explicitly typed plain US-ASCII text.\r\nIt DOES end with a linebreak.\r\n\r\n--simple boundary--\r\n\r\n\
        This is the epilogue.  It is also to be ignored.\r\n";
    let collected = check(
        mail,
        &[
            ("", "This is implicitly typed plain US-ASCII text.\r\nIt does NOT end with a linebreak."),
            ("", "This is explicitly typed plain US-ASCII text.\r\nIt DOES end with a linebreak.\r\n"),
        ],
    );
    assert_eq!(collected.all(Field::MailFrom), ["nsb@bellcore.com"]);
    assert_eq!(collected.all(Field::MailTo), ["ned@innosoft.com"]);
    assert_eq!(collected.all(Field::MailSubject), ["Sample message"]);
}

#[test]
fn nested_parts_and_encodings() {
    let mail = "Message-ID: <1@x.example>\nX-Mailer: Mailer 1\nContent-Type: multipart/mixed; boundary=----=_Next\n\n\
        ------=_Next\nContent-Type: multipart/alternative; boundary=\"in\"\n\n--in\nContent-Type: text/plain\n\n\
        -- \nnot a boundary: --in\n--inner\n--in  \nContent-Type: text/html\nContent-Transfer-Encoding: Quoted-Printable\n\n\
        <p>=\n=3D</p>\n--in--\nepilogue\n------=_Next\nContent-Type: application/zip; name=\"a.zip\"\n\
        Content-Transfer-Encoding: base64\n\nZm9v\nYmFyIQ==\n\n------=_Next--\n";
    let collected = check(mail, &[("", "-- \nnot a boundary: --in\n--inner"), ("", "<p>=</p>"), ("a.zip", "foobar!")]);
    assert_eq!(collected.all(Field::MailId), ["1@x.example"]);
    assert_eq!(collected.all(Field::Software), ["Mailer 1"]);
    assert_eq!(collected.files[3].wire, b"Zm9v\nYmFyIQ==\n");
    assert_eq!(collected.files[3].start.mime.as_deref(), Some("application/zip"));
    assert!(collected.files.iter().all(|file| file.ends == Some(Ends::Whole)));
}

#[test]
fn a_mail_within_a_mail() {
    let inner = "Subject: inner\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Disposition: attachment; filename=x\r\n\r\nX\r\n--b--\r\n";
    let mail = format!(
        "Subject: outer\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: message/rfc822; name=in.eml\r\n\r\n{inner}\r\n--a--\r\n"
    );
    let collected = check(&mail, &[("in.eml", inner), ("x", "X")]);
    assert_eq!(collected.all(Field::MailSubject), ["outer"]);
}

#[test]
fn names_in_all_their_forms() {
    let name = |header: &str| {
        let collected = message(&[format!("{header}\r\n\r\nx").as_bytes()]);
        collected.files[1].start.name.clone().unwrap_or_default()
    };
    assert_eq!(name("Content-Type: text/plain; name=a.txt"), "a.txt");
    assert_eq!(name("Content-Disposition: attachment;\r\n filename=\"a b.txt\""), "a b.txt");
    // RFC 2231 4.1, 4 and 3
    assert_eq!(
        name("Content-Type: application/x-stuff; name*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A"),
        "This is ***fun***"
    );
    assert_eq!(
        name(
            "Content-Type: application/x-stuff;\r\n name*0*=us-ascii'en'This%20is%20even%20more%20;\r\n name*1*=%2A%2A%2Afun%2A%2A%2A%20;\r\n name*2=\"isn't it!\""
        ),
        "This is even more ***fun*** isn't it!"
    );
    assert_eq!(name("Content-Disposition: attachment; filename=\"=?utf-8?B?w7xiZXIudHh0?=\""), "über.txt");
    assert_eq!(name("Content-Disposition: attachment; filename==?iso-8859-1?Q?=FCber.txt?="), "über.txt");
    assert_eq!(name("Content-Disposition: attachment; filename=\"..\\..\\x\""), "....x");
}

#[test]
fn uuencode_within_text() {
    let text = "Hello\nbegin 644 cat.txt\n#0V%T\n`\nend\nBye\n";
    let mail = format!("Subject: x\n\n{text}");
    check(&mail, &[("", text), ("cat.txt", "Cat")]);
}

#[test]
fn what_is_malformed_stays_harmless() {
    check("", &[]);
    check("\r\n", &[]);
    check("no header at all", &[]);
    check("Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n--b\n\nx", &[("", "x")]);
    check("Content-Type: multipart/mixed; boundary=\"\"\n\nx", &[("", "x")]);
    let mut deep = String::new();
    for level in 0..50 {
        deep.push_str(&format!("Content-Type: multipart/mixed; boundary=b{level}\n\n--b{level}\n"));
    }
    assert!(message(&[deep.as_bytes()]).oddities.contains(&"a mail nested too deeply"));
    let long = format!("Subject: {}\n\nbody", "x".repeat(100_000));
    let collected = message(&[long.as_bytes()]);
    assert_eq!(collected.named()[1].1, "body");
    assert_eq!(collected.oddities, ["a mail with more than 64 KiB of header fields"]);
}

#[test]
fn gaps_are_missing_and_never_garbage() {
    let body = "YWJjZGVm\r\nZ2hpamts\r\nbW5vcHFy\r\nc3R1dnd4\r\n";
    let head = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Transfer-Encoding: base64\r\n\r\n";
    let tail = "\r\n--b\r\n\r\nsecond\r\n--b--\r\n";
    for start in 10..body.len() - 2 {
        for end in start + 1..body.len() {
            let mut collected = Collected::default();
            let at = At::default();
            let mut message = Message::begin(at, "smtp", Side::Client, &mut collected);
            message.data(at, format!("{head}{}", &body[..start]).as_bytes(), &mut collected);
            message.gap(at, (end - start) as u64, &mut collected);
            message.data(at, format!("{}{tail}", &body[end..]).as_bytes(), &mut collected);
            message.end(at, Ends::Whole, &mut collected);
            let part = &collected.files[1];
            assert!(part.missing > 0 || part.plain.len() == 24, "{start}..{end}");
            assert!(
                part.plain.iter().zip(b"abcdefghijklmnopqrstuvwx").all(|(got, right)| got == right || *got == b'?')
            );
            assert_eq!(collected.files[2].plain, b"second");
        }
    }
}
