//! `packets --anonymise`: packets that others may see.

use std::io::Read;
use std::path::Path;

use investigate::anonymise::{Anonymiser, KEY_BYTES};
use packet::{Interface, Packet};

use super::open_input;
use crate::args::{AnonymisedPayload, PacketsArgs};
use crate::errors::Failure;
use crate::output::coverage::thousands;
use crate::terminal;

/// Takes out of packets, and of the interfaces' names, what others are not to see.
pub(super) struct Disguise {
    anonymiser: Anonymiser,
    data: Vec<u8>,
    left_out: u64,
}

impl Disguise {
    /// If the call asks for it.
    pub(super) fn wanted(arguments: &PacketsArgs) -> Result<Option<Self>, Failure> {
        if !arguments.anonymise {
            return Ok(None);
        }
        let key = match &arguments.anonymise_key {
            Some(path) => {
                let key = key_in(path)?;
                if !Anonymiser::keeps_classes(&key) {
                    terminal::notice("with this key some hosts get addresses of groups (224.0.0.0/4)");
                }
                key
            }
            None => new_key()?,
        };
        let anonymiser = match arguments.anonymise_payload {
            AnonymisedPayload::Cut => Anonymiser::new(&key),
            AnonymisedPayload::Keep => {
                terminal::warning(
                    "payload is kept where names in it can be replaced: what people wrote (bodies, paths, other headers) is as it was",
                );
                Anonymiser::keeping_payload(&key)
            }
        };
        Ok(Some(Self { anonymiser, data: Vec::new(), left_out: 0 }))
    }

    /// A packet, and its interface, as others may see them; `None` if it cannot be shown.
    pub(super) fn packet(&mut self, packet: &Packet<'_>, interface: &Interface) -> Option<(Packet<'_>, Interface)> {
        self.data.clear();
        self.data.extend_from_slice(packet.data);
        let Some(bytes) = self.anonymiser.packet(interface.link_type, &mut self.data) else {
            self.left_out += 1;
            return None;
        };
        let data = self.data.get(..bytes).unwrap_or_default();
        let interface = Interface { name: None, description: None, ..interface.clone() };
        Some((Packet { data, arrival: None, ..*packet }, interface))
    }

    /// Says what was left out, and how much that was.
    pub(super) fn finish(self) -> u64 {
        if self.left_out > 0 {
            terminal::warning(format_args!(
                "{} packets are left out: what their link layer says is not known, and could tell who spoke",
                thousands(self.left_out)
            ));
        }
        self.left_out
    }
}

fn key_in(path: &Path) -> Result<[u8; KEY_BYTES], Failure> {
    let mut bytes = Vec::new();
    let unread = |error: std::io::Error| Failure::system(format!("cannot read {}", path.display()), &error);
    open_input(path)?.take(4096).read_to_end(&mut bytes).map_err(unread)?;
    if let Ok(key) = <[u8; KEY_BYTES]>::try_from(bytes.as_slice()) {
        return Ok(key);
    }
    let text = String::from_utf8_lossy(&bytes).trim().to_owned();
    let digit = |place: usize| u8::from_str_radix(text.get(place * 2..place * 2 + 2)?, 16).ok();
    let key: Option<Vec<u8>> = (0..KEY_BYTES).map(digit).collect();
    key.filter(|_| text.len() == KEY_BYTES * 2).and_then(|key| key.try_into().ok()).ok_or_else(|| {
        Failure::call(format!("{} holds no key", path.display()))
            .because("a key is 32 bytes, or 64 hex digits")
            .attempt(format!("head -c 32 /dev/urandom > {}", path.display()))
    })
}

/// A key that nobody knows, and that makes no groups of hosts: one in sixteen is such.
fn new_key() -> Result<[u8; KEY_BYTES], Failure> {
    let unread = |error: std::io::Error| Failure::system("cannot read /dev/urandom", &error);
    let mut random = std::fs::File::open("/dev/urandom").map_err(unread)?;
    loop {
        let mut key = [0; KEY_BYTES];
        random.read_exact(&mut key).map_err(unread)?;
        if Anonymiser::keeps_classes(&key) {
            return Ok(key);
        }
    }
}
