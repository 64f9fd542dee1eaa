//! Connections of HTTP/2, cut everywhere.

use super::*;
use crate::collected::Collected;
use crate::collected::Said::{Client, Gap, Server};

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Literal fields, by names of the static table or of their own.
fn fields(fields: &[(&str, &str)]) -> Vec<u8> {
    let text = |text: &str| [&[u8::try_from(text.len()).expect("short")], text.as_bytes()].concat();
    fields.iter().flat_map(|(name, value)| [vec![0], text(name), text(value)].concat()).collect()
}

fn connection(frames: &[Vec<u8>]) -> Vec<u8> {
    [PREFACE, &frames.concat()].concat()
}

#[test]
fn requests_answers_and_their_bodies() {
    let request =
        fields(&[(":method", "POST"), (":path", "/up/a.bin"), (":authority", "a.example:80"), ("user-agent", "me")]);
    let (first, second) = request.split_at(9);
    let client = connection(&[
        frame(4, 0, 0, &[]),
        frame(1, 0x28, 1, &[&[2, 0, 0, 0, 0, 16][..], first, &[0, 0]].concat()),
        frame(9, 4, 1, second),
        frame(0, 8, 1, b"\x03hel\0\0\0"),
        frame(0, 1, 1, b"lo"),
    ]);
    let server = [
        frame(4, 0, 0, &[0, 1, 0, 0, 16, 0]),
        frame(1, 4, 1, &fields(&[(":status", "200"), ("content-length", "6"), ("server", "s")])),
        frame(6, 0, 0, &[0; 8]),
        frame(0, 0, 1, b"answer"),
        frame(1, 5, 1, &fields(&[("grpc-status", "0")])),
    ]
    .concat();
    let told = Collected::cut_everywhere(RECOGNISED.begin, &[Client(&client), Server(&server)]);
    let expected = [("a.bin", "hello".to_owned()), ("a.bin", "answer".to_owned())];
    assert_eq!(told.named(), expected);
    assert!(told.files.iter().all(|file| file.ends == Some(Ends::Whole) && file.start.protocol == "http2"));
    assert_eq!(told.all(Field::Url), ["http://a.example:80/up/a.bin"]);
    assert_eq!(told.all(Field::HttpHostname), ["a.example"]);
    assert_eq!((told.all(Field::Version), told.all(Field::Software)), (vec!["HTTP/2"], vec!["s"]));
}

#[test]
fn gaps_in_bodies_are_followed_over() {
    let client = connection(&[frame(1, 5, 1, &fields(&[(":method", "GET"), (":path", "/f")]))]);
    let head = [frame(1, 4, 1, &fields(&[(":status", "200")])), frame(0, 0, 1, b"abcdef")].concat();
    let (before, _) = head.split_at(head.len() - 4);
    let behind = [&b"f"[..], &frame(0, 1, 1, b"gh")].concat();
    let script = [Client(&client), Server(before), Gap(Side::Server, 3), Server(&behind), Gap(Side::Server, 9)];
    let told = Collected::cut_everywhere(RECOGNISED.begin, &script);
    assert_eq!(told.named(), [("f", "ab???fgh".to_owned())]);
    assert_eq!(told.files[0].ends, Some(Ends::Whole));
}

#[test]
fn what_cannot_be_is_given_up() {
    let broken = connection(&[frame(1, 4, 1, &[0x80]), frame(0, 1, 1, b"x")]);
    let told = Collected::cut_everywhere(RECOGNISED.begin, &[Client(&broken)]);
    assert_eq!((told.oddities.as_slice(), told.files.len()), (&["malformed header block"][..], 0));
    let endless = connection(&[
        frame(1, 0, 1, &[0; 9]),
        frame(9, 0, 1, &[0; 60_000]),
        frame(9, 0, 1, &[0; 60_000]),
        frame(9, 0, 1, &[0; 60_000]),
    ]);
    let told = Collected::of(Box::new(Http2::default()), &[Client(&endless)]);
    assert_eq!(told.oddities, ["endless headers"]);
}
