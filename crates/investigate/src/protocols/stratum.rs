//! Stratum, as miners of cryptocurrencies speak it to their pools: JSON-RPC in lines (Slush Pool's protocol, the variants of
//! Monero, Ethereum and Zcash): for whom, with what.

use serde_json::Value;

use super::cutter::{Length, Talk, Talking, line};
use super::once::Once;
use super::{Opening, Probe, Recognised, Step};
use crate::{At, Field, Side, Sink};

pub(crate) const RECOGNISED: Recognised =
    Recognised { name: "stratum", probe, begin: |_| Box::new(Talking::new(Stratum::default())) };

#[derive(Default)]
struct Stratum {
    told: Once,
}

impl Talk for Stratum {
    const KEPT_BYTES_MAX: usize = 16 << 10;
    const ENDS_WITH: Option<u8> = Some(b'\n');

    fn length(&self, _side: Side, head: &[u8]) -> Length {
        match line(head) {
            Length::More if head.len() >= Self::KEPT_BYTES_MAX => Length::Head(head.len()),
            length => length,
        }
    }

    fn message(&mut self, side: Side, at: At, message: &[u8], _is_whole: bool, sink: &mut dyn Sink) -> Step {
        let Ok(message) = serde_json::from_slice::<Value>(message) else { return Step::Go };
        match side {
            Side::Client => self.asked(at, &message, sink),
            Side::Server => self.answered(at, &message, sink),
        }
        Step::Go
    }

    fn held_bytes(&self) -> usize {
        self.told.held_bytes()
    }
}

impl Stratum {
    fn asked(&mut self, at: At, message: &Value, sink: &mut dyn Sink) {
        let Some(method) = message.get("method").and_then(Value::as_str) else { return };
        let parameter = |place: usize| message.pointer(&format!("/params/{place}")).and_then(Value::as_str);
        let named = |name: &str| message.pointer(&format!("/params/{name}")).and_then(Value::as_str);
        self.told.tell(at, Field::Detail, &format!("method={method}"), sink);
        match method {
            "mining.subscribe" => {
                self.known(at, Field::Software, "", parameter(0), sink);
                self.known(at, Field::Detail, "pool=", parameter(2), sink);
            }
            "mining.authorize" | "eth_submitLogin" => self.known(at, Field::User, "", parameter(0), sink),
            "login" => {
                self.known(at, Field::User, "", named("login"), sink);
                self.known(at, Field::Software, "", named("agent"), sink);
            }
            _ => {}
        }
    }

    fn answered(&mut self, at: At, message: &Value, sink: &mut dyn Sink) {
        let error = message.get("error");
        let text = error.and_then(|error| error.get("message").or_else(|| error.get(1))).and_then(Value::as_str);
        self.known(at, Field::Detail, "error=", text, sink);
        let algorithm = message.pointer("/result/job/algo").or_else(|| message.pointer("/params/algo"));
        self.known(at, Field::Detail, "algorithm=", algorithm.and_then(Value::as_str), sink);
    }

    fn known(&mut self, at: At, field: Field, before: &str, text: Option<&str>, sink: &mut dyn Sink) {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            self.told.tell(at, field, &format!("{before}{text}"), sink);
        }
    }
}

/// A first line of the client that subscribes or logs in.
fn probe(opening: &Opening<'_>) -> Probe {
    let said = opening.client;
    match said.first() {
        _ if !opening.is_stream => return Probe::No,
        None => return if matches!(opening.server.first(), None | Some(b'{')) { Probe::More } else { Probe::No },
        Some(b'{') => {}
        Some(_) => return Probe::No,
    }
    let Some(first) = said.split_inclusive(|&byte| byte == b'\n').next().filter(|first| first.ends_with(b"\n")) else {
        return Probe::More;
    };
    let Ok(message) = serde_json::from_slice::<Value>(first) else { return Probe::No };
    let parameters = message.get("params");
    match message.get("method").and_then(Value::as_str) {
        Some("mining.subscribe" | "mining.authorize" | "mining.configure" | "eth_submitLogin") => Probe::Yes,
        Some("login")
            if parameters.is_some_and(|named| named.get("login").is_some() && named.get("pass").is_some()) =>
        {
            Probe::Yes
        }
        _ => Probe::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collected::Said;
    use crate::protocols::vectors::{check, opened};

    /// As nDPI's captures of miners of Zcash and Monero have it.
    #[test]
    fn miners_and_their_pools() {
        let facts = [
            (Field::Detail, "method=mining.subscribe"),
            (Field::Software, "EWBF 0.3.4b"),
            (Field::Detail, "pool=eu1-zcash.flypool.org"),
            (Field::Detail, "method=mining.authorize"),
            (Field::User, "t1fAhZ.rig4"),
            (Field::Detail, "error=Unauthorized worker"),
        ];
        check(
            &RECOGNISED,
            &[
                Said::Client(b"{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[\"EWBF 0.3.4b\",null,\"eu1-zcash.flypool.org\",\"3333\"]}\n"),
                Said::Server(b"{\"id\":1,\"result\":[\"04\",\"04\"], \"error\": null}\n"),
                Said::Client(b"{\"id\":2,\"method\":\"mining.authorize\",\"params\":[\"t1fAhZ.rig4\",\"x\"]}\n"),
                Said::Server(b"{\"id\":2,\"result\":null,\"error\":[24,\"Unauthorized worker\",null]}\nnoise\n"),
            ],
            &facts,
        );
        check(
            &RECOGNISED,
            &[
                Said::Client(b"{\"method\":\"login\",\"params\":{\"login\":\"4BCeEP\",\"pass\":\"x\",\"agent\":\"xmr-stak/1.0\"},\"id\":1}\n"),
                Said::Server(b"{\"id\":1,\"jsonrpc\":\"2.0\",\"error\":null,\"result\":{\"id\":\"4\",\"job\":{\"algo\":\"cn/1\"}}}\n"),
            ],
            &[
                (Field::Detail, "method=login"),
                (Field::User, "4BCeEP"),
                (Field::Software, "xmr-stak/1.0"),
                (Field::Detail, "algorithm=cn/1"),
            ],
        );
    }

    #[test]
    fn openings() {
        let check = |client: &[u8], expected: Probe| {
            assert_eq!(opened(&RECOGNISED, client), expected, "{}", client.escape_ascii());
        };
        check(b"{\"id\":1,\"method\":\"mining.subscribe\"", Probe::More);
        check(b"{\"jsonrpc\":\"2.0\",\"method\":\"eth_blockNumber\",\"id\":1}\n", Probe::No);
        check(b"{\"method\":\"login\",\"params\":[\"x\"]}\n", Probe::No);
        check(b"GET / HTTP/1.1\r\n", Probe::No);
    }
}
