//! The captures beside the repository, when they are there.

use std::fs;
use std::path::{Path, PathBuf};

/// The folder of captures: `$WIRETAPE_CAPTURES`, or `shared/captures` beside the repository.
pub(crate) fn folder() -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os("WIRETAPE_CAPTURES") {
        return Some(PathBuf::from(folder));
    }
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = here.ancestors().map(|up| up.join("shared/captures")).find(|folder| folder.is_dir());
    if found.is_none() {
        skipped("../shared/captures");
    }
    found
}

/// The rows of a truth file.
pub(crate) fn truth(folder: &Path, name: &str) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(folder.join("truth").join(name)).expect("truth file");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// Says that a test is left out for want of something, which must not be where WIRETAPE_NO_SKIP is set.
pub(crate) fn skipped(need: &str) {
    assert!(std::env::var_os("WIRETAPE_NO_SKIP").is_none(), "needs {need}");
    eprintln!("skipped: needs {need}");
}
