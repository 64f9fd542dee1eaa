//! Which file of a first-in-first-out ring a packet would be in, for recorders that keep the newest bytes.

/// tcpdump's `-C … -W …`, and Stenographer's files, of the same size on the disk.
#[derive(Clone)]
pub(crate) struct Rings {
    tcpdump: Files,
    stenographer: Files,
}

/// Files that are filled one after the other.
#[derive(Clone)]
struct Files {
    file_bytes: u64,
    number: u32,
    used: u64,
}

impl Rings {
    /// tcpdump's and Stenographer's.
    pub(crate) const COUNT: usize = 2;
    pub(crate) const NAMES: [&'static str; Self::COUNT] = ["tcpdump", "stenographer"];
    /// tcpdump's `-W`.
    pub(crate) const TCPDUMP_FILES: u64 = 8;
    /// More than it would have, so that it loses little to the end of a file.
    pub(crate) const STENOGRAPHER_FILES: u64 = 64;
    const PCAP_HEADER_BYTES: u64 = 24;
    /// Stenographer writes blocks of TPACKET_V3 as they are: a header of 82 bytes before each frame, aligned to 16.
    const TPACKET_BYTES: u64 = 82;

    pub(crate) fn new(budget_bytes: u64) -> Self {
        let files = |count, used| Files { file_bytes: budget_bytes / count, number: 0, used };
        Self {
            tcpdump: files(Self::TCPDUMP_FILES, Self::PCAP_HEADER_BYTES),
            stenographer: files(Self::STENOGRAPHER_FILES, 0),
        }
    }

    /// The files that the next packet goes into.
    pub(crate) fn add(&mut self, frame_bytes: usize) -> [u32; Self::COUNT] {
        // tcpdump looks before it writes: a file is as large as its limit and a packet.
        if self.tcpdump.used > self.tcpdump.file_bytes {
            self.tcpdump.next(Self::PCAP_HEADER_BYTES);
        }
        self.tcpdump.used += 16 + frame_bytes as u64;
        let taken = (Self::TPACKET_BYTES + frame_bytes as u64).next_multiple_of(16);
        if self.stenographer.used + taken > self.stenographer.file_bytes {
            self.stenographer.next(0);
        }
        self.stenographer.used += taken;
        [self.tcpdump.number, self.stenographer.number]
    }

    /// The files that were written last.
    pub(crate) fn newest(&self) -> [u32; Self::COUNT] {
        [self.tcpdump.number, self.stenographer.number]
    }

    /// Whether a ring whose newest file is `newest` still has the file `number`.
    pub(crate) fn keeps(ring: usize, number: u32, newest: u64) -> bool {
        let files = [Self::TCPDUMP_FILES, Self::STENOGRAPHER_FILES][ring];
        u64::from(number) + files > newest
    }
}

impl Files {
    fn next(&mut self, used: u64) {
        self.number += 1;
        self.used = used;
    }
}
