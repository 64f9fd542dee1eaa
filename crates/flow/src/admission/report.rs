//! What is said of a lane's admission.

use super::level::Level;
use super::paced::PacedLane;

/// How a lane's admission does.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LaneReport {
    /// Bytes a second on the disk that it may fill with for long; unknown before it had its share.
    pub pace_bytes_a_second: Option<f64>,
    /// What is left of its burst allowance, from 0 to 1.
    pub burst_left: f64,
    /// It fills so much faster than usual that heads are cut.
    pub is_judged: bool,
    /// Nanoseconds since the first was cut.
    pub judged_for_ns: u64,
    /// Sources whose heads shrink, by how much is kept of them: the first 4 KiB, headers, nothing.
    pub sources: [u32; 3],
    /// Packets that were cut or became junk since then.
    pub packets_cut: u64,
    /// Their bytes on the wire.
    pub bytes_cut: u64,
}

impl PacedLane {
    pub(super) fn report(&self) -> LaneReport {
        let burst = self.pace.burst();
        let mut sources = [0; 3];
        if self.is_cutting {
            for level in
                self.prefixes.iter().map(|account| self.level_of(account)).filter(|level| *level != Level::Whole)
            {
                if let Some(count) = sources.get_mut(level as usize - 1) {
                    *count += 1;
                }
            }
        }
        let judged_for_ns = self.cut.since.map_or(0, |since| (self.pace.now - since).max(0).cast_unsigned());
        LaneReport {
            pace_bytes_a_second: self.pace.bytes_a_second(),
            burst_left: if burst > 0.0 { (self.pace.left().max(0.0) / burst).min(1.0) } else { 1.0 },
            is_judged: self.cut.since.is_some(),
            judged_for_ns,
            sources,
            packets_cut: self.cut.packets,
            bytes_cut: self.cut.bytes,
        }
    }
}
