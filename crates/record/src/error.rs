//! What can go wrong while recording.

use std::io;

use packet::LinkType;

/// What can go wrong while recording; `wiretape` words it for people.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The process may not open packet sockets: CAP_NET_RAW is missing.
    #[error("capturing packets needs CAP_NET_RAW: {0}")]
    NotPermitted(#[source] io::Error),
    /// No interface has this name or index.
    #[error("no interface {name} (there are: {})", available.join(", "))]
    NoSuchInterface {
        /// What was asked for.
        name: String,
        /// The names that there are.
        available: Vec<String>,
    },
    /// `auto` found nothing that is worth recording.
    #[error("no interface has a default route or an address (there are: {})", available.join(", "))]
    NoInterface {
        /// The names that there are.
        available: Vec<String>,
    },
    /// The kernel refused a ring.
    #[error("opening a ring of {ring_bytes} bytes on {interface}: {source}")]
    Ring {
        /// Its name, or `any`.
        interface: String,
        /// Memory asked for.
        ring_bytes: usize,
        /// What the kernel said.
        source: io::Error,
    },
    /// The kernel did not tell about its interfaces.
    #[error("asking the kernel for its interfaces: {0}")]
    Interfaces(#[source] io::Error),
    /// The filter cannot be compiled for the packets of an interface.
    #[error("the filter on {link_type} packets: {message}")]
    Filter {
        /// The link type of the interface.
        link_type: LinkType,
        /// What the compiler said.
        message: String,
    },
    /// Waiting for packets failed.
    #[error("waiting for packets: {0}")]
    Wait(#[source] io::Error),
    /// A thread that reads a ring could not be started.
    #[error("starting a thread that reads a ring: {0}")]
    Reader(#[source] io::Error),
    /// Whoever reads the live capture could not be written to.
    #[error("writing the live capture: {0}")]
    Output(#[source] io::Error),
    /// The tape refused.
    #[error(transparent)]
    Tape(#[from] tape::Error),
}
