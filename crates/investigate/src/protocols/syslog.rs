//! Syslog over UDP: who writes (RFC 3164, RFC 5424).

use super::{Opening, Probe, Protocol, Recognised, Step};
use crate::{At, Field, Side, Sink};

pub(crate) const RECOGNISED: Recognised = Recognised { name: "syslog", probe, begin: |_| Box::new(Syslog) };

struct Syslog;

impl Protocol for Syslog {
    fn data(&mut self, _side: Side, at: At, data: &[u8], sink: &mut dyn Sink) -> Step {
        let Some((_, rest)) = priority(data) else { return Step::Go };
        let text = String::from_utf8_lossy(rest.get(..512).unwrap_or(rest));
        let mut words = text.split(' ').filter(|word| !word.is_empty());
        match text.strip_prefix("1 ") {
            // Version, time, host, program
            Some(rest) => {
                let mut words = rest.split(' ').skip(1);
                let (host, program) = (words.next(), words.next());
                host.filter(|host| *host != "-").into_iter().for_each(|host| sink.fact(at, Field::HostName, host));
                program.filter(|name| *name != "-").into_iter().for_each(|name| sink.fact(at, Field::Software, name));
            }
            // Month, day, time, host, program
            None if words.next().is_some_and(is_month) => {
                words.nth(1);
                words.next().into_iter().for_each(|host| sink.fact(at, Field::HostName, host));
                let program = words.next().and_then(|word| word.split(['[', ':']).next());
                program.into_iter().for_each(|name| sink.fact(at, Field::Software, name));
            }
            None => {}
        }
        Step::Go
    }
}

fn is_month(word: &str) -> bool {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    MONTHS.contains(&word)
}

/// The number between angle brackets with which a message begins, and the rest.
fn priority(data: &[u8]) -> Option<(u8, &[u8])> {
    const PRIORITY_MAX: u8 = 191;
    let rest = data.strip_prefix(b"<")?;
    let end = memchr::memchr(b'>', rest.get(..4).unwrap_or(rest))?;
    let (digits, rest) = rest.split_at_checked(end)?;
    let number: u8 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (number <= PRIORITY_MAX && digits.iter().all(u8::is_ascii_digit)).then_some((number, rest.get(1..)?))
}

fn probe(opening: &Opening<'_>) -> Probe {
    const PORT: u16 = 514;
    let said = if opening.client.is_empty() { opening.server } else { opening.client };
    match priority(said) {
        _ if opening.is_stream => Probe::No,
        Some((_, [b'1', b' ', ..] | [b'A'..=b'Z', ..])) => Probe::Yes,
        Some(_) if opening.server_port == PORT || opening.client_port == PORT => Probe::Yes,
        _ => Probe::No,
    }
}
