//! What gives way when more comes than can be written: after compressing, which the tape lets go by itself, the payload of
//! bulk; packets are lost only after that.

/// Memory for frames on its way to the disk above which bulk is cut to headers, and below which that may end.
const PRESSURE_MAX: f32 = 0.75;
const PRESSURE_CALM: f32 = 0.3;
/// How long it has to be calm before bulk is kept whole again.
const CALM_NS: u64 = 2_000_000_000;

/// Whether bulk is cut to headers, and how much was.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Overload {
    is_cutting: bool,
    calm_since: Option<u64>,
    packets: u64,
    bytes: u64,
}

/// Cutting began or ended; at its end what was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) is_cutting: bool,
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
}

impl Overload {
    /// True while bulk is cut to headers.
    #[inline]
    pub(crate) fn is_cutting(&self) -> bool {
        self.is_cutting
    }

    /// Counts a packet of bulk that was cut by so many bytes.
    pub(crate) fn count(&mut self, bytes: u64) {
        self.packets += 1;
        self.bytes += bytes;
    }

    /// Judges by the pressure, from 0 to 1.
    pub(crate) fn judge(&mut self, now: u64, pressure: f32) -> Option<Change> {
        if !self.is_cutting {
            if pressure <= PRESSURE_MAX {
                return None;
            }
            *self = Self { is_cutting: true, ..Self::default() };
            return Some(Change { is_cutting: true, packets: 0, bytes: 0 });
        }
        if pressure > PRESSURE_CALM {
            self.calm_since = None;
            return None;
        }
        let calm_since = *self.calm_since.get_or_insert(now);
        if now.saturating_sub(calm_since) < CALM_NS {
            return None;
        }
        self.end()
    }

    /// Ends the cutting, if there is any.
    pub(crate) fn end(&mut self) -> Option<Change> {
        let Self { is_cutting, packets, bytes, .. } = std::mem::take(self);
        is_cutting.then_some(Change { is_cutting: false, packets, bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bulk_is_cut_late_and_given_back_later() {
        let mut overload = Overload::default();
        let second = 1_000_000_000;
        let mut check = |now: f64, pressure: f32, expected: Option<bool>| {
            let now = (now * second as f64) as u64;
            assert_eq!(overload.judge(now, pressure).map(|change| change.is_cutting), expected, "{now}");
        };
        check(0.0, 0.7, None);
        check(0.1, 0.8, Some(true));
        check(0.2, 0.1, None);
        check(2.0, 0.5, None);
        check(2.1, 0.1, None);
        check(4.0, 0.2, None);
        check(4.2, 0.2, Some(false));
    }

    #[test]
    fn what_was_cut_is_told_at_the_end() {
        let mut overload = Overload::default();
        assert_eq!(overload.end(), None);
        assert!(overload.judge(0, 0.8).is_some());
        overload.count(1000);
        assert_eq!(overload.end(), Some(Change { is_cutting: false, packets: 1, bytes: 1000 }));
        assert_eq!(overload.end(), None);
    }
}
