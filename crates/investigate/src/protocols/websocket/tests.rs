//! Messages, cut everywhere.

use super::*;
use crate::collected::Collected;
use crate::collected::Said::{Client, Gap, Server};
use crate::protocols::Parties;

fn begin(extensions: &'static str) -> fn(&Parties) -> Box<dyn Protocol> {
    match extensions {
        "" => |_| Box::new(WebSocket::new("")),
        _ => |_| Box::new(WebSocket::new("permessage-deflate; client_no_context_takeover")),
    }
}

#[test]
fn messages_of_the_rfc() {
    // RFC 6455, section 5.7, as binary messages: whole and masked, in fragments with a ping between, and an empty end.
    let told = Collected::cut_everywhere(
        begin(""),
        &[
            Client(b"\x82\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"),
            Server(b"\x02\x03Hel\x89\x04ping\x00\x02lo\x80\x00\x82\x7e\x00\x03abc\x88\x00"),
        ],
    );
    let names: Vec<String> = told.named().into_iter().map(|(_, content)| content).collect();
    assert_eq!(names, ["Hello", "Hello", "abc"]);
    assert!(told.files.iter().all(|file| file.ends == Some(Ends::Whole)));
    assert_eq!(told.files[0].start.sender, Some(Side::Client));
}

#[test]
fn compressed_messages_are_inflated() {
    // RFC 7692, section 7.2.3: "Hello", by one window or by two.
    let told = Collected::cut_everywhere(
        begin("deflate"),
        &[
            Server(b"\xc2\x07\xf2\x48\xcd\xc9\xc9\x07\x00\xc2\x05\xf2\x00\x11\x00\x00"),
            Client(b"\xc2\x07\xf2\x48\xcd\xc9\xc9\x07\x00\xc2\x07\xf2\x48\xcd\xc9\xc9\x07\x00"),
        ],
    );
    let contents: Vec<String> = told.named().into_iter().map(|(_, content)| content).collect();
    assert_eq!(contents, ["Hello"; 4]);
}

#[test]
fn short_texts_are_no_files() {
    let long = [&b"\x81\x7e\x04\x00"[..], &[b'x'; 1024]].concat();
    let told = Collected::cut_everywhere(begin(""), &[Server(b"\x81\x05Hello"), Server(&long)]);
    assert_eq!(told.files.len(), 1);
    assert_eq!(told.files[0].start.mime.as_deref(), Some("text/plain"));
}

#[test]
fn gaps_stay_in_their_frame() {
    let script = [Client(b"\x82\x88\x01\x02\x03\x04\x60\x60"), Gap(Side::Client, 4), Client(b"\x66\x6c\x82\x01z")];
    let told = Collected::cut_everywhere(begin(""), &script);
    let contents: Vec<String> = told.named().into_iter().map(|(_, content)| content).collect();
    assert_eq!(contents, ["ab????eh".to_owned(), "z".to_owned()]);
}

#[test]
fn what_is_no_frame_is_given_up() {
    let told = Collected::cut_everywhere(begin(""), &[Server(b"HTTP/1.1 200 OK\r\n\r\n")]);
    assert!(told.files.is_empty());
}
