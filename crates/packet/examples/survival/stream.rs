//! The capture as it is made: conversations and junk, by time.

use std::io::{self, Write};

use crate::capture::Capture;
use crate::conversation::Pool;
use crate::crowd::Crowd;
use crate::flood::{Scene, Shape, Target};
use crate::frame::Records;
use crate::random::Random;
use crate::ring::Rings;
use crate::truth::{JUNK, Truth};

/// A nanosecond pcap of Ethernet frames.
pub(crate) const PCAP_HEADER: [u8; 24] = *b"\x4d\x3c\xb2\xa1\x02\x00\x04\x00\0\0\0\0\0\0\0\0\0\0\x04\0\x01\0\0\0";

/// Junk of so many bytes, spread evenly over its time.
pub(crate) struct Flood {
    pub(crate) shape: Box<dyn Shape>,
    pub(crate) target: Target,
    pub(crate) start: u64,
    pub(crate) span_ns: u64,
    pub(crate) bytes: u64,
}

/// Writes packets and keeps the truth about them.
pub(crate) struct Stream<W> {
    output: W,
    pub(crate) truth: Truth,
    pub(crate) rings: Rings,
    last: u64,
    pool: Pool,
}

impl<W: Write> Stream<W> {
    pub(crate) fn new(mut output: W, budget_bytes: u64, head_bytes: u64) -> io::Result<Self> {
        output.write_all(&PCAP_HEADER)?;
        Ok(Self { output, truth: Truth::new(head_bytes), rings: Rings::new(budget_bytes), last: 0, pool: Pool::new() })
    }

    /// A capture as it is; the times of its first and last packet.
    pub(crate) fn pass(&mut self, mut capture: Capture) -> io::Result<(u64, u64)> {
        let start = capture.next_time();
        let mut records = Records::default();
        while capture.next_time() < u64::MAX {
            let time = capture.next_time();
            records.clear();
            let flow = capture.step(&mut records, &mut self.truth)?;
            self.write(&mut records, 0, time, flow)?;
        }
        self.output.flush()?;
        Ok((start, self.last))
    }

    /// Everything until `end`.
    pub(crate) fn run(&mut self, crowd: &mut Crowd, flood: Option<Flood>, end: u64, seed: u64) -> io::Result<()> {
        if let Some(flood) = flood {
            self.conversations(crowd, flood.start)?;
            self.flood(crowd, flood, seed)?;
        }
        self.conversations(crowd, end)?;
        self.output.flush()
    }

    /// What there is besides junk, until `end`.
    fn conversations(&mut self, crowd: &mut Crowd, end: u64) -> io::Result<()> {
        let mut records = Records::default();
        loop {
            let time = crowd.next_time(&mut self.truth);
            if time >= end {
                return Ok(());
            }
            records.clear();
            let flow = crowd.step(&mut records, &self.pool, &mut self.truth)?;
            for number in 0..records.len() {
                self.write(&mut records, number, time, flow)?;
            }
        }
    }

    fn flood(&mut self, crowd: &mut Crowd, mut flood: Flood, seed: u64) -> io::Result<()> {
        let mut random = Random::new(seed ^ 0xbad);
        let mut records = Records::default();
        let (mut sent, mut icmp_next) = (0, 0);
        let ns_a_byte = flood.span_ns as f64 / flood.bytes as f64;
        let mut now = flood.start;
        while sent < flood.bytes {
            records.clear();
            let scene = &mut Scene {
                records: &mut records,
                random: &mut random,
                pool: &self.pool,
                target: flood.target,
                now,
                icmp_next: &mut icmp_next,
            };
            flood.shape.exchange(scene);
            for number in 0..records.len() {
                sent += 16 + records.frame(number).len() as u64;
                now = flood.start + (sent as f64 * ns_a_byte) as u64;
                self.conversations(crowd, now)?;
                self.write(&mut records, number, now, JUNK)?;
            }
        }
        Ok(())
    }

    /// No two packets have the same time.
    fn write(&mut self, records: &mut Records, number: usize, time: u64, flow: u32) -> io::Result<()> {
        self.last = time.max(self.last + 1);
        let frame = records.frame(number);
        let files = self.rings.add(frame.len());
        self.truth.packet(flow, self.last, frame, files);
        self.output.write_all(records.record(number, self.last))
    }
}
