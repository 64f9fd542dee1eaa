//! Packets sent out of an interface as they are, link layer included.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use packet::LinkType;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::SendFlags;

use crate::link::Link;
use crate::{NetworkInterface, sys};

/// Sends packets out of one interface. Needs CAP_NET_RAW.
#[derive(Debug)]
pub struct Transmitter {
    socket: OwnedFd,
    link_type: LinkType,
}

impl Transmitter {
    /// Opens a socket for an interface.
    ///
    /// # Errors
    /// What the system says: no permission, no such interface, or one that is down.
    pub fn open(interface: &NetworkInterface) -> io::Result<Self> {
        let socket = sys::packet_socket()?;
        sys::bind_to_send(socket.as_fd(), interface.index)?;
        Ok(Self { socket, link_type: Link::of_hardware(interface.hardware).link_type })
    }

    /// What link type packets must have.
    pub fn link_type(&self) -> LinkType {
        self.link_type
    }

    /// Sends a packet; waits while the interface's queue is full.
    ///
    /// # Errors
    /// What the system says; `EMSGSIZE` of a packet that is longer than the interface takes.
    pub fn send(&self, data: &[u8]) -> io::Result<()> {
        loop {
            match rustix::net::send(&self.socket, data, SendFlags::empty()) {
                Ok(_) => return Ok(()),
                Err(rustix::io::Errno::AGAIN | rustix::io::Errno::NOBUFS) => self.wait()?,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn wait(&self) -> io::Result<()> {
        const TICK: rustix::event::Timespec = rustix::event::Timespec { tv_sec: 0, tv_nsec: 10_000_000 };
        match poll(&mut [PollFd::new(&self.socket, PollFlags::OUT)], Some(&TICK)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
