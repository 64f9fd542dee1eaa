//! The captures beside the repository, when they are there.

use std::fs;
use std::path::Path;

#[path = "../../../packet/tests/shared/captures.rs"]
mod shared;

pub(crate) use shared::{folder, skipped};

/// The rows of a truth file.
pub(crate) fn truth(folder: &Path, name: &str) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(folder.join("truth").join(name)).expect("truth file");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}
