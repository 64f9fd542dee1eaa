//! What the captures beside the repository do not hold: examples of the standards, cut at each byte.

use super::{
    Opening, Probe, Recognised, dhcp, irc, ldap, mqtt, mysql, postgresql, radius, rdp, redis, sip, smb, socks, stun,
    tds,
};
use crate::collected::{Collected, Said};
use crate::{Field, Side};

/// Recognises the protocol by what is said first, and compares all facts; true if it turned into another.
pub(super) fn check(recognised: &Recognised, script: &[Said<'_>], expected: &[(Field, &str)]) -> bool {
    let (mut client, mut server) = (Vec::new(), Vec::new());
    let probes = script.iter().map(|said| {
        match said {
            Said::Client(data) => client.extend_from_slice(data),
            Said::Server(data) => server.extend_from_slice(data),
            Said::Gap(..) => {}
        }
        let first = if matches!(script.first(), Some(Said::Server(_))) { Side::Server } else { Side::Client };
        let opening =
            Opening { client: &client, server: &server, first, client_port: 40_000, server_port: 1, is_stream: true };
        (recognised.probe)(&opening)
    });
    let known = probes.take_while(|probe| *probe != Probe::No).any(|probe| probe == Probe::Yes);
    assert!(known, "{} is not recognised", recognised.name);
    let told = Collected::cut_everywhere(recognised.begin, script);
    let facts: Vec<(Field, &str)> = told.facts.iter().map(|(field, text)| (*field, text.as_str())).collect();
    assert_eq!(facts, expected, "{}", recognised.name);
    told.turned.is_some()
}

/// What the first bytes of a client over TCP say.
pub(super) fn opened(recognised: &Recognised, client: &[u8]) -> Probe {
    let (first, server) = (Side::Client, &b""[..]);
    (recognised.probe)(&Opening { client, server, first, client_port: 40_000, server_port: 1, is_stream: true })
}

/// MS-RDPBCGR, 4.1.1 and 4.1.2; the same with TLS chosen.
#[test]
fn rdp_as_its_description_shows() {
    let request = b"\x03\0\0\x2c\x27\xe0\0\0\0\0\0Cookie: mstshash=eltons\r\n\x01\0\x08\0\0\0\0\0";
    let facts = [(Field::User, "eltons"), (Field::Detail, "requested=RDP"), (Field::Detail, "selected=RDP")];
    let confirm = b"\x03\0\0\x13\x0e\xd0\0\0\x12\x34\0\x02\0\x08\0\0\0\0\0";
    assert!(!check(&rdp::RECOGNISED, &[Said::Client(request), Said::Server(confirm)], &facts));
    let facts = [(Field::User, "eltons"), (Field::Detail, "requested=RDP"), (Field::Detail, "selected=TLS")];
    let confirm = b"\x03\0\0\x13\x0e\xd0\0\0\x12\x34\0\x02\0\x08\0\x01\0\0\0";
    assert!(check(&rdp::RECOGNISED, &[Said::Client(request), Said::Server(confirm)], &facts));
}

/// RFC 4511, 4.2 and 4.14.
#[test]
fn ldap_binds_and_turns_to_tls() {
    let bind = b"\x30\x1f\x02\x01\x01\x60\x1a\x02\x01\x03\x04\x0fcn=root,dc=test\x80\x04pass";
    let refused = b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x31\x04\0\x04\0";
    let start = b"\x30\x1d\x02\x01\x02\x77\x18\x80\x161.3.6.1.4.1.1466.20037";
    let granted = b"\x30\x0c\x02\x01\x02\x78\x07\x0a\x01\x00\x04\0\x04\0";
    let script = [Said::Client(bind), Said::Server(refused), Said::Client(start), Said::Server(granted)];
    let turned = check(
        &ldap::STREAM,
        &script,
        &[
            (Field::Version, "LDAPv3"),
            (Field::User, "cn=root,dc=test"),
            (Field::Detail, "result=49"),
            (Field::Detail, "extended=1.3.6.1.4.1.1466.20037"),
        ],
    );
    assert!(turned);
}

/// RFC 1928, 3 to 6.
#[test]
fn socks_names_its_target_and_turns() {
    let turned = check(
        &socks::RECOGNISED,
        &[
            Said::Client(b"\x05\x02\0\x02"),
            Said::Server(b"\x05\x02"),
            Said::Client(b"\x01\x03bob\x03pwd"),
            Said::Server(b"\x01\0"),
            Said::Client(b"\x05\x01\0\x03\x0bexample.com\x01\xbb"),
            Said::Server(b"\x05\0\0\x01\0\0\0\0\0\0"),
        ],
        &[(Field::Version, "SOCKS 5"), (Field::User, "bob"), (Field::Detail, "target=example.com:443")],
    );
    assert!(turned);
    let turned = check(
        &socks::RECOGNISED,
        &[Said::Client(b"\x04\x01\0\x50\0\0\0\x01bob\0example.com\0"), Said::Server(b"\0\x5a\0\0\0\0\0\0")],
        &[(Field::Version, "SOCKS 4"), (Field::User, "bob"), (Field::Detail, "target=example.com:80")],
    );
    assert!(turned);
}

#[test]
fn postgresql_starts_and_turns_to_tls() {
    let parameters = b"\0\x03\0\0user\0bob\0database\0shop\0application_name\0psql\0\0";
    let start = [&u32::try_from(parameters.len() + 4).unwrap().to_be_bytes(), &parameters[..]].concat();
    let version = b"S\0\0\0\x18server_version\x0016.2\0";
    check(
        &postgresql::RECOGNISED,
        &[
            Said::Client(b"\0\0\0\x08\x04\xd2\x16\x2f"),
            Said::Server(b"N"),
            Said::Client(&start),
            Said::Server(b"R\0\0\0\x0c\0\0\0\x05abcd"),
            Said::Client(b"p\0\0\0\x08md5\0"),
            Said::Server(b"R\0\0\0\x08\0\0\0\0"),
            Said::Server(version),
            Said::Server(b"Z\0\0\0\x05I"),
        ],
        &[
            (Field::Version, "PostgreSQL protocol 3.0"),
            (Field::User, "bob"),
            (Field::Detail, "database=shop"),
            (Field::Software, "psql"),
            (Field::Detail, "authentication=md5"),
            (Field::Software, "PostgreSQL 16.2"),
        ],
    );
    assert!(check(&postgresql::RECOGNISED, &[Said::Client(b"\0\0\0\x08\x04\xd2\x16\x2f"), Said::Server(b"S")], &[]));
}

#[test]
fn mysql_greets_and_turns_to_tls() {
    let greeting = b"\x4a\0\0\0\x0a8.0.32\0\x01\0\0\0abcdefgh\0\xff\xff\x21\x02\0\xff\xff\x15\0\0\0\0\0\0\0\0\0\0ijklmnopqrst\0mysql_native_password\0";
    let login = b"\x3b\0\0\x01\x0d\x82\x08\0\0\0\0\x01\x21\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0bob\0\x04wxyzshop\0caching_sha2\0";
    let known = [(Field::Version, "MySQL protocol 10"), (Field::Software, "MySQL 8.0.32")];
    let login_facts =
        [(Field::User, "bob"), (Field::Detail, "database=shop"), (Field::Detail, "authentication=caching_sha2")];
    let refused = b"\x11\0\0\x02\xff\x15\x04#28000Denied!!";
    let refusal = [(Field::Detail, "error=1045 #28000Denied!!")];
    let facts: Vec<_> = known.iter().chain(&login_facts).chain(&refusal).copied().collect();
    assert_eq!((greeting.len(), login.len(), refused.len()), (0x4a + 4, 0x3b + 4, 0x11 + 4));
    check(&mysql::RECOGNISED, &[Said::Server(greeting), Said::Client(login), Said::Server(refused)], &facts);
    let mut request = vec![0x20, 0, 0, 1, 0x05, 0xae, 0x03, 0];
    request.resize(36, 0);
    assert!(check(&mysql::RECOGNISED, &[Said::Server(greeting), Said::Client(&request)], &known));
}

#[test]
fn redis_names_commands_and_no_secrets() {
    check(
        &redis::RECOGNISED,
        &[
            Said::Client(b"*3\r\n$4\r\nAUTH\r\n$5\r\nalice\r\n$6\r\nsecret\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n"),
            Said::Server(b"+OK\r\n+OK\r\n"),
            Said::Client(b"*1\r\n$4\r\nINFO\r\n*1\r\n$4\r\nINFO\r\n"),
            Said::Server(b"$30\r\n# Server\r\nredis_version:7.2.4\r\n\r\n"),
        ],
        &[
            (Field::User, "alice"),
            (Field::Detail, "command=AUTH"),
            (Field::Detail, "database=3"),
            (Field::Detail, "command=SELECT"),
            (Field::Detail, "command=INFO"),
            (Field::Software, "Redis 7.2.4"),
        ],
    );
}

/// MQTT 3.1.1, 3.1.2.11, and 5, 3.1.
#[test]
fn mqtt_of_both_versions() {
    check(
        &mqtt::RECOGNISED,
        &[
            Said::Client(b"\x10\x18\0\x04MQTT\x04\xc2\0\x0a\0\x02c1\0\x03bob\0\x03pwd"),
            Said::Server(b"\x20\x02\0\0"),
            Said::Client(b"\x82\x08\0\x01\0\x03a/b\0\x30\x07\0\x03x/yhi"),
        ],
        &[
            (Field::Version, "MQTT 3.1.1"),
            (Field::Detail, "client_id=c1"),
            (Field::User, "bob"),
            (Field::Detail, "subscribe=a/b"),
            (Field::Detail, "topic=x/y"),
        ],
    );
    check(
        &mqtt::RECOGNISED,
        &[Said::Client(b"\x10\x14\0\x04MQTT\x05\x02\0\x0a\x05\x11\0\0\0\x0a\0\x02c1")],
        &[(Field::Version, "MQTT 5"), (Field::Detail, "client_id=c1")],
    );
}

/// RFC 2812, 3.1 and 3.2.
#[test]
fn irc_names_its_user_and_channels() {
    check(
        &irc::RECOGNISED,
        &[
            Said::Client(b"PASS x\r\nNICK wiz\r\nUSER guest 0 * :Ronnie Reagan\r\n"),
            Said::Server(b":irc.example 004 wiz irc.example bahamut-1.8 o o\r\n"),
            Said::Client(b"JOIN #foo,&bar key\r\nPRIVMSG #foo :hello\r\n"),
        ],
        &[
            (Field::User, "wiz"),
            (Field::Detail, "user=guest"),
            (Field::Detail, "name=Ronnie Reagan"),
            (Field::HostName, "irc.example"),
            (Field::Software, "bahamut-1.8"),
            (Field::Detail, "channel=#foo"),
            (Field::Detail, "channel=&bar"),
        ],
    );
}

/// RFC 3261, 24.2; the body is passed over.
#[test]
fn sip_over_a_stream() {
    check(
        &sip::STREAM,
        &[Said::Client(
            b"INVITE sip:bob@biloxi.example SIP/2.0\r\nTo: Bob <sip:bob@biloxi.example>\r\n\
            f: Alice <sip:alice@atlanta.example>;tag=1928301774\r\nCall-ID: a84b4c76e66710\r\nl: 4\r\n\r\nbody\
            BYE sip:bob@biloxi.example SIP/2.0\r\n\r\n",
        )],
        &[
            (Field::Detail, "request=INVITE sip:bob@biloxi.example"),
            (Field::Detail, "from=sip:alice@atlanta.example"),
            (Field::Detail, "to=sip:bob@biloxi.example"),
            (Field::Detail, "call_id=a84b4c76e66710"),
            (Field::Detail, "request=BYE sip:bob@biloxi.example"),
        ],
    );
}

/// MS-TDS, 4.1, and an answer of the same form.
#[test]
fn tds_says_the_server_s_version() {
    let before =
        b"\x12\x01\0\x2f\0\0\x01\0\0\0\x1a\0\x06\x01\0\x20\0\x01\x02\0\x21\0\x01\x03\0\x22\0\x04\x04\0\x26\0\x01\xff\
        \x09\0\0\0\0\0\x01\0\xb8\x0d\0\0\x01";
    let answer = b"\x04\x01\0\x14\0\0\x01\0\0\0\x06\0\x06\xff\x10\0\x03\xe8\0\0";
    check(
        &tds::RECOGNISED,
        &[Said::Client(before), Said::Server(answer)],
        &[(Field::Software, "Microsoft SQL Server 16.0.1000")],
    );
}

/// MS-TDS, 2.2.3: a batch of SQL and its answer, caught in the middle.
#[test]
fn tds_is_known_in_the_middle() {
    let check = |client: &[u8], server: &[u8], server_port, expected| {
        let opening =
            Opening { client, server, first: Side::Client, client_port: 40_000, server_port, is_stream: true };
        assert_eq!((tds::RECOGNISED.probe)(&opening), expected, "{client:?} {server:?}");
    };
    let batch = b"\x01\x01\0\x0a\0\0\x01\0\x43\0";
    let answer = b"\x04\x01\0\x11\x01\x3a\x01\0\xfd\0\0\xd5\0\0\0\0\0";
    check(batch, answer, 40_001, Probe::Yes);
    check(batch, b"", 1433, Probe::Maybe);
    check(b"", answer, 1433, Probe::Maybe);
    check(batch, b"", 40_001, Probe::No);
    check(b"\x01\x01\0\x0b\0\0\x01\0\x43\0", b"no", 1433, Probe::No);
}

/// What a short snap length leaves of requests, or the middle of a conversation: known on its port, or by its form.
#[test]
fn what_is_left_of_a_message_is_known() {
    let check =
        |recognised: &Recognised, client: &[u8], server: &[u8], (client_port, server_port), is_stream, expected| {
            let opening = Opening { client, server, first: Side::Client, client_port, server_port, is_stream };
            assert_eq!((recognised.probe)(&opening), expected, "{}: {}", recognised.name, client.escape_ascii());
        };
    let any = (40_000, 40_001);
    let dhcp = [1, 1, 6, 0, 0x39, 3, 0xf3, 0x26, 0, 0, 0, 0];
    check(&dhcp::RECOGNISED, &dhcp, b"", (68, 67), false, Probe::Maybe);
    check(&dhcp::RECOGNISED, &dhcp, b"", any, false, Probe::No);
    let radius = [&[1, 5, 0, 57][..], &[7; 16], &[1, 7, b'l', b'u', b's', b'e', b'r', 0x13, 0x20, 1]].concat();
    check(&radius::RECOGNISED, &radius, b"", (40_000, 1812), false, Probe::Maybe);
    check(&radius::RECOGNISED, &radius, b"", any, false, Probe::No);
    check(&stun::RECOGNISED, b"\0\x01\0\x40\x21\x12\xa4\x420123456789ab\0\x06\0\x10", b"", any, false, Probe::Yes);
    check(&redis::RECOGNISED, b"PING\r\n", b"", any, true, Probe::More);
    check(&redis::RECOGNISED, b"PING\r\n", b"+PONG\r\n", any, true, Probe::Yes);
    check(&redis::RECOGNISED, b"PING\r\n", b"PONG\r\n", any, true, Probe::No);
    // MS-SMB2, 2.2.42: compressed
    let compressed = b"\0\0\0\x4a\xfcSMB\x50\x10\0\0\x02\0\0\0";
    check(&smb::RECOGNISED, compressed, compressed, any, true, Probe::Yes);
}
