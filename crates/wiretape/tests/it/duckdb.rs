//! Flow files as another engine reads them through docs/flows.sql: the rows of `wiretape flows`.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Map, Value};

use crate::capture::all_captures;
use crate::support::{captures, run, run_with, skip};

/// Prints the view's rows of the tapes in its arguments as `wiretape flows --format json` has them, a line for each,
/// and an empty line behind each tape.
const PROGRAM: &str = r#"
import datetime, duckdb, json, os, sys
view = open(sys.argv[1]).read()
def cell_of(name, cell):
    if name in ('start', 'end'):
        seconds = datetime.datetime.fromtimestamp(cell // 10**9, datetime.timezone.utc)
        return f'{seconds:%Y-%m-%dT%H:%M:%S}.{cell % 10**9:09}Z'
    return int(cell) if name.startswith(('pkts', 'bytes', 'wire')) else cell
duckdb.sql('set enable_progress_bar = false')
for tape in sys.argv[2:]:
    os.chdir(tape)
    duckdb.sql(view)
    rows = duckdb.sql('''select * exclude (proven, captured_bytes)
        replace (epoch_ns("start") as "start", epoch_ns("end") as "end") from flows''')
    for row in rows.fetchall():
        cells = zip(rows.columns, row)
        print(json.dumps({name: cell_of(name, cell) for name, cell in cells if cell is not None and cell != []}))
    print()
"#;

#[test]
fn duckdb_sees_the_same_flows() {
    let Some(folder) = captures() else { return };
    let Some(python) = python() else { return skip("DuckDB for Python (tools/install)") };
    let sql = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/flows.sql").canonicalize().expect("the view");
    let scratch = tempfile::tempdir().expect("a folder");
    let chosen: Vec<PathBuf> = all_captures(&folder).into_iter().step_by(25).collect();
    let tapes: Vec<(PathBuf, Vec<Value>)> = chosen
        .iter()
        .enumerate()
        .map(|(number, path)| {
            let tape = scratch.path().join(number.to_string());
            // Twice, so that there are two flow files, and flows that go on.
            for _ in 0..2 {
                run_with(&["import", "--tape", &tape.to_string_lossy(), &path.to_string_lossy()]);
            }
            let flows = run(&format!("flows --tape {} --format json", tape.display()));
            (tape, flows.text().lines().map(comparable).collect())
        })
        .filter(|(_, flows): &(PathBuf, Vec<Value>)| !flows.is_empty())
        .collect();
    let output = Command::new(python).args(["-c", PROGRAM]).arg(&sql).args(tapes.iter().map(|(tape, _)| tape)).output();
    let output = output.expect("python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let mut lines = text.lines();
    for (tape, expected) in &tapes {
        let found: Vec<Value> = lines.by_ref().take_while(|line| !line.is_empty()).map(comparable).collect();
        for (found, expected) in found.iter().zip(expected) {
            assert_eq!(found, expected, "{}", tape.display());
        }
        assert_eq!(found.len(), expected.len(), "{}", tape.display());
    }
    assert!(tapes.iter().map(|(_, flows)| flows.len()).sum::<usize>() > 500, "few flows were compared");
}

/// A row without what the flow files do not have.
fn comparable(line: &str) -> Value {
    let mut row: Map<String, Value> = serde_json::from_str(line).expect("JSON");
    row.remove("kept");
    row.into()
}

/// A Python that has DuckDB: `$WIRETAPE_PYTHON_DUCKDB`, or what tools/install made.
fn python() -> Option<PathBuf> {
    let given = std::env::var_os("WIRETAPE_PYTHON_DUCKDB").map(PathBuf::from);
    let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../build/duckdb/bin/python");
    given.or(Some(made)).filter(|python| python.exists())
}
