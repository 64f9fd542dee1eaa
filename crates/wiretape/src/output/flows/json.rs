//! One JSON object a line.

use std::io::{self, Write};

use super::FlowRecord;

/// Prints one flow.
pub(super) fn line(out: &mut impl Write, flow: &FlowRecord) -> io::Result<()> {
    serde_json::to_writer(&mut *out, flow)?;
    out.write_all(b"\n")
}
