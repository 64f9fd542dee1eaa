//! The captures beside the repository.

#[path = "../../../packet/tests/shared/captures.rs"]
mod captures;

use std::path::{Path, PathBuf};

pub(crate) use captures::{folder, skipped};

/// Every capture of the folder, in an order that is the same everywhere.
pub(crate) fn every_capture(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("folder").map(|entry| entry.expect("entry").path()) {
            match entry.extension().and_then(|extension| extension.to_str()) {
                _ if entry.is_dir() => folders.push(entry),
                Some("pcap" | "pcapng" | "cap" | "trace" | "gz" | "zst") => found.push(entry),
                _ => {}
            }
        }
    }
    found.sort();
    found
}
