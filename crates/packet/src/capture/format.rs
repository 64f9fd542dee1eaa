//! What kind of capture file it is, and how it counts time.

use std::fmt;

use super::Endian;
use crate::Timestamp;

/// A recognised capture file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Format {
    /// pcap or pcapng.
    pub kind: Kind,
    /// Byte order; of a pcapng, that of the section being read.
    pub endian: Endian,
    /// Time resolution; of a pcapng, that of the interface described last.
    pub resolution: Resolution,
    /// What the file is wrapped in, outermost first.
    pub compression: [Option<Compression>; 2],
}

/// The kinds of capture file that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// libpcap's format (<https://www.tcpdump.org/manpages/pcap-savefile.5.html>).
    Pcap,
    /// The "modified" format of Alexey Kuznetzov's libpcap, with records of 24 bytes.
    PcapModified,
    /// pcapng (<https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-03.html>).
    Pcapng,
}

/// The compressions that are undone while reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compression {
    /// One or more gzip members (RFC 1952).
    Gzip,
    /// One or more Zstandard frames (RFC 8878).
    Zstd,
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        })
    }
}

/// Ticks a second, as `if_tsresol` has it: the negative power of 10, or with bit 7 set of 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Resolution(pub u8);

impl Resolution {
    /// 10^-6 s, also when a pcapng interface has no `if_tsresol`.
    pub const MICROSECONDS: Self = Self(6);
    /// 10^-9 s.
    pub const NANOSECONDS: Self = Self(9);
}

/// How an interface's ticks become nanoseconds; out of the range of [`Timestamp`] becomes its nearest end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scale {
    ticks: Ticks,
    offset_seconds: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ticks {
    /// Nanoseconds in a tick.
    Longer(u64),
    /// Ticks in a nanosecond.
    Shorter(u64),
    /// A tick is 2^-n s.
    Binary(u8),
}

impl Scale {
    pub(crate) fn new(resolution: Resolution, offset_seconds: i64) -> Self {
        let exponent = u32::from(resolution.0 & 0x7f);
        let ticks = match (resolution.0 & 0x80 != 0, exponent) {
            (true, _) => Ticks::Binary(resolution.0 & 0x7f),
            (false, 0..=9) => Ticks::Longer(10u64.pow(9 - exponent)),
            // From 10^29 on, all 2^64 ticks are less than a nanosecond.
            (false, _) => 10u64.checked_pow(exponent - 9).map_or(Ticks::Binary(127), Ticks::Shorter),
        };
        Self { ticks, offset_seconds }
    }

    #[inline]
    pub(crate) fn time(self, ticks: u64) -> Timestamp {
        let ticks_wide = u128::from(ticks);
        let nanoseconds = match self.ticks {
            Ticks::Longer(nanoseconds) => ticks_wide * u128::from(nanoseconds),
            Ticks::Shorter(divisor) => u128::from(ticks / divisor),
            Ticks::Binary(shift) => (ticks_wide * 1_000_000_000) >> shift,
        };
        // At most 2^94, so the signed addition has room.
        saturate(nanoseconds as i128 + i128::from(self.offset_seconds) * 1_000_000_000)
    }
}

#[inline]
fn saturate(nanoseconds: i128) -> Timestamp {
    match i64::try_from(nanoseconds) {
        Ok(inside) => Timestamp(inside),
        Err(_) if nanoseconds < 0 => Timestamp::MIN,
        Err(_) => Timestamp::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected values by arithmetic in decimals, not by this code.
    #[test]
    fn ticks_become_nanoseconds() {
        let check = |resolution: u8, offset: i64, ticks: u64, expected: i64| {
            let time = Scale::new(Resolution(resolution), offset).time(ticks);
            assert_eq!(time, Timestamp(expected), "resolution {resolution:#x}, offset {offset}, ticks {ticks}");
        };
        check(6, 0, 1_582_897_065_208_362, 1_582_897_065_208_362_000);
        check(9, 0, 1_582_897_065_208_362_123, 1_582_897_065_208_362_123);
        check(0, 0, 1_582_897_065, 1_582_897_065_000_000_000);
        check(3, -1, 1_500, 500_000_000);
        check(12, 0, 1_999, 1);
        check(27, 0, 3_000_000_000_000_000_000, 3);
        check(28, 0, u64::MAX, 1);
        check(29, 0, u64::MAX, 0);
        check(127, 5, u64::MAX, 5_000_000_000);
        check(0x80 | 20, 0, (1 << 20) + (1 << 19), 1_500_000_000);
        check(0x80 | 32, 0, 1 << 31, 500_000_000);
        check(0x80 | 127, 0, u64::MAX, 0);
        check(0x80, 0, 7, 7_000_000_000);
        check(6, 0, u64::MAX, i64::MAX);
        check(9, 0, 1 << 63, i64::MAX);
        check(9, i64::MIN, 0, i64::MIN);
        check(0, i64::MAX, u64::MAX, i64::MAX);
        check(6, -2_000_000_000, 1_000_000_000_000_000, -1_000_000_000_000_000_000);
    }
}
