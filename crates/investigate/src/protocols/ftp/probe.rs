//! How FTP is told from what else begins with `220`: SMTP above all.

use crate::protocols::{Opening, Probe};

pub(super) fn probe(opening: &Opening<'_>) -> Probe {
    if !opening.is_stream {
        return Probe::No;
    }
    match (client(opening.client), server(opening.server)) {
        (Probe::No, _) | (_, Probe::No) => Probe::No,
        (_, Probe::Yes) => Probe::Yes,
        // USER and PASS are POP3's and IRC's too: the server's code makes it FTP.
        (Probe::Yes, Probe::Maybe) => Probe::Yes,
        (Probe::Maybe, Probe::Maybe) => Probe::Maybe,
        (Probe::Yes, _) if opening.server_port == 21 => Probe::Maybe,
        (_, Probe::Maybe) if opening.server_port == 21 => Probe::Maybe,
        _ => Probe::More,
    }
}

fn client(bytes: &[u8]) -> Probe {
    let start: Vec<u8> = bytes.iter().take(12).map(u8::to_ascii_uppercase).collect();
    let own = [
        &b"USER "[..],
        b"AUTH TLS",
        b"AUTH SSL",
        b"FEAT\r",
        b"FEAT\n",
        b"SYST\r",
        b"PASS ",
        b"CLNT ",
        b"TYPE ",
        b"PASV",
        b"EPSV",
        b"PORT ",
        b"CWD ",
        b"OPTS UTF8",
    ];
    let shared = [&b"HELP"[..], b"QUIT\r", b"NOOP\r", b"HOST "];
    if own.iter().any(|verb| start.starts_with(verb)) {
        Probe::Yes
    } else if shared.iter().any(|verb| start.starts_with(verb)) {
        Probe::Maybe
    } else if own.iter().chain(&shared).any(|verb| verb.starts_with(&start)) {
        Probe::More
    } else {
        Probe::No
    }
}

fn server(bytes: &[u8]) -> Probe {
    let codes = [&b"220"[..], b"120", b"331", b"230", b"227", b"530"];
    let Some(first) = bytes.get(..4) else {
        let is_beginning = codes.iter().any(|code| code.starts_with(bytes.get(..3).unwrap_or(bytes)));
        return if is_beginning { Probe::More } else { Probe::No };
    };
    if !codes.iter().any(|code| first.starts_with(code)) || !matches!(first.last(), Some(b' ' | b'-' | b'\r')) {
        return Probe::No;
    }
    let line = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default().to_ascii_uppercase();
    let says = |word: &[u8]| memchr::memmem::find(&line, word).is_some();
    if says(b"SMTP") || says(b"LMTP") {
        Probe::No
    } else if says(b"FTP") {
        Probe::Yes
    } else {
        Probe::Maybe
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Side;

    #[test]
    fn openings() {
        let check = |client: &str, server: &str, server_port: u16, expected: Probe| {
            let (client, server) = (client.as_bytes(), server.as_bytes());
            let opening =
                Opening { client, server, first: Side::Server, client_port: 40000, server_port, is_stream: true };
            assert_eq!(probe(&opening), expected, "{opening:?}");
        };
        check("", "220 (vsFTPd 3.0.3)\r\n", 40, Probe::Yes);
        check("", "220 mail ESMTP\r\n", 21, Probe::No);
        check("USER me\r\n", "220 Welcome\r\n", 2121, Probe::Yes);
        check("EHLO me\r\n", "220 Welcome\r\n", 21, Probe::No);
        check("USER me\r\n", "", 21, Probe::Maybe);
        check("USER me\r\n", "+OK\r\n", 21, Probe::No);
        check("", "220 Welcome\r\n", 2121, Probe::More);
    }
}
