//! How SMTP is told from what else begins with `220`: FTP above all.

use crate::protocols::{Opening, Probe};

const MAIL_PORTS: [u16; 5] = [25, 24, 465, 587, 2525];

pub(super) fn probe(opening: &Opening<'_>) -> Probe {
    if !opening.is_stream {
        return Probe::No;
    }
    match (client(opening.client), server(opening.server)) {
        (Probe::No, _) | (_, Probe::No) => Probe::No,
        (Probe::Yes, _) | (_, Probe::Yes) => Probe::Yes,
        (Probe::More, Probe::More) => Probe::More,
        (Probe::Maybe, Probe::Maybe) => Probe::Maybe,
        _ if MAIL_PORTS.contains(&opening.server_port) => Probe::Maybe,
        _ => Probe::More,
    }
}

fn client(bytes: &[u8]) -> Probe {
    let start: Vec<u8> = bytes.iter().take(10).map(u8::to_ascii_uppercase).collect();
    let verbs = [&b"EHLO "[..], b"HELO ", b"LHLO ", b"MAIL FROM:", b"RCPT TO:<"];
    if verbs.iter().any(|verb| start.starts_with(verb)) {
        return Probe::Yes;
    }
    let plain =
        [&b"HELO\r\n"[..], b"EHLO\r\n", b"STARTTLS\r\n", b"NOOP\r\n", b"QUIT\r\n", b"RSET\r\n", b"HELP", b"AUTH "];
    if plain.iter().any(|verb| start.starts_with(verb)) {
        return Probe::Maybe;
    }
    let is_beginning = verbs.iter().chain(&plain).any(|verb| verb.starts_with(&start));
    if is_beginning { Probe::More } else { Probe::No }
}

fn server(bytes: &[u8]) -> Probe {
    let line = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let Some(first) = bytes.get(..4) else {
        let code = bytes.get(..3).unwrap_or(bytes);
        return if b"220".starts_with(code) || b"554".starts_with(code) || b"421".starts_with(code) {
            Probe::More
        } else {
            Probe::No
        };
    };
    let (code, mark) = first.split_at_checked(3).unwrap_or((first, &[]));
    let is_reply = code.iter().all(u8::is_ascii_digit) && matches!(mark, [b' ' | b'-']);
    if !is_reply {
        return Probe::No;
    }
    let text = line.to_ascii_uppercase();
    let says = |word: &[u8]| memchr::memmem::find(&text, word).is_some();
    match code {
        b"220" if says(b"SMTP") || says(b"LMTP") => Probe::Yes,
        b"220" if says(b"FTP") => Probe::No,
        b"220" | b"554" | b"421" | b"250" | b"354" => Probe::Maybe,
        _ => Probe::No,
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
        check("", "220 mail.example ESMTP Postfix\r\n", 40, Probe::Yes);
        check("", "220 ProFTPD Server\r\n", 25, Probe::No);
        check("", "22", 25, Probe::More);
        check("", "220 mail.example\r\n", 2121, Probe::More);
        check("EHLO me\r\n", "220 mail.example\r\n", 2121, Probe::Yes);
        check("USER me\r\n", "220 mail.example\r\n", 25, Probe::No);
        check("ehlo me\r\n", "", 40, Probe::Yes);
        check("GET / HTTP/1.1\r\n", "", 25, Probe::No);
        check("", "+OK POP3", 25, Probe::No);
    }
}
