//! Recording: kernel rings, interfaces, and the loop that brings packets onto the tape.
//!
//! [`Recorder`] opens a [`Ring`] on each interface of a [`Selection`] and hands what comes out of them, in the order of
//! the kernel's time, to a [`Desk`], which sorts packets into lanes with the flow table and gives them to a [`Keeper`].

mod attach;
mod batch;
mod capture;
mod clock;
mod control;
mod copies;
mod counters;
mod cut;
mod desk;
mod duplicates;
mod error;
mod feed;
mod frame;
mod interfaces;
mod keeper;
mod link;
mod losses;
mod merge;
mod netlink;
mod options;
mod ours;
mod overload;
mod policy;
mod reader;
mod recorder;
mod ring;
mod run;
mod selection;
mod session;
mod stream;
mod sys;
mod taps;
mod transmitter;

pub use attach::{Filter, FilterTarget};
pub use batch::{BATCH_MAX, Batch};
pub use control::Control;
pub use counters::{Counters, InterfaceCounters, LaneCounters, PolicyCounters};
pub use desk::{Desk, DeskClock};
pub use error::Error;
pub use interfaces::{Interfaces, NetworkInterface};
pub use keeper::{Keeper, Note};
pub use options::Options;
pub use policy::{Keep, Policy};
pub use recorder::Recorder;
pub use ring::{Ring, RingOptions};
pub use selection::{Chosen, Selection};
pub use sys::Statistics;
pub use taps::Tap;
pub use transmitter::Transmitter;
