//! `-D`: the interfaces, in tcpdump's manner. The number is the kernel's, and `-i` takes it too.

use std::fmt::Write;

use record::{Interfaces, NetworkInterface};

use crate::errors::{Exit, Failure};
use crate::terminal::escaped;

/// Prints them.
pub(crate) fn list() -> Result<Exit, Failure> {
    let interfaces = Interfaces::read().map_err(record::Error::Interfaces)?;
    let mut text = String::new();
    for interface in interfaces.iter() {
        let _ = writeln!(text, "{}.{} [{}]", interface.index, escaped(&interface.name), properties(interface));
    }
    text.push_str("any (Pseudo-device that captures on all interfaces) [Up, Running]\n");
    super::print(&text)
}

fn properties(interface: &NetworkInterface) -> String {
    let words = [
        (interface.up, "Up"),
        (interface.loopback, "Loopback"),
        (interface.default_route, "Default route"),
        (interface.bridge_port, "Bridge port"),
    ];
    let shown: Vec<&str> = words.iter().filter(|(holds, _)| *holds).map(|(_, word)| *word).collect();
    if shown.is_empty() { "none".to_owned() } else { shown.join(", ") }
}
