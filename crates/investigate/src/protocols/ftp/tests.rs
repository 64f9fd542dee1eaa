//! Conversations, active and passive.

use packet::Address;

use super::RECOGNISED;
use crate::collected::{Collected, Said};
use crate::{Expected, Field};

/// What was expected, as text: where, whether that end sends, the file's name, offset and size.
fn expected(script: &[Said<'_>]) -> Vec<String> {
    let line = |expected: &Expected| {
        let file = &expected.file;
        let name = file.name.as_deref().unwrap_or("-");
        format!(
            "{}:{} {:?} {name} {} {:?}",
            expected.address.to_ip(),
            expected.port,
            expected.is_sender,
            file.offset,
            file.size
        )
    };
    let nowhere = Address::default().to_ip().to_string();
    let collected = Collected::cut_everywhere(RECOGNISED.begin, script);
    collected.expected.iter().map(line).filter(|line| !line.starts_with(&format!("{nowhere}:"))).collect()
}

#[test]
fn passive_and_active() {
    let greeting = Said::Server(b"220-Welcome\r\n220 FTP\r\n");
    assert_eq!(
        expected(&[
            greeting,
            Said::Client(b"USER anonymous\r\nTYPE I\r\nSIZE a.bin\r\n"),
            Said::Server(b"230 in\r\n200 ok\r\n213 99\r\n"),
            Said::Client(b"PASV\r\n"),
            Said::Server(b"227 Entering Passive Mode (10,0,0,1,4,1)\r\n"),
            Said::Client(b"REST 10\r\nRETR a.bin\r\n"),
            Said::Server(b"350 ok\r\n150 Opening\r\n226 done\r\n"),
            Said::Client(b"PASV\r\n"),
            Said::Server(b"227 Entering Passive Mode (10,0,0,1,4,2)\r\n"),
            Said::Client(b"STOR up.txt\r\n"),
        ]),
        ["10.0.0.1:1025 Some(true) a.bin 10 Some(99)", "10.0.0.1:1026 Some(false) up.txt 0 None"]
    );
    assert_eq!(
        expected(&[
            greeting,
            Said::Client(b"PORT 10,0,0,2,8,0\r\nRETR b.txt\r\nEPRT |2|::5|77|\r\nAPPE c.txt\r\n"),
            Said::Client(b"PORT 10,0,0,2,8,1\r\nLIST\r\n"),
        ]),
        [
            "10.0.0.2:2048 Some(false) b.txt 0 None",
            "::5:77 Some(true) c.txt 0 None",
            "10.0.0.2:2049 Some(false) - 0 None"
        ]
    );
    // Asked for before the server has told the place.
    assert_eq!(
        expected(&[greeting, Said::Client(b"PASV\r\nRETR d.txt\r\n"), Said::Server(b"227 (10,0,0,1,4,3)\r\n")]),
        ["10.0.0.1:1027 Some(true) d.txt 0 None"]
    );
}

#[test]
fn who_and_what() {
    let collected = Collected::cut_everywhere(
        RECOGNISED.begin,
        &[
            Said::Server(b"220 ProFTPD\r\n"),
            Said::Client(b"USER tim\r\n"),
            Said::Server(b"331 password\r\n"),
            Said::Client(b"PASS x\r\nDELE old\r\n"),
            Said::Server(b"230 in\r\n"),
            Said::Client(b"AUTH TLS\r\n"),
            Said::Server(b"234 go\r\n"),
        ],
    );
    assert_eq!(collected.all(Field::User), ["tim"]);
    assert_eq!(collected.all(Field::Software), ["ProFTPD"]);
    assert_eq!(collected.all(Field::Detail), ["dele=old", "login=accepted", "starttls"]);
    assert!(collected.turned.is_some());
}
