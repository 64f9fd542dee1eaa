//! Where the captures beside the repository are. Each crate's test binary includes this file.

use std::path::{Path, PathBuf};

/// The folder of captures: `$WIRETAPE_CAPTURES`, or `shared/captures` beside the repository.
pub(crate) fn folder() -> Option<PathBuf> {
    let named = std::env::var_os("WIRETAPE_CAPTURES").map(PathBuf::from);
    let beside = || {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        here.ancestors().map(|up| up.join("shared/captures")).find(|folder| folder.is_dir())
    };
    let found = named.filter(|folder| folder.is_dir()).or_else(beside);
    if found.is_none() {
        skipped("../shared/captures");
    }
    found
}

/// Says that a test is left out for want of something, which must not be where WIRETAPE_NO_SKIP is set.
pub(crate) fn skipped(need: &str) {
    assert!(std::env::var_os("WIRETAPE_NO_SKIP").is_none(), "needs {need}");
    eprintln!("skipped: needs {need}");
}
