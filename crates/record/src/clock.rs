//! The wall clock, in the packets' own unit.

use packet::Timestamp;
use rustix::time::{ClockId, clock_gettime};

/// What the kernel would stamp a packet with now.
pub(crate) fn wall_clock() -> Timestamp {
    let now = clock_gettime(ClockId::Realtime);
    Timestamp(now.tv_sec.saturating_mul(1_000_000_000).saturating_add(now.tv_nsec))
}
