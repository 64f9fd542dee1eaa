//! The packets of RFC 9001, appendix A, and RFC 9369, appendix A.

use super::*;
use crate::collected::{Collected, Said};
use crate::protocols::{Opening, Parties, Probe, gquic};

/// Header, beginning and end of the protected packet; the end is the seal, so that the rest is what the standard has.
const CLIENT_1: (&str, &str, &str) = (
    "c300000001088394c8f03e5157080000449e00000002",
    "c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11d242b123dc9bd8bab936b47d92ec356c",
    "e221af44860018ab0856972e194cd934",
);
const CLIENT_2: (&str, &str, &str) = (
    "d36b3343cf088394c8f03e5157080000449e00000002",
    "d76b3343cf088394c8f03e5157080000449ea0c95e82ffe67b6abcdb4298b485dd04de806071bf03dceebfa162e75d6c",
    "a18b2faa745b6fe189cf772a9f84cbfc",
);
const CLIENT_PAYLOAD: &str = "060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e868\
    04fe3a47f06a2b69484c00000413011302010000c000000010000e00000b6578\
    616d706c652e636f6dff01000100000a00080006001d00170018001000070005\
    04616c706e000500050100000000003300260024001d00209370b2c9caa47fba\
    baf4559fedba753de171fa71f50f1ce15d43e994ec74d748002b000302030400\
    0d0010000e0403050306030203080408050806002d00020101001c0002400100\
    3900320408ffffffffffffffff05048000ffff07048000ffff08011001048000\
    75300901100f088394c8f03e51570806048000ffff";
const SERVER_1: &str = "cf000000010008f067a5502a4262b5004075c0d95a482cd0991cd25b0aac406a\
    5816b6394100f37a1c69797554780bb38cc5a99f5ede4cf73c3ec2493a1839b3\
    dbcba3f6ea46c5b7684df3548e7ddeb9c3bf9c73cc3f3bded74b562bfb19fb84\
    022f8ef4cdd93795d77d06edbb7aaf2f58891850abbdca3d20398c276456cbc4\
    2158407dd074ee";
const SERVER_2: &str = "dc6b3343cf0008f067a5502a4262b5004075d92faaf16f05d8a4398c47089698\
    baeea26b91eb761d9b89237bbf87263017915358230035f7fd3945d88965cf17\
    f9af6e16886c61bfc703106fbaf3cb4cfa52382dd16a393e42757507698075b2\
    c984c707f0a0812d8cd5a6881eaf21ceda98f4bd23f6fe1a3e2c43edd9ce7ca8\
    4bed8521e2e140";

#[test]
fn both_hellos_are_read() {
    let check = |client: (&str, &str, &str), server: &str, version: &str| {
        let sealed = keys::sealed(&bytes(client.0), &padded(&bytes(CLIENT_PAYLOAD), 1162));
        assert!(sealed.starts_with(&bytes(client.1)) && sealed.ends_with(&bytes(client.2)), "{version}");
        let server = bytes(server);
        let mut told = Collected::default();
        let mut quic = Quic::new();
        assert_eq!(quic.data(Side::Client, At::default(), &sealed, &mut told), Step::Go);
        assert_eq!(quic.data(Side::Server, At::default(), &server, &mut told), Step::Done);
        for (field, expected) in [
            (Field::Version, version),
            (Field::TlsSni, "example.com"),
            (Field::TlsAlpn, "alpn"),
            (Field::TlsVersion, "TLS 1.3"),
            (Field::Ja3s, "eb1d94daa7e0344597e756a1fb6e7054"),
        ] {
            assert_eq!(told.all(field), [expected], "{version} {field:?}");
        }
    };
    check(CLIENT_1, SERVER_1, "QUIC v1");
    check(CLIENT_2, SERVER_2, "QUIC v2");
}

/// What changes from version to version: salt, labels, numbers of kinds and frames; the fixed bit (RFC 9287); and versions
/// that are experiments or greased (RFC 9000, 15), which have no salt of their own.
#[test]
fn the_hello_is_read_in_any_version() {
    let check = |first: &str, version: &str, frame: u8, expected: &str| {
        let header = bytes(&format!("{first}{version}088394c8f03e5157080000449e00000002"));
        let mut payload = bytes(CLIENT_PAYLOAD);
        payload[0] = frame;
        let sealed = keys::sealed(&header, &padded(&payload, 1162));
        let parties = Opening {
            client: &sealed,
            server: &[],
            first: Side::Client,
            client_port: 1,
            server_port: 2,
            is_stream: false,
        };
        assert_eq!(probe::probe(&parties), Probe::Yes, "{version}");
        let mut told = Collected::default();
        Quic::new().data(Side::Client, At::default(), &sealed, &mut told);
        assert_eq!(told.all(Field::Version), [expected]);
        assert_eq!(told.all(Field::TlsSni), ["example.com"], "{version}");
    };
    check("83", "00000001", 6, "QUIC v1");
    check("c3", "1a2a3a4a", 6, "QUIC 0x1a2a3a4a");
    check("c3", "faceb00e", 6, "QUIC 0xfaceb00e");
    check("c3", "ff00001d", 6, "QUIC draft 29");
    check("c3", "ff020000", 6, "QUIC 0xff020000");
    check("d3", "709a50c4", 6, "QUIC 0x709a50c4");
    check("c3", "54303530", 8, "QUIC T050");
    check("c3", "54303531", 8, "QUIC T051");
}

/// Google's own hello, sealed: a tag with its value after the number of tags and the ends of their values.
#[test]
fn the_hello_of_q050_is_read() {
    let hello = [&b"\x08\0\x1bCHLO\x01\0\0\0SNI\0\x0b\0\0\0"[..], b"example.com"].concat();
    let header = bytes("c351303530088394c8f03e5157080000449e00000002");
    let sealed = keys::sealed(&header, &padded(&hello, 1162));
    let told = Collected::of((gquic::RECOGNISED.begin)(&Parties::default()), &[Said::Client(&sealed)]);
    assert_eq!(told.all(Field::TlsSni), ["example.com"]);
}

/// The same hello in small frames, in reverse order, over several packets of one datagram and several datagrams.
#[test]
fn pieces_of_a_hello_come_in_any_order() {
    let payload = bytes(CLIENT_PAYLOAD);
    let hello = payload.get(4..).unwrap();
    let frames: Vec<Vec<u8>> = hello
        .chunks(20)
        .enumerate()
        .map(|(index, chunk)| {
            let offset = u16::try_from(index * 20).unwrap() | 0x4000;
            [&[6][..], &offset.to_be_bytes(), &[u8::try_from(chunk.len()).unwrap()], chunk].concat()
        })
        .rev()
        .collect();
    let packets: Vec<Vec<u8>> = frames
        .chunks(2)
        .enumerate()
        .map(|(index, frames)| {
            let payload = padded(&frames.concat(), 100);
            let mut header = bytes("c300000001088394c8f03e515708000040");
            header.extend([120, 0, 0, 0, u8::try_from(index).unwrap()]);
            keys::sealed(&header, &payload)
        })
        .collect();
    let mut told = Collected::default();
    let mut quic = Quic::new();
    for datagram in packets.chunks(3) {
        assert!(told.all(Field::TlsSni).is_empty());
        quic.data(Side::Client, At::default(), &datagram.concat(), &mut told);
    }
    assert_eq!(told.all(Field::TlsSni), ["example.com"]);
}

fn padded(payload: &[u8], length: usize) -> Vec<u8> {
    let mut payload = payload.to_vec();
    payload.resize(length, 0);
    payload
}

fn bytes(digits: &str) -> Vec<u8> {
    let digits = digits.as_bytes().as_chunks::<2>().0;
    digits.iter().map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}
