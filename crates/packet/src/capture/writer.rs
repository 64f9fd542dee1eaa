//! Writing pcapng.

use std::io::Write;

use super::block::{self, Section};
use super::{Error, Statistics};
use crate::{Interface, Packet, Timestamp};

/// Bytes that are collected before they are written.
const BUFFER_BYTES: usize = 256 * 1024;

/// Writes one little-endian pcapng section with nanoseconds.
#[derive(Debug)]
pub struct PcapngWriter<W: Write> {
    output: W,
    buffer: Vec<u8>,
    interfaces: u32,
}

impl<W: Write> PcapngWriter<W> {
    /// Begins the section.
    pub fn new(output: W, section: &Section) -> Self {
        let mut buffer = Vec::with_capacity(BUFFER_BYTES);
        block::write_section_header(&mut buffer, section);
        Self { output, buffer, interfaces: 0 }
    }

    /// Describes an interface, with the filter it was captured with, and returns its number.
    pub fn interface(&mut self, interface: &Interface, filter: Option<&str>) -> Result<u32, Error> {
        block::write_interface_block(&mut self.buffer, interface, filter);
        self.interfaces += 1;
        self.write_when_full()?;
        Ok(self.interfaces - 1)
    }

    /// Writes a packet whose `interface` is one that was described. A time before 1970 becomes 1970.
    #[inline]
    pub fn packet(&mut self, packet: &Packet<'_>) -> Result<(), Error> {
        self.check_interface(packet.interface)?;
        block::write_packet_block(&mut self.buffer, packet, usize::MAX);
        self.write_when_full()
    }

    /// Writes the counters that an interface has at `time`.
    pub fn statistics(&mut self, interface: u32, time: Timestamp, statistics: &Statistics) -> Result<(), Error> {
        self.check_interface(interface)?;
        block::write_statistics_block(&mut self.buffer, interface, time, statistics);
        self.write_when_full()
    }

    /// Writes out what is collected, and flushes the output.
    pub fn flush(&mut self) -> Result<(), Error> {
        self.write_out()?;
        self.output.flush().map_err(Error::Write)
    }

    /// Ends the capture and gives the output back.
    pub fn finish(mut self) -> Result<W, Error> {
        self.flush()?;
        Ok(self.output)
    }

    #[inline]
    fn check_interface(&self, interface: u32) -> Result<(), Error> {
        if interface < self.interfaces { Ok(()) } else { Err(Error::UnknownInterface { interface }) }
    }

    #[inline]
    fn write_when_full(&mut self) -> Result<(), Error> {
        if self.buffer.len() >= BUFFER_BYTES { self.write_out() } else { Ok(()) }
    }

    fn write_out(&mut self) -> Result<(), Error> {
        let written = self.output.write_all(&self.buffer).map_err(Error::Write);
        self.buffer.clear();
        written
    }
}
