//! Connections that others announced, by their rows: for a reader that does not hear the others.

use flow::FlowRow;
use investigate::{Expected, FileStart};

/// What announced a flow, if its row says that it is a connection which carries what another one said.
///
/// It may be that only the rest of a file was asked for: so it is called a range, and what was transferred is hashed.
pub(crate) fn announced(row: &FlowRow) -> Option<Expected> {
    let payload = row.payload.as_ref()?;
    let protocol = ["ftp-data", "tftp"].into_iter().find(|name| payload.first("app_proto") == Some(name))?;
    let name = payload.first("file_name").map(str::to_owned);
    let file = FileStart { protocol, name, is_piece: true, ..FileStart::default() };
    Some(Expected { address: row.dest_ip, port: row.dest_port, proto: row.proto, protocol, file, is_sender: None })
}
