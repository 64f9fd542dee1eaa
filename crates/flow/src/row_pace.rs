//! How fast rows may come: whose rows are summed while more come than usual, so that no flood erases the longest memory.

use std::collections::HashMap;

use crate::Error;
use crate::admission::LaneFill;
use crate::key::KeyHasher;
use crate::part::FlowPart;
use crate::regulars::Regulars;
use crate::snapshot::{Input, put_count};
use crate::sums::{Group, Share};

/// Rows may come so much faster than usual.
const PACE: f64 = 2.0;
/// What may come at once, as a part of what there is of them: 1/8.
const BURST_PART: f64 = 8.0;
/// The part of the burst allowance below which rows are judged.
const JUDGED_BELOW: f64 = 0.5;
/// Below this part each service has what is usual of it, and no more.
const USUAL_BELOW: f64 = 0.25;
/// Above this part what comes is usual.
const CALM_ABOVE: f64 = 0.9;
/// What a row takes until that is known; at most twice as much: what a file takes besides is not the fault of its rows.
const ROW_BYTES: f64 = 80.0;
/// After so many rows, what was measured before counts half.
const ROWS_FORGOTTEN: f64 = 100_000.0;
const MINUTE_NS: u64 = 60_000_000_000;
/// Groups that are counted in a minute; those of more share rows.
const GROUPS_MAX: usize = 1 << 14;
/// What one of them takes in a snapshot.
const COUNT_BYTES: usize = 8 + 4;

/// What the rows hold, as the tape says.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RowFill {
    /// As of a lane.
    pub fill: LaneFill,
    /// Bytes a nanosecond that came in the oldest three quarters of what there is.
    pub usual: f64,
}

/// The pace of rows.
#[derive(Clone, Debug)]
pub(crate) struct RowPace {
    hasher: KeyHasher,
    /// Bytes a nanosecond that rows usually take, once that is known.
    pub(crate) usual: Option<f64>,
    /// When that is measured anew.
    pub(crate) measure_at: u64,
    /// What is left of the burst allowance.
    pub(crate) left: f64,
    pub(crate) now: u64,
    /// What rows took as they were written, and how many.
    pub(crate) measured: (f64, f64),
    fill: LaneFill,
    regulars: Regulars,
    minute: u64,
    /// Rows of this minute by the keyed hash of who they are counted to.
    counts: HashMap<u64, u32>,
}

impl RowPace {
    /// One that knows nothing yet; names are hashed with `secret`.
    pub(crate) fn new(secret: &[u8; 32]) -> Self {
        Self {
            hasher: KeyHasher::new(secret),
            usual: None,
            measure_at: 0,
            left: 0.0,
            now: 0,
            measured: (0.0, 0.0),
            fill: LaneFill::default(),
            regulars: Regulars::default(),
            minute: 0,
            counts: HashMap::new(),
        }
    }

    /// Takes in what the tape says.
    pub(crate) fn tick(&mut self, now: u64, of_tape: &RowFill) {
        let fill = of_tape.fill;
        let written = fill.filled_bytes.saturating_sub(self.fill.filled_bytes) as f64;
        self.measured.0 += if self.fill == LaneFill::default() { 0.0 } else { written };
        let passed = now.saturating_sub(self.now) as f64;
        (self.fill, self.now) = (fill, now);
        if self.measured.1 > ROWS_FORGOTTEN {
            self.measured = (self.measured.0 / 2.0, self.measured.1 / 2.0);
        }
        if fill.is_at_share && (self.usual.is_none() || now >= self.measure_at) {
            self.measure_at = now.saturating_add(fill.reach_ns);
            let measured = of_tape.usual;
            self.usual = match self.usual {
                None => {
                    self.left = self.burst();
                    Some(measured)
                }
                // It grows by no more than the pace allowed.
                Some(usual) => Some(measured.min(PACE * usual)),
            }
            .filter(|usual| *usual > 0.0);
            self.regulars.fade();
        }
        let Some(usual) = self.usual else { return };
        self.regulars.pass(PACE * usual * passed / self.row_bytes());
        self.left = (self.left + PACE * usual * passed).min(self.burst());
        if !fill.is_at_share {
            self.left = self.left.max(self.burst() * JUDGED_BELOW);
        }
    }

    /// Counts a row.
    #[inline]
    pub(crate) fn count(&mut self) {
        self.left -= self.row_bytes();
        self.measured.1 += 1.0;
    }

    /// A row that was counted is shared.
    #[inline]
    pub(crate) fn take_back(&mut self) {
        self.left += self.row_bytes();
        self.measured.1 -= 1.0;
    }

    /// More rows come than usual.
    #[inline]
    pub(crate) fn is_judged(&self) -> bool {
        self.usual.is_some() && self.fill.is_at_share && self.left < self.burst() * JUDGED_BELOW
    }

    /// The row that a flow shares, if it has none of its own. The less is left, the fewer of a source and of a service have.
    #[inline]
    pub(crate) fn share<'a>(&mut self, now: u64, part: &FlowPart) -> Option<Share<'a>> {
        if self.is_judged() {
            return self.judge(now, part);
        }
        self.learn(part);
        None
    }

    /// Takes a row for usual, unless more come than that.
    #[inline]
    pub(crate) fn learn(&mut self, part: &FlowPart) {
        if self.usual.is_none() || self.left >= self.burst() * CALM_ABOVE {
            self.regulars.count(Group::counted(part)[1].name(&self.hasher));
        }
    }

    #[cold]
    fn judge<'a>(&mut self, now: u64, part: &FlowPart) -> Option<Share<'a>> {
        let left =
            (self.left / self.burst().max(1.0) - USUAL_BELOW).max(0.0) * JUDGED_BELOW / (JUDGED_BELOW - USUAL_BELOW);
        let a_minute = self.usual.unwrap_or(0.0) * PACE * MINUTE_NS as f64 / self.row_bytes();
        let usual_rows = self.burst() * USUAL_BELOW / self.row_bytes();
        let minute = now / MINUTE_NS;
        if minute != self.minute {
            self.minute = minute;
            self.counts.clear();
        }
        let mut has_room = |group: Group, rows_max: f64| {
            let name = group.name(&self.hasher);
            let known = self.counts.len() < GROUPS_MAX || self.counts.contains_key(&name);
            let count = if known { self.counts.entry(name).or_default() } else { return false };
            *count = count.saturating_add(1);
            f64::from(*count) <= rows_max
        };
        let [source, service] = Group::counted(part);
        let of_service = has_room(service, (a_minute * 2.0 * left).max(f64::from(u8::from(left > 0.0))))
            || self.regulars.take(service.name(&self.hasher), usual_rows);
        let of_source = has_room(source, (a_minute * left * left).max(1.0));
        match (of_service, of_source) {
            (true, true) => None,
            (true, false) => Some(Share::Source),
            (false, _) => Some(Share::Service),
        }
    }

    /// Appends what goes on over restarts.
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        let numbers = [self.usual.unwrap_or(0.0), self.left, self.measured.0, self.measured.1];
        numbers.iter().for_each(|number| out.extend_from_slice(&number.to_be_bytes()));
        for number in [self.measure_at, self.now, self.minute] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        self.fill.put(out);
        self.regulars.put(out);
        let mut counts: Vec<(u64, u32)> = self.counts.iter().map(|(name, count)| (*name, *count)).collect();
        counts.sort_unstable();
        put_count(out, counts.len());
        for (name, count) in counts {
            out.extend_from_slice(&name.to_be_bytes());
            out.extend_from_slice(&count.to_be_bytes());
        }
    }

    /// What [`RowPace::put`] wrote.
    pub(crate) fn take(secret: &[u8; 32], input: &mut Input<'_>) -> Result<Self, Error> {
        let mut number = || match f64::from_bits(input.u64()?) {
            number if number.abs() < 1e18 => Ok(number),
            _ => Err(Error::Impossible { field: "rows" }),
        };
        let (usual, left, measured) = (number()?, number()?, (number()?.max(0.0), number()?.max(0.0)));
        let usual = Some(usual).filter(|usual| *usual > 0.0);
        let (measure_at, now, minute) = (input.u64()?, input.u64()?, input.u64()?);
        let fill = LaneFill::take(input)?;
        let regulars = Regulars::take_from(input)?;
        let counts =
            (0..input.count(COUNT_BYTES)?).map(|_| Ok((input.u64()?, input.u32()?))).collect::<Result<_, _>>()?;
        Ok(Self { usual, left, measured, measure_at, now, minute, fill, regulars, counts, ..Self::new(secret) })
    }

    fn burst(&self) -> f64 {
        self.fill.held_bytes.max(self.fill.share_bytes / 2) as f64 / BURST_PART
    }

    fn row_bytes(&self) -> f64 {
        let (bytes, rows) = self.measured;
        if rows < 1000.0 { ROW_BYTES } else { (bytes / rows).clamp(ROW_BYTES / 4.0, ROW_BYTES * 2.0) }
    }
}
