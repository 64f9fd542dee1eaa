//! Commands and replies of SMTP.

/// What a client asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command<'a> {
    /// HELO, EHLO, LHLO, with the name that the client gives itself.
    Hello(&'a [u8]),
    /// MAIL FROM; empty for a bounce.
    From(&'a [u8]),
    /// RCPT TO.
    To(&'a [u8]),
    /// AUTH, with an initial response or without.
    Login {
        mechanism: &'a [u8],
        initial: &'a [u8],
    },
    StartTls,
    Data,
    /// BDAT.
    Chunk {
        bytes: u64,
        is_last: bool,
    },
    Reset,
    Other,
}

/// Reads a command line; verbs are told apart without regard to case.
pub(super) fn read(line: &[u8]) -> Command<'_> {
    let (verb, rest) = word(line);
    match verb.to_ascii_uppercase().as_slice() {
        b"EHLO" | b"HELO" | b"LHLO" => Command::Hello(rest),
        b"MAIL" => path(rest, b"FROM:").map_or(Command::Other, Command::From),
        b"RCPT" => path(rest, b"TO:").map_or(Command::Other, Command::To),
        b"AUTH" => {
            let (mechanism, initial) = word(rest);
            Command::Login { mechanism, initial }
        }
        b"STARTTLS" => Command::StartTls,
        b"DATA" => Command::Data,
        b"BDAT" => {
            let (bytes, last) = word(rest);
            let bytes = std::str::from_utf8(bytes).ok().and_then(|bytes| bytes.parse().ok());
            bytes.map_or(Command::Other, |bytes| Command::Chunk {
                bytes,
                is_last: last.trim_ascii().eq_ignore_ascii_case(b"LAST"),
            })
        }
        b"RSET" => Command::Reset,
        _ => Command::Other,
    }
}

/// Whether a line is a command rather than base64.
pub(super) fn is_command(line: &[u8]) -> bool {
    line.contains(&b' ')
        || line.eq_ignore_ascii_case(b"QUIT")
        || line.eq_ignore_ascii_case(b"RSET")
        || line.eq_ignore_ascii_case(b"NOOP")
}

/// A reply's code, whether its line is the last, and its text.
pub(super) fn reply(line: &[u8]) -> Option<(u16, bool, &[u8])> {
    let (code, rest) = line.split_at_checked(3)?;
    let code = std::str::from_utf8(code).ok().filter(|code| code.bytes().all(|byte| byte.is_ascii_digit()))?;
    let code = code.parse().ok()?;
    match rest.split_first() {
        None => Some((code, true, &[])),
        Some((b' ', text)) => Some((code, true, text)),
        Some((b'-', text)) => Some((code, false, text)),
        Some(_) => None,
    }
}

fn word(line: &[u8]) -> (&[u8], &[u8]) {
    let line = line.trim_ascii();
    let end = line.iter().position(|byte| *byte == b' ' || *byte == b'\t').unwrap_or(line.len());
    let (word, rest) = line.split_at_checked(end).unwrap_or((line, &[]));
    (word, rest.trim_ascii_start())
}

/// The mailbox of a path such as `FROM:<@relay:user@example.org> SIZE=100`.
fn path<'a>(text: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    let (got, rest) = text.split_at_checked(key.len())?;
    if !got.eq_ignore_ascii_case(key) {
        return None;
    }
    let rest = rest.trim_ascii_start();
    let mailbox = match rest.strip_prefix(b"<") {
        Some(inner) => {
            let end = inner.iter().rposition(|&byte| byte == b'>').unwrap_or(inner.len());
            inner.get(..end)?
        }
        None => word(rest).0,
    };
    // A source route is to be ignored (RFC 5321 4.1.1.3).
    match mailbox.strip_prefix(b"@") {
        Some(route) => route.iter().position(|&byte| byte == b':').and_then(|colon| route.get(colon + 1..)),
        None => Some(mailbox),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read() {
        let check = |line: &str, expected: Command<'_>| assert_eq!(read(line.as_bytes()), expected, "{line}");
        check("EHLO client.example", Command::Hello(b"client.example"));
        check("mail from:<a@b.example> SIZE=100 BODY=8BITMIME", Command::From(b"a@b.example"));
        check("MAIL FROM: <a@b.example>", Command::From(b"a@b.example"));
        check("MAIL FROM:<>", Command::From(b""));
        check("RCPT TO:<@relay.example,@other.example:c@d.example>", Command::To(b"c@d.example"));
        check("RCPT TO:c@d.example", Command::To(b"c@d.example"));
        check(
            "AUTH PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm",
            Command::Login { mechanism: b"PLAIN", initial: b"AHRpbQB0YW5zdGFhZnRhbnN0YWFm" },
        );
        check("BDAT 86 LAST", Command::Chunk { bytes: 86, is_last: true });
        check("BDAT 1000", Command::Chunk { bytes: 1000, is_last: false });
        check("BDAT -1", Command::Other);
        check("", Command::Other);
        assert_eq!(reply(b"250-PIPELINING"), Some((250, false, &b"PIPELINING"[..])));
        assert_eq!(reply(b"354"), Some((354, true, &b""[..])));
        assert_eq!(reply(b"+OK"), None);
    }
}
