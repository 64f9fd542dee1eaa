//! Work with libraries that assert what a damaged file can break.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static IS_GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Does `work`; `None` if it panicked.
pub(crate) fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    let outer = IS_GUARDED.replace(true);
    let done = catch_unwind(AssertUnwindSafe(work)).ok();
    IS_GUARDED.set(outer);
    done
}

/// Whether a panic of this thread would be caught and become damage of a file: for panic hooks, which come first.
pub fn is_guarded() -> bool {
    IS_GUARDED.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_ends_the_work_alone() {
        assert_eq!(guarded(|| guarded(is_guarded)), Some(Some(true)));
        assert_eq!(guarded(|| assert!(!is_guarded(), "it is guarded")), None);
        assert!(!is_guarded());
    }
}
