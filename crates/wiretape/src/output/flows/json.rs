//! One JSON object a line.

use std::io::{self, Write};

use super::FlowRecord;
use crate::terminal::is_deceptive;

/// Prints one flow.
pub(super) fn line(out: &mut impl Write, flow: &FlowRecord) -> io::Result<()> {
    write_value(out, flow)
}

/// One value and a line end. Marks that would reorder or hide text on a screen are escaped as JSON allows it; they
/// can stand in strings only.
pub(crate) fn write_value(out: &mut impl Write, value: &impl serde::Serialize) -> io::Result<()> {
    let text = serde_json::to_string(value)?;
    if text.is_ascii() {
        return writeln!(out, "{text}");
    }
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control() || is_deceptive(letter) {
            safe.push_str(&format!("\\u{:04x}", u32::from(letter)));
        } else {
            safe.push(letter);
        }
    }
    writeln!(out, "{safe}")
}
