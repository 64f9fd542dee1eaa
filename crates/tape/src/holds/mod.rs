//! Holds: flows that are kept out of the reach of ageing, each hold in a directory of its own below `held/`.
//!
//! A hold's directory is a small tape: segments, flow rows and indexes as in the tape itself, so that whatever reads
//! tapes reads holds, and questions to the tape ask its holds too. Whoever wants one leaves an order there; who writes
//! the tape fills it, and goes on with what comes. `HoldKeeper` does that beside a recording.

mod keeper;
mod orders;
mod retain;
mod shelf;
mod writer;

pub use crate::format::hold::{Order, Progress, Release, State, is_name};
pub(crate) use keeper::HoldKeeper;
pub use orders::{Ask, ask, release, remember_watch, serve, watch_memory};
pub(crate) use orders::{gives_way, is_settled};
pub use retain::Retained;
pub use shelf::{Held, Holds, hold, holds};
pub(crate) use shelf::{hold_names, read_progress};
