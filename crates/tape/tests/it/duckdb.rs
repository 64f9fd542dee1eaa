//! Flow files as another engine reads them, through docs/flows.sql.

use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;

use tape::question::{Query, Source, flows};

use crate::built_tape::{Cut, build};
use crate::question::{CUT, read_capture, some_captures};
use crate::shared_captures::folder;

/// Prints the flows of the tape in its second argument.
const PROGRAM: &str = r#"
import duckdb, os, sys
os.chdir(sys.argv[2])
duckdb.sql(open(sys.argv[1]).read())
rows = duckdb.sql('''select flow_id, epoch_ns("start"), epoch_ns("end"), src_ip, src_port, dest_ip, dest_port,
    pkts_toserver, pkts_toclient, bytes_toserver, bytes_toclient, captured_bytes, tcp_flags_ts, conn_state, history,
    community_id, direction from flows order by flow_id''').fetchall()
for row in rows:
    print('|'.join('' if cell is None else str(cell) for cell in row))
"#;

#[test]
fn duckdb_sees_the_same_flows() {
    let Some(root) = folder() else { return };
    // No distribution has it: whoever wants this test says which Python does.
    let Some(python) = std::env::var_os("WIRETAPE_PYTHON_DUCKDB") else { return };
    let sql = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/flows.sql");
    for path in some_captures(&root).into_iter().step_by(11) {
        let Some((interfaces, packets)) = read_capture(&path) else { continue };
        let directory = tempfile::tempdir().unwrap();
        // Every packet is in a flow file.
        let cut = Cut { checkpoint_packets: 1 + packets.len() / 4, ..CUT };
        let whole = packets.len() / cut.checkpoint_packets * cut.checkpoint_packets;
        build(directory.path(), &interfaces, &packets[..whole], cut);
        let output = Command::new(&python).args(["-c", PROGRAM]).arg(&sql).arg(directory.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let found = String::from_utf8(output.stdout).unwrap();
        assert_eq!(found.lines().collect::<Vec<_>>(), expected(directory.path()), "{}", path.display());
    }
}

fn expected(tape: &Path) -> Vec<String> {
    let mut rows = Vec::new();
    flows(&Source::tape(tape), &Query::default(), &mut |flow| {
        let row = flow.row;
        let ip = |address: packet::Address| match row.ip_version {
            0 if address.as_v4().is_none() => String::new(),
            6 => std::net::Ipv6Addr::from(address.0).to_string(),
            _ => address.to_string(),
        };
        let cells = [
            row.flow_id.to_string(),
            row.start.0.to_string(),
            row.end.0.to_string(),
            ip(row.src_ip),
            row.src_port.to_string(),
            ip(row.dest_ip),
            row.dest_port.to_string(),
            row.pkts_toserver.to_string(),
            row.pkts_toclient.to_string(),
            row.bytes_toserver.to_string(),
            row.bytes_toclient.to_string(),
            row.captured_bytes.to_string(),
            row.tcp_flags_ts.to_string(),
            row.conn_state.name().to_owned(),
            row.history.to_string(),
            row.community_id().unwrap_or_default(),
            row.direction.name().to_owned(),
        ];
        rows.push(cells.join("|"));
        ControlFlow::Continue(())
    })
    .unwrap();
    rows.sort();
    rows
}
