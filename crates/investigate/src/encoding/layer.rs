//! One encoding.

use flate2::{Decompress, FlushDecompress, Status};
use zstd::stream::raw::{DParameter, Decoder as Zstd, Operation};

use super::Undecodable;
use super::brotli::Brotli;
use super::budget::Room;

/// What inflating takes: a window of 32 KiB and its tables.
const INFLATE_BYTES: usize = 48 << 10;
/// The largest window that a sender of zstd may use (RFC 9659 says 8 MiB).
const ZSTD_WINDOW_BITS_MAX: u32 = 23;
const ZSTD_BYTES: usize = (1 << ZSTD_WINDOW_BITS_MAX) + (256 << 10);

/// How far one step came.
pub(super) struct Stepped {
    pub(super) read: usize,
    pub(super) written: usize,
}

/// One encoding being undone.
pub(super) struct Layer {
    coding: Coding,
    /// Nothing is made before the first byte is there.
    machine: Option<(Machine, Room)>,
    is_at_end: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Coding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

enum Machine {
    Inflate(Decompress),
    Brotli(Box<Brotli>),
    Zstd(Box<Zstd<'static>>),
}

impl Layer {
    /// By its name (RFC 9110, section 8.4.1; RFC 7932; RFC 8878).
    pub(super) fn named(coding: &str) -> Option<Self> {
        let named = |names: &[&str]| names.iter().any(|name| coding.eq_ignore_ascii_case(name));
        let coding = match () {
            () if named(&["gzip", "x-gzip"]) => Coding::Gzip,
            () if named(&["deflate", "x-deflate"]) => Coding::Deflate,
            () if named(&["br"]) => Coding::Brotli,
            () if named(&["zstd"]) => Coding::Zstd,
            () => return None,
        };
        Some(Self { coding, machine: None, is_at_end: false })
    }

    /// Whether this byte can be the first.
    pub(super) fn can_begin_with(&self, first: u8) -> bool {
        match self.coding {
            Coding::Gzip => first == 0x1f,
            Coding::Zstd => first == 0x28 || first & 0xf0 == 0x50,
            Coding::Deflate | Coding::Brotli => true,
        }
    }

    /// Whether it has come to its own end.
    pub(super) fn is_at_end(&self) -> bool {
        self.is_at_end
    }

    /// Decodes as much as there is and as has room.
    pub(super) fn step(&mut self, wire: &[u8], plain: &mut [u8]) -> Result<Stepped, Undecodable> {
        if self.is_at_end && !self.begins_anew(wire) {
            return Ok(Stepped { read: wire.len(), written: 0 });
        }
        let Some(first) = wire.first().copied().or(self.machine.is_some().then_some(0)) else {
            return Ok(Stepped { read: 0, written: 0 });
        };
        let (machine, _) = match &mut self.machine {
            Some(machine) => machine,
            None => self.machine.insert(begin(self.coding, first)?),
        };
        let (stepped, is_at_end) = match machine {
            Machine::Inflate(inflate) => step_inflate(inflate, wire, plain)?,
            Machine::Brotli(brotli) => brotli.step(wire, plain)?,
            Machine::Zstd(zstd) => step_zstd(zstd, wire, plain)?,
        };
        self.is_at_end = is_at_end;
        if is_at_end && self.coding != Coding::Zstd {
            self.machine = None;
        }
        Ok(stepped)
    }

    /// Files of gzip and frames of zstd may follow upon each other; behind the others there is nothing but padding.
    fn begins_anew(&mut self, wire: &[u8]) -> bool {
        let follows = matches!(self.coding, Coding::Gzip | Coding::Zstd);
        if follows && wire.first().is_some_and(|first| self.can_begin_with(*first)) {
            self.is_at_end = false;
            return true;
        }
        false
    }
}

fn begin(coding: Coding, first: u8) -> Result<(Machine, Room), Undecodable> {
    Ok(match coding {
        Coding::Gzip => (Machine::Inflate(Decompress::new_gzip(15)), Room::take(INFLATE_BYTES)?),
        // RFC 9110 means zlib by it, some servers send it bare. CM is 8 and CINFO at most 7 (RFC 1950).
        Coding::Deflate => {
            let is_zlib = first & 0x0f == 8 && first >> 4 <= 7;
            (Machine::Inflate(Decompress::new(is_zlib)), Room::take(INFLATE_BYTES)?)
        }
        Coding::Brotli => (Machine::Brotli(Box::default()), Room::take(Brotli::bytes(first))?),
        Coding::Zstd => {
            let room = Room::take(ZSTD_BYTES)?;
            let mut zstd = Zstd::new().map_err(|_| Undecodable::NoRoom)?;
            zstd.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_BITS_MAX)).map_err(|_| Undecodable::NoRoom)?;
            (Machine::Zstd(Box::new(zstd)), room)
        }
    })
}

fn step_inflate(inflate: &mut Decompress, wire: &[u8], plain: &mut [u8]) -> Result<(Stepped, bool), Undecodable> {
    let (read_before, written_before) = (inflate.total_in(), inflate.total_out());
    let status = inflate.decompress(wire, plain, FlushDecompress::None).map_err(|_| Undecodable::Malformed)?;
    let read = usize::try_from(inflate.total_in() - read_before).unwrap_or(wire.len());
    let written = usize::try_from(inflate.total_out() - written_before).unwrap_or(0);
    Ok((Stepped { read, written }, status == Status::StreamEnd))
}

fn step_zstd(zstd: &mut Zstd<'static>, wire: &[u8], plain: &mut [u8]) -> Result<(Stepped, bool), Undecodable> {
    let status = zstd.run_on_buffers(wire, plain).map_err(|_| Undecodable::Malformed)?;
    let stepped = Stepped { read: status.bytes_read, written: status.bytes_written };
    Ok((stepped, status.remaining == 0))
}
