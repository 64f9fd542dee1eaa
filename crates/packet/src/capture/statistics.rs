//! Counters of an interface.

use crate::Timestamp;

/// What an Interface Statistics Block says; a counter that was not measured is `None`, which is not 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Statistics {
    /// When the capture began on the interface (`isb_starttime`).
    pub start: Option<Timestamp>,
    /// When it ended (`isb_endtime`).
    pub end: Option<Timestamp>,
    /// Packets that the interface received (`isb_ifrecv`).
    pub received: Option<u64>,
    /// Packets that the interface dropped for lack of room (`isb_ifdrop`).
    pub dropped_interface: Option<u64>,
    /// Packets that passed the filter (`isb_filteraccept`).
    pub filter_accepted: Option<u64>,
    /// Packets that the operating system dropped (`isb_osdrop`).
    pub dropped_system: Option<u64>,
    /// Packets that came to the user (`isb_usrdeliv`).
    pub delivered: Option<u64>,
}
