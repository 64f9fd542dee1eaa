//! Conversations by the layouts of C706, 12.6.4; the names are those that tshark says of the same bytes.

use super::RECOGNISED;
use crate::Field::{Detail, HostName, Version};
use crate::collected::{Collected, Said};
use crate::protocols::vectors::check;
use crate::protocols::{Opening, Probe};
use crate::{Field, Side};

const SVCCTL: &[u8] = b"\x81\xbb\x7a\x36\x44\x98\xf1\x35\xad\x32\x98\xf0\x38\0\x10\x03\x02\0\0\0";
const UNKNOWN: &[u8] = b"\x04\x03\x02\x01\x06\x05\x08\x07\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x01\0\x02\0";
const NDR: &[u8] = b"\x04\x5d\x88\x8a\xeb\x1c\xc9\x11\x9f\xe8\x08\0\x2b\x10\x48\x60\x02\0\0\0";

fn message(kind: u8, token_bytes: u16, body: &[&[u8]]) -> Vec<u8> {
    let body = body.concat();
    let bytes = (16 + body.len() as u16).to_le_bytes();
    [&[5, 0, kind, 3, 0x10, 0, 0, 0], &bytes[..], &token_bytes.to_le_bytes(), b"\x01\0\0\0", &body].concat()
}

pub(in crate::protocols) fn bind() -> Vec<u8> {
    let before = b"\xb8\x10\xb8\x10\0\0\0\0\x02\0\0\0";
    message(11, 0, &[before, b"\0\0\x01\0", SVCCTL, NDR, b"\x01\0\x01\0", UNKNOWN, NDR])
}

pub(in crate::protocols) fn bound() -> Vec<u8> {
    let results = [&b"\x02\0\0\0\0\0\0\0"[..], NDR, b"\x02\0\x01\0", &[0; 20]].concat();
    message(12, 0, &[b"\xb8\x10\xb8\x10\x34\x12\0\0\x0d\0\\PIPE\\svcctl\0\0", &results])
}

pub(in crate::protocols) fn call(context: u8, operation: u8) -> Vec<u8> {
    message(0, 0, &[b"\x08\0\0\0", &[context, 0, operation, 0], b"arguments"])
}

pub(in crate::protocols) const FACTS: [(Field, &str); 6] = [
    (Version, "DCE/RPC 5.0"),
    (Detail, "interface=svcctl"),
    (Detail, "uuid=367abb81-9844-35f1-ad32-98f038001003 2.0"),
    (Detail, "uuid=01020304-0506-0708-090a-0b0c0d0e0f10 1.2"),
    (Detail, "endpoint=\\PIPE\\svcctl"),
    (Detail, "call=svcctl.CreateServiceW"),
];

#[test]
fn what_is_bound_and_called() {
    let (bind, bound, create, other, unbound) = (bind(), bound(), call(0, 12), call(1, 7), call(9, 7));
    let failed = message(3, 0, &[b"\x20\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0"]);
    let script = [
        Said::Client(&bind),
        Said::Server(&bound),
        Said::Client(&create),
        Said::Client(&other),
        Said::Client(&create),
        Said::Client(&unbound),
        Said::Server(&failed),
    ];
    let more = [(Detail, "call=01020304-0506-0708-090a-0b0c0d0e0f10.7"), (Detail, "fault=0x00000005")];
    check(&RECOGNISED, &script, &[&FACTS[..], &more].concat());
}

#[test]
fn what_is_refused_and_by_whom_it_was_asked() {
    let challenge = b"NTLMSSP\0\x02\0\0\0\x06\0\x06\0\x38\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0S\0R\0V\0";
    let trailer = b"\x0a\x06\0\0\0\0\0\0";
    let results = [&b"\x01\0\0\0\x02\0\x01\0"[..], &[0; 20]].concat();
    let token_bytes = challenge.len() as u16;
    let refused =
        message(12, token_bytes, &[b"\xb8\x10\xb8\x10\0\0\0\0\x04\x00135\0\0\0", &results, trailer, challenge]);
    let told = Collected::cut_everywhere(RECOGNISED.begin, &[Said::Server(&refused)]);
    let details = ["endpoint=135", "refused=1", "authentication=ntlm", "ntlm_target=SRV"];
    assert_eq!(told.all(Detail), details);
    assert!(told.all(HostName).is_empty());
    let nak = message(13, 0, &[b"\x04\0\0\0"]);
    assert_eq!(Collected::cut_everywhere(RECOGNISED.begin, &[Said::Server(&nak)]).all(Detail), ["refused=4"]);
}

/// Of whoever writes numbers with the highest byte first.
#[test]
fn numbers_of_either_order() {
    let interface = b"\x36\x7a\xbb\x81\x98\x44\x35\xf1\xad\x32\x98\xf0\x38\0\x10\x03\0\0\0\x02";
    let body = [&b"\x10\xb8\x10\xb8\0\0\0\0\x01\0\0\0\0\0\x01\0"[..], interface, &[0; 20]].concat();
    let bind = [&b"\x05\0\x0b\x03\0\0\0\0\0\x48\0\0\0\0\0\x01"[..], &body].concat();
    let expected = [FACTS[0], FACTS[1], FACTS[2]];
    check(&RECOGNISED, &[Said::Client(&bind)], &expected);
}

#[test]
fn openings() {
    let check = |client: &[u8], server: &[u8], expected: Probe| {
        let opening =
            Opening { client, server, first: Side::Client, client_port: 1, server_port: 135, is_stream: true };
        assert_eq!((RECOGNISED.probe)(&opening), expected, "{client:?} {server:?}");
    };
    let answer = message(2, 0, &[b"\x08\0\0\0\0\0\0\0answer.."]);
    check(&call(0, 1), &answer, Probe::Yes);
    check(&call(0, 1), b"", Probe::More);
    check(&call(0, 1), b"HTTP/1.1 200 OK\r\n", Probe::No);
    check(&bind(), b"", Probe::Yes);
    check(&bind()[..20], b"", Probe::More);
    // SOCKS: an offer and a request, and what they are answered with
    check(b"\x05\x01\0\x05\x01\0\x03\x0bexample.com\0\x50", b"\x05\0\x05\0\0\x01\0\0\0\0\0\0", Probe::No);
}
