//! Conversations of the RFCs.

use super::RECOGNISED;
use crate::collected::{Collected, Said};
use crate::protocols::Parties;
use crate::{Ends, Field, Side};

fn talk(script: &[Said<'_>]) -> Collected {
    Collected::cut_everywhere(RECOGNISED.begin, script)
}

#[test]
fn pipelining_of_rfc_2920() {
    let collected = talk(&[
        Said::Server(b"220 dbc.mtview.ca.us SMTP service ready\r\n"),
        Said::Client(b"EHLO foo.com\r\n"),
        Said::Server(b"250-dbc.mtview.ca.us\r\n250 PIPELINING\r\n"),
        Said::Client(b"MAIL FROM:<mrose@dbc.mtview.ca.us>\r\nRCPT TO:<nsb@thumper.bellcore.com>\r\nRCPT TO:<tl@z.example>\r\nDATA\r\n"),
        Said::Server(b"250 sender OK\r\n250 recipient OK\r\n550 no such user\r\n354 enter mail\r\n"),
        Said::Client(b"Subject: x\r\n\r\n..dot\r\n.\r\nQUIT\r\n"),
        Said::Server(b"250 message sent\r\n221 goodbye\r\n"),
    ]);
    assert_eq!(collected.named(), [("", "Subject: x\r\n\r\n.dot\r\n".to_owned()), ("", ".dot\r\n".to_owned())]);
    assert_eq!(collected.all(Field::MailFrom), ["mrose@dbc.mtview.ca.us"]);
    assert_eq!(collected.all(Field::MailTo), ["nsb@thumper.bellcore.com", "tl@z.example"]);
    assert_eq!(collected.all(Field::MailSubject), ["x"]);
    assert_eq!(collected.all(Field::HostName), ["foo.com"]);
    assert_eq!(collected.all(Field::Software), ["dbc.mtview.ca.us SMTP service ready"]);
}

#[test]
fn refused_data_is_no_mail() {
    let collected = talk(&[
        Said::Server(b"220 x ESMTP\r\n"),
        Said::Client(b"MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n"),
        Said::Server(b"250 ok\r\n550 no\r\n554 no valid recipients\r\n"),
        Said::Client(b"MAIL FROM:<e@f.example>\r\n"),
    ]);
    assert!(collected.files.is_empty());
    assert_eq!(collected.all(Field::MailFrom), ["a@b.example", "e@f.example"]);
}

#[test]
fn chunks_of_rfc_3030() {
    let collected = talk(&[
        Said::Server(b"220 cnri.reston.va.us SMTP service ready\r\n"),
        Said::Client(b"EHLO ymir.claremont.edu\r\n"),
        Said::Server(b"250-cnri.reston.va.us says hello\r\n250 CHUNKING\r\n"),
        Said::Client(b"MAIL FROM:<Sam@Random.com>\r\nRCPT TO:<Susan@Random.com>\r\nBDAT 12\r\nSubject: y\r\nBDAT 6 LAST\r\n\r\n.\r\nzQUIT\r\n"),
        Said::Server(b"250 ok\r\n250 ok\r\n250 12 octets\r\n250 ok\r\n221 bye\r\n"),
    ]);
    assert_eq!(collected.named(), [("", "Subject: y\r\n\r\n.\r\nz".to_owned()), ("", ".\r\nz".to_owned())]);
    assert!(collected.files.iter().all(|file| file.ends == Some(Ends::Whole)));
}

#[test]
fn logging_in_and_turning_to_tls() {
    let collected = talk(&[
        Said::Server(b"220-smtp.example.com ESMTP\r\n220 wait\r\n"),
        Said::Client(b"EHLO c\r\n"),
        Said::Server(b"250 AUTH LOGIN\r\n"),
        Said::Client(b"AUTH LOGIN\r\n"),
        Said::Server(b"334 VXNlcm5hbWU6\r\n"),
        Said::Client(b"dGlt\r\n"),
        Said::Server(b"334 UGFzc3dvcmQ6\r\n"),
        Said::Client(b"dGFuc3RhYWZ0YW5zdGFhZg==\r\n"),
        Said::Server(b"235 ok\r\n"),
        Said::Client(b"STARTTLS\r\n"),
        Said::Server(b"220 go ahead\r\n"),
    ]);
    assert_eq!(collected.all(Field::User), ["tim"]);
    assert!(collected.turned.is_some());
}

#[test]
fn a_lost_end_ends_the_mail_all_the_same() {
    let collected = Collected::of(
        (RECOGNISED.begin)(&Parties::default()),
        &[
            Said::Server(b"220 x ESMTP\r\n"),
            Said::Client(b"DATA\r\n"),
            Said::Server(b"354 go\r\n"),
            Said::Client(b"Subject: x\r\n\r\nfirst\r\n"),
            Said::Gap(Side::Client, 100),
            Said::Server(b"250 ok\r\n"),
            Said::Client(b"MAIL FROM:<a@b.example>\r\n"),
            Said::Server(b"250 ok\r\n"),
        ],
    );
    assert_eq!(collected.named()[1].1, "first\r\n");
    assert_eq!(collected.files[1].missing, 100);
    assert_eq!(collected.files[1].ends, Some(Ends::CutOff));
    assert_eq!(collected.all(Field::MailFrom), ["a@b.example"]);
}
