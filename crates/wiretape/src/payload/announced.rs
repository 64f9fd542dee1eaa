//! Connections that others announced, by their rows: for a reader that does not hear the others.

use std::collections::HashSet;

use flow::FlowRow;
use investigate::{Expected, FileStart, Investigation};
use tape::question::Spoken;

/// Says what rows know of flows before their payload comes.
#[derive(Default)]
pub(crate) struct Announcements(HashSet<u64>);

impl Announcements {
    /// A packet comes next.
    pub(crate) fn before(&mut self, spoken: &Spoken<'_>, investigation: &mut Investigation) {
        if spoken.headers.payload_bytes > 0
            && let Some(expected) = spoken.row.and_then(announced)
            && self.0.insert(spoken.flow_id.0)
        {
            investigation.expect(expected);
        }
    }
}

/// What announced a flow, if its row says that it is a connection which carries what another one said.
///
/// It may be that only the rest of a file was asked for: so it is called a range, and what was transferred is hashed.
pub(super) fn announced(row: &FlowRow) -> Option<Expected> {
    let payload = row.payload.as_ref()?;
    let protocol = ["ftp-data", "tftp"].into_iter().find(|name| payload.first("app_proto") == Some(name))?;
    let name = payload.first("file_name").map(str::to_owned);
    let file = FileStart { protocol, name, is_piece: true, ..FileStart::default() };
    Some(Expected { address: row.dest_ip, port: row.dest_port, proto: row.proto, protocol, file, is_sender: None })
}
