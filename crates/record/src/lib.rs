//! Recording: kernel rings, interfaces, and the loop that brings packets onto the tape.

mod frame;
mod interfaces;
mod link;
mod netlink;
mod ring;
mod selection;
mod sys;

pub use frame::Frame;
pub use interfaces::{Interfaces, NetworkInterface};
pub use ring::{Ring, RingOptions};
pub use selection::{Chosen, Selection};
pub use sys::Statistics;
