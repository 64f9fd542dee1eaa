//! What requests and answers say.

use super::body::Body;
use super::disposition::{filename, percent_decoded};
use super::{Headers, content_type};
use crate::{At, Field, FileStart, Side, Sink};

/// What is kept of a request until its answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    /// Whole, as far as it is known.
    pub(crate) url: String,
    /// Its answer has no body, whatever it says of it.
    pub(crate) is_head: bool,
    /// It asks for a tunnel.
    pub(crate) is_connect: bool,
    /// It waits for leave to send its body.
    pub(crate) expects: bool,
}

/// Tells what identifies a request, and keeps what its answer needs.
pub(crate) fn tell_request(
    at: At,
    method: &str,
    target: &str,
    host: Option<&str>,
    headers: &Headers<'_>,
    sink: &mut dyn Sink,
) -> Asked {
    let is_connect = method == "CONNECT";
    let url = url(method, target, host);
    sink.fact(at, Field::HttpRequest, &format!("{method} {target}"));
    if let Some(host) = host.filter(|host| !host.is_empty()) {
        sink.fact(at, Field::HttpHostname, without_port(host));
    }
    if let Some(agent) = headers.text("user-agent") {
        sink.fact(at, Field::HttpUserAgent, &agent);
    }
    if !url.is_empty() {
        sink.fact(at, Field::Url, &url);
    }
    for name in ["authorization", "proxy-authorization"] {
        if let Some(user) = headers.text(name).and_then(|value| basic_user(&value)) {
            sink.fact(at, Field::User, &user);
        }
    }
    Asked { url, is_head: method == "HEAD", is_connect, expects: headers.has("expect", "100-continue") }
}

/// Tells what identifies an answer.
pub(crate) fn tell_answer(at: At, status: u16, headers: &Headers<'_>, sink: &mut dyn Sink) {
    sink.fact(at, Field::HttpStatus, &status.to_string());
    if let Some(server) = headers.text("server") {
        sink.fact(at, Field::Software, &server);
    }
}

/// The body of a request on its way to a file.
pub(crate) fn request_body(
    protocol: &'static str,
    sender: Side,
    asked: &Asked,
    headers: &Headers<'_>,
    wire_size: Option<u64>,
) -> Body {
    let mut start = start(protocol, sender, headers, &asked.url);
    start.wire_size = wire_size;
    Body::new(start, &coding(headers), boundary(headers))
}

/// The body of an answer on its way to a file; ranges of one file are told to belong together.
pub(crate) fn answer_body(
    protocol: &'static str,
    sender: Side,
    status: u16,
    asked: Option<&Asked>,
    headers: &Headers<'_>,
    wire_size: Option<u64>,
) -> Body {
    let url = asked.map_or("", |asked| asked.url.as_str());
    let mut start = start(protocol, sender, headers, url);
    start.wire_size = wire_size;
    let mut coding = coding(headers);
    let validator = headers.text("etag").or_else(|| headers.text("last-modified"));
    let joins = |total: Option<u64>| match (url, &validator) {
        ("", _) => None,
        (url, Some(validator)) => Some(format!("{url}\0{validator}")),
        (url, None) => total.map(|total| format!("{url}\0{total}")),
    };
    match status {
        206 => {
            let range = headers.text("content-range").and_then(|value| Range::of(&value));
            if let Some(range) = range {
                range.apply(&mut start);
            }
            start.joins = joins(range.and_then(|range| range.total));
            // A range is one of the encoded form: it cannot be decoded by itself.
            coding.clear();
        }
        200 if coding.is_empty() && validator.is_some() && wire_size.is_some() => start.joins = joins(None),
        _ => {}
    }
    Body::new(start, &coding, boundary(headers))
}

/// `Content-Range: bytes 0-99/1000` (RFC 9110, section 14.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    first: u64,
    last: u64,
    total: Option<u64>,
}

impl Range {
    pub(super) fn of(value: &str) -> Option<Self> {
        let value = value.trim();
        let unit = value.get(..5).filter(|unit| unit.eq_ignore_ascii_case("bytes"))?;
        let value = value.get(unit.len()..)?.trim_start_matches(['=', ' ', '\t']);
        let (range, total) = value.split_once('/').unwrap_or((value, "*"));
        let (first, last) = range.split_once('-')?;
        let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        let total = total.trim().parse().ok().filter(|total| *total > last);
        (first <= last).then_some(Self { first, last, total })
    }

    pub(super) fn apply(self, start: &mut FileStart) {
        let bytes = (self.last - self.first).saturating_add(1);
        start.offset = self.first;
        start.size = self.total;
        start.is_piece = self.total != Some(bytes);
        start.wire_size = Some(bytes).filter(|_| start.is_piece);
    }
}

/// What all bodies have in common.
fn start(protocol: &'static str, sender: Side, headers: &Headers<'_>, url: &str) -> FileStart {
    let disposed = headers.text("content-disposition").and_then(|value| filename(&value));
    let mime = headers.text("content-type").map(|value| content_type(&value).0).filter(|mime| !mime.is_empty());
    FileStart { protocol, name: disposed.or_else(|| name_in(url)), mime, sender: Some(sender), ..FileStart::default() }
}

/// Encodings in the order in which they were applied; those of the transfer come last.
fn coding(headers: &Headers<'_>) -> String {
    let all = headers.list("content-encoding").chain(headers.list("transfer-encoding"));
    let named = all
        .filter(|coding| !["", "identity", "chunked", "trailers"].iter().any(|none| coding.eq_ignore_ascii_case(none)));
    named.map(|coding| coding.into_owned()).collect::<Vec<_>>().join(",")
}

fn boundary(headers: &Headers<'_>) -> Option<String> {
    headers.text("content-type").and_then(|value| content_type(&value).1)
}

/// The last part of a URL's path, decoded.
fn name_in(url: &str) -> Option<String> {
    let path = url.split_once("://").map_or(url, |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let last = path.rsplit('/').next().filter(|last| !last.is_empty())?;
    Some(String::from_utf8_lossy(&percent_decoded(last)).into_owned())
}

fn url(method: &str, target: &str, host: Option<&str>) -> String {
    let is_whole =
        target.split_once("://").is_some_and(|(scheme, _)| scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    match host {
        _ if is_whole => target.to_owned(),
        _ if method == "CONNECT" => String::new(),
        Some(host) if target.starts_with('/') => format!("http://{host}{target}"),
        Some(host) if target == "*" => format!("http://{host}"),
        Some(host) => format!("http://{host}/{target}"),
        None => target.to_owned(),
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// Who logs in with `Authorization: Basic …` (RFC 7617).
fn basic_user(value: &str) -> Option<String> {
    let (scheme, token) = value.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = mail_parser::decoders::base64::base64_decode(token.trim().as_bytes())?;
    let text = String::from_utf8_lossy(&decoded);
    text.split_once(':').map(|(user, _)| user.to_owned()).filter(|user| !user.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read() {
        let check = |value: &str, expected: Option<(u64, u64, Option<u64>)>| {
            let range = Range::of(value).map(|range| (range.first, range.last, range.total));
            assert_eq!(range, expected, "{value}");
        };
        // RFC 9110, section 14.4.
        check("bytes 42-1233/1234", Some((42, 1233, Some(1234))));
        check("bytes 42-1233/*", Some((42, 1233, None)));
        check("bytes */1234", None);
        check("bytes=5-2/9", None);
        check("bytes 0-18446744073709551615/*", Some((0, u64::MAX, None)));
    }

    #[test]
    fn files_are_named_by_their_path() {
        let check = |url: &str, expected: Option<&str>| assert_eq!(name_in(url).as_deref(), expected, "{url}");
        check("http://a.example/dir/a%20b.pdf?x=/y", Some("a b.pdf"));
        check("http://a.example/", None);
        check("http://a.example", None);
        check("/only/a/path#top", Some("path"));
    }

    #[test]
    fn urls_are_whole() {
        let check = |method, target, host, expected: &str| assert_eq!(url(method, target, host), expected);
        check("GET", "/x", Some("a.example:8080"), "http://a.example:8080/x");
        check("GET", "http://b.example/x", Some("a.example"), "http://b.example/x");
        check("OPTIONS", "*", Some("a.example"), "http://a.example");
        check("CONNECT", "a.example:443", Some("a.example:443"), "");
        check("GET", "/x", None, "/x");
    }

    #[test]
    fn users_are_read() {
        // RFC 7617, section 2.
        assert_eq!(basic_user("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==").as_deref(), Some("Aladdin"));
        assert_eq!(basic_user("Bearer abc"), None);
    }
}
