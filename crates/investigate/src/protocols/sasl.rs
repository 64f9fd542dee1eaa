//! Who logs in, as the mechanisms of SASL say it (RFC 4422 and the mechanisms' own).

use super::mime::Base64;
use super::ntlm;
use crate::{At, Field, Sink};

/// A longer response is not looked at.
const RESPONSE_BYTES_MAX: usize = 8 << 10;

/// An exchange on its way.
#[derive(Debug)]
pub(crate) struct Exchange {
    mechanism: String,
    is_told: bool,
}

impl Exchange {
    /// Begins with the mechanism's name.
    pub(crate) fn new(mechanism: &[u8]) -> Self {
        Self { mechanism: String::from_utf8_lossy(mechanism).to_ascii_uppercase(), is_told: false }
    }

    /// What the client says, in base64; the first that names a user tells it.
    pub(crate) fn response(&mut self, line: &[u8], at: At, sink: &mut dyn Sink) {
        if self.is_told || line.len() > RESPONSE_BYTES_MAX {
            return;
        }
        let plain = Base64::whole(line.trim_ascii());
        if self.mechanism == "NTLM" || self.mechanism == "GSS-SPNEGO" {
            self.is_told = ntlm::tell(&plain, at, sink);
        } else if let Some(user) = user(&self.mechanism, &plain).filter(|user| !user.is_empty()) {
            sink.fact(at, Field::User, &String::from_utf8_lossy(user));
            self.is_told = true;
        }
    }
}

fn user<'a>(mechanism: &str, plain: &'a [u8]) -> Option<&'a [u8]> {
    let after = |mark: &[u8], end: &[u8]| {
        let start = memchr::memmem::find(plain, mark)? + mark.len();
        let rest = plain.get(start..)?;
        let length = rest.iter().position(|byte| end.contains(byte)).unwrap_or(rest.len());
        rest.get(..length)
    };
    match mechanism {
        // RFC 4616
        "PLAIN" => plain.split(|&byte| byte == 0).nth(1),
        "LOGIN" => Some(plain),
        // RFC 2195
        "CRAM-MD5" => plain.iter().rposition(|&byte| byte == b' ').and_then(|space| plain.get(..space)),
        // RFC 2831
        "DIGEST-MD5" => after(b"username=\"", b"\""),
        "XOAUTH2" => after(b"user=", b"\x01"),
        // RFC 7628
        "OAUTHBEARER" => after(b"a=", b",\x01"),
        // RFC 5802
        _ if mechanism.starts_with("SCRAM-") => after(b"n=", b","),
        "EXTERNAL" | "ANONYMOUS" => Some(plain),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_of_the_mechanisms() {
        let check = |mechanism: &str, response: &str, expected: &str| {
            let plain = Base64::whole(response.as_bytes());
            assert_eq!(user(mechanism, &plain), Some(expected.as_bytes()), "{mechanism}");
        };
        check("PLAIN", "AHRpbQB0YW5zdGFhZnRhbnN0YWFm", "tim");
        check("LOGIN", "dGlt", "tim");
        check("CRAM-MD5", "dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw", "tim");
        check("SCRAM-SHA-1", "biwsbj11c2VyLHI9ZnlrbytkMmxiYkZnT05Sdjlxa3hkYXdM", "user");
        check("OAUTHBEARER", "bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyAQE=", "user@example.com");
    }
}
