//! SNMP v1, v2c and v3 (RFC 1157, RFC 3416, RFC 3412, RFC 3414).

use packet::Cursor;

use super::ber;
use super::{Opening, Probe, Protocol, Recognised, Step};
use crate::fingerprint::hexadecimal;
use crate::{At, Field, Side, Sink};

pub(crate) const RECOGNISED: Recognised = Recognised { name: "snmp", probe, begin: |_| Box::new(Snmp) };

struct Snmp;

impl Protocol for Snmp {
    fn data(&mut self, _side: Side, at: At, data: &[u8], sink: &mut dyn Sink) -> Step {
        match Message::read(data) {
            Some(message) => message.tell(at, sink),
            None => sink.oddity(at, "malformed or cut SNMP message"),
        }
        Step::Go
    }
}

/// What a message says of its sender.
#[derive(Debug)]
struct Message<'a> {
    version: &'static str,
    sender: Sender<'a>,
    /// The tag of what is asked or told; `None` if it is encrypted.
    operation: Option<u8>,
}

#[derive(Debug)]
enum Sender<'a> {
    Community(&'a [u8]),
    User { engine: &'a [u8], name: &'a [u8] },
}

impl<'a> Message<'a> {
    fn read(data: &'a [u8]) -> Option<Self> {
        let mut message = ber::tagged(&mut Cursor::new(data), ber::SEQUENCE)?;
        match ber::number(&mut message)? {
            version @ (0 | 1) => Some(Self {
                version: if version == 0 { "SNMP v1" } else { "SNMP v2c" },
                sender: Sender::Community(ber::tagged(&mut message, ber::OCTETS)?.rest()),
                operation: Some(operation(&mut message)?),
            }),
            3 => Self::third(message),
            _ => None,
        }
    }

    fn third(mut message: Cursor<'a>) -> Option<Self> {
        ber::tagged(&mut message, ber::SEQUENCE)?;
        let mut parameters = ber::tagged(&mut message, ber::OCTETS)?;
        let mut parameters = ber::tagged(&mut parameters, ber::SEQUENCE)?;
        let engine = ber::tagged(&mut parameters, ber::OCTETS)?.rest();
        ber::number(&mut parameters)?;
        ber::number(&mut parameters)?;
        let name = ber::tagged(&mut parameters, ber::OCTETS)?.rest();
        let operation = ber::tagged(&mut message, ber::SEQUENCE).and_then(|mut scoped| {
            ber::tagged(&mut scoped, ber::OCTETS)?;
            ber::tagged(&mut scoped, ber::OCTETS)?;
            operation(&mut scoped)
        });
        Some(Self { version: "SNMP v3", sender: Sender::User { engine, name }, operation })
    }

    fn tell(&self, at: At, sink: &mut dyn Sink) {
        sink.fact(at, Field::Version, self.version);
        match self.sender {
            Sender::Community(community) => {
                sink.fact(at, Field::Detail, &format!("community={}", String::from_utf8_lossy(community)));
            }
            Sender::User { engine, name } => {
                if !name.is_empty() {
                    sink.fact(at, Field::User, &String::from_utf8_lossy(name));
                }
                if !engine.is_empty() {
                    sink.fact(at, Field::Detail, &format!("engine_id={}", hexadecimal(engine)));
                }
            }
        }
        if let Some(operation) = self.operation {
            sink.fact(at, Field::Detail, &format!("operation={}", operation_name(operation)));
        }
    }
}

fn operation(cursor: &mut Cursor<'_>) -> Option<u8> {
    cursor.u8().filter(|tag| (0xa0..=0xa8).contains(tag))
}

fn operation_name(tag: u8) -> &'static str {
    match tag {
        0xa0 => "get",
        0xa1 => "get-next",
        0xa2 => "response",
        0xa3 => "set",
        0xa4 => "trap",
        0xa5 => "get-bulk",
        0xa6 => "inform",
        0xa7 => "trap-v2",
        _ => "report",
    }
}

fn probe(opening: &Opening<'_>) -> Probe {
    let said = if opening.client.is_empty() { opening.server } else { opening.client };
    if !opening.is_stream && Message::read(said).is_some() { Probe::Yes } else { Probe::No }
}
