//! Conversations of HTTP/1, cut everywhere.

use super::*;
use crate::collected::Said::{Client, Gap, Server};
use crate::collected::{Collected, Said};

fn told(script: &[Said<'_>]) -> Collected {
    Collected::cut_everywhere(RECOGNISED.begin, script)
}

fn check(script: &[Said<'_>], files: &[(&str, &str)]) -> Collected {
    let told = told(script);
    let expected: Vec<(&str, String)> = files.iter().map(|(name, content)| (*name, (*content).to_owned())).collect();
    assert_eq!(told.named(), expected);
    told
}

#[test]
fn a_request_and_its_answer() {
    let told = check(
        &[
            Client(b"GET /dir/a.txt?x=1 HTTP/1.1\r\nHost: a.example:8080\r\nUser-Agent: me/1\r\n\r\n"),
            Server(b"HTTP/1.1 200 OK\r\nServer: s/2\r\nContent-Type: text/plain; charset=x\r\nContent-Length: 5\r\n\r\nhello"),
        ],
        &[("a.txt", "hello")],
    );
    assert_eq!(told.all(Field::HttpHostname), ["a.example"]);
    assert_eq!(told.all(Field::HttpUserAgent), ["me/1"]);
    assert_eq!(told.all(Field::HttpRequest), ["GET /dir/a.txt?x=1"]);
    assert_eq!(told.all(Field::HttpStatus), ["200"]);
    assert_eq!(told.all(Field::Url), ["http://a.example:8080/dir/a.txt?x=1"]);
    assert_eq!(told.all(Field::Software), ["s/2"]);
    assert_eq!(told.all(Field::Version), ["HTTP/1.1"]);
    let file = &told.files[0];
    assert_eq!(
        (file.start.mime.as_deref(), file.start.size, file.ends),
        (Some("text/plain"), Some(5), Some(Ends::Whole))
    );
    assert_eq!(file.start.sender, Some(Side::Server));
}

#[test]
fn answers_belong_to_their_requests() {
    check(
        &[
            Client(b"HEAD /h HTTP/1.1\r\n\r\nGET /a HTTP/1.1\r\n\r\nGET /none HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n"),
            Server(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"),
            Server(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\nTrailer: t\r\n\r\n"),
            Server(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\nHTTP/1.0 200 OK\r\n\r\nuntil the end"),
        ],
        &[("a", "abcde"), ("b", "until the end")],
    );
}

#[test]
fn forms_are_taken_apart() {
    let body = "--B\r\nContent-Disposition: form-data; name=\"field\"\r\n\r\nvalue\r\n--B\r\nContent-Disposition: form-data; \
                name=\"f\"; filename=\"C:\\up.exe\"\r\nContent-Type: application/octet-stream\r\n\r\nMZ\r\n--not\r\n--B--\r\n";
    let head = format!(
        "POST /up HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=B\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let request = head + body;
    check(&[Client(request.as_bytes())], &[("up", body), ("field", "value"), ("C:\\up.exe", "MZ\r\n--not")]);
}

#[test]
fn ranges_know_their_place() {
    let told = check(
        &[
            Client(b"GET /f HTTP/1.1\r\nHost: h\r\n\r\n"),
            Server(b"HTTP/1.1 206 Partial Content\r\nETag: \"v\"\r\nContent-Range: bytes 2-3/9\r\nContent-Length: 2\r\n\r\ncd"),
            Client(b"GET /f HTTP/1.1\r\nHost: h\r\n\r\n"),
            Server(b"HTTP/1.1 206 Partial Content\r\nETag: \"v\"\r\nContent-Type: multipart/byteranges; boundary=X\r\n\r\n\
                --X\r\nContent-Range: bytes 0-1/9\r\n\r\nab\r\n--X\r\nContent-Range: bytes 4-8/9\r\n\r\nefghi\r\n--X--\r\n"),
        ],
        &[
            ("f", "??cd"),
            ("f", "--X\r\nContent-Range: bytes 0-1/9\r\n\r\nab\r\n--X\r\nContent-Range: bytes 4-8/9\r\n\r\nefghi\r\n--X--\r\n"),
            ("f", "ab"),
            ("f", "????efghi"),
        ],
    );
    for (place, offset) in [(0, 2), (2, 0), (3, 4)] {
        let start = &told.files[place].start;
        assert_eq!((start.offset, start.size, start.is_piece), (offset, Some(9), true));
        assert_eq!(start.joins.as_deref(), Some("http://h/f\0\"v\""));
    }
    assert_eq!(told.files[1].start.joins, None);
}

#[test]
fn encodings_are_undone_and_kept() {
    // printf hello | gzip -n
    let gzip = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcb\x48\xcd\xc9\xc9\x07\x00\x86\xa6\x10\x36\x05\x00\x00\x00";
    let head = |coding: &str| {
        format!("HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {}\r\n\r\n", gzip.len())
    };
    let answer = [head("gzip").as_bytes(), gzip].concat();
    let told = check(&[Client(b"GET / HTTP/1.1\r\n\r\n"), Server(&answer)], &[("", "hello")]);
    assert_eq!((told.files[0].wire.as_slice(), told.files[0].start.wire_size), (&gzip[..], Some(25)));
    assert_eq!(told.files[0].start.size, None);
    let plain = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc";
    let told = check(&[Client(b"GET / HTTP/1.1\r\n\r\n"), Server(plain)], &[("", "abc")]);
    assert!(!told.files[0].start.is_encoded);
}

#[test]
fn gaps_are_gaps_of_the_file() {
    let told = check(
        &[
            Client(b"GET /f HTTP/1.1\r\n\r\n"),
            Server(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nab"),
            Gap(Side::Server, 4),
            Server(b"gh"),
            Client(b"GET /g HTTP/1.1\r\n\r\n"),
            Server(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nab"),
            Gap(Side::Server, 400),
            Client(b"GET /h HTTP/1.1\r\n\r\n"),
            Server(b" lost within\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nh"),
        ],
        &[("f", "ab????gh"), ("g", "ab"), ("h", "h")],
    );
    assert_eq!((told.files[1].missing, told.files[1].ends), (6, Some(Ends::Whole)));
}

#[test]
fn what_began_before_the_capture_is_taken_up() {
    let told = check(
        &[
            Server(b"the end of something\r\nand HTTP/1.1 too\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na"),
            Client(b"Cookie: x\r\n\r\nGET /b HTTP/1.1\r\n\r\n"),
            Server(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb"),
        ],
        &[("", "a"), ("b", "b")],
    );
    assert_eq!(told.all(Field::HttpStatus), ["200", "200"]);
}

#[test]
fn tunnels_turn_into_what_is_in_them() {
    let mut http = Http1::default();
    let mut sink = Collected::default();
    let at = At::default();
    http.data(Side::Client, at, b"CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n", &mut sink);
    let answer = b"HTTP/1.0 200 Connection established\r\n\r\n";
    let step = http.data(Side::Server, at, &[answer, &b"\x16\x03\x01"[..]].concat(), &mut sink);
    assert_eq!(step, Step::Turns(answer.len()));
    assert_eq!(sink.all(Field::HttpHostname), ["a.example"]);
}

#[test]
fn upgrades_lead_to_http2() {
    // The request becomes the first stream's; `88` is :status 200 of the static table (RFC 7541, appendix A).
    let head = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
    let frames = b"\0\0\0\x04\0\0\0\0\0\0\0\x01\x01\x04\0\0\0\x01\x88\0\0\x02\0\x01\0\0\0\x01ok";
    check(
        &[
            Client(b"GET /f HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n"),
            Server(&[&head[..], frames].concat()),
            Client(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        ],
        &[("f", "ok")],
    );
}

#[test]
fn a_body_that_was_not_wanted_is_not_awaited() {
    check(
        &[
            Client(b"PUT /f HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n"),
            Server(b"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n"),
            Client(b"PUT /g HTTP/1.1\r\nContent-Length: 1\r\n\r\ng"),
        ],
        &[("g", "g")],
    );
}

#[test]
fn limits_are_harmless() {
    let endless = [&b"GET / HTTP/1.1\r\n"[..], &b"X: y\r\n".repeat(20_000)].concat();
    let told =
        Collected::of(Box::new(Http1::default()), &[Client(&endless), Client(b"\r\n\r\nGET /b HTTP/1.1\r\n\r\n")]);
    assert_eq!(told.oddities, ["endless headers"]);
    assert_eq!(told.all(Field::HttpRequest), ["GET /b"]);
    let told = Collected::of(Box::new(Http1::default()), &[Client(&b"GET / HTTP/1.1\r\n\r\n".repeat(600))]);
    assert_eq!(told.oddities.len(), 600 - ASKED_MAX);
}

#[test]
fn logins_are_told() {
    let told = told(&[Client(b"GET / HTTP/1.1\r\nAuthorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n")]);
    assert_eq!(told.all(Field::User), ["Aladdin"]);
}
