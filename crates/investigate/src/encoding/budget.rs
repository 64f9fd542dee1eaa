//! Memory of all decoders together: what they need is told by whoever sent the body.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::Undecodable;

/// Most that all decoders of this process hold together.
const DECODERS_BYTES_MAX: usize = 160 << 20;

static HELD_BYTES: AtomicUsize = AtomicUsize::new(0);

/// Room that was set aside, and is given back when it goes.
pub(super) struct Room(usize);

impl Room {
    /// Sets room aside, if there is any.
    pub(super) fn take(bytes: usize) -> Result<Self, Undecodable> {
        let held = HELD_BYTES.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        let room = Self(bytes);
        if held > DECODERS_BYTES_MAX { Err(Undecodable::NoRoom) } else { Ok(room) }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        HELD_BYTES.fetch_sub(self.0, Ordering::Relaxed);
    }
}
