//! What is known of lanes and sources, in bytes.
//!
//! For each lane that has a pace: its pace, its services by how conversations open, and the sources that are worth most. Amounts
//! are `f64`, those of sources `f32`.

use super::Admission;
use super::accounts::Account;
use super::pace::Pace;
use super::paced::PacedLane;
use super::services::{Kind, SERVICES};
use crate::Error;
use crate::opening::OPENINGS;
use crate::snapshot::{Input, put_count};

/// Sources of a lane that are kept over a restart.
const SOURCES_MAX: usize = 16_384;
const SOURCE_BYTES: usize = 8 + 4 + 4 + 2;
const KIND_BYTES: usize = 2 + 4 + 5 * 8;
const MARK_BYTES: usize = 16;

impl Admission {
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        self.lanes.iter().for_each(|lane| lane.put(out));
    }

    pub(crate) fn take(secret: &[u8; 32], input: &mut Input<'_>) -> Result<Self, Error> {
        let mut admission = Self::new(secret);
        for lane in admission.lanes.iter_mut() {
            lane.take(input)?;
        }
        Ok(admission)
    }
}

impl PacedLane {
    fn put(&self, out: &mut Vec<u8>) {
        self.pace.put(out);
        out.extend_from_slice(&self.faded.to_be_bytes());
        let kinds = self.services.all.iter().flat_map(|service| service.kinds.iter().map(|kind| (service.name, kind)));
        let used: Vec<_> = kinds.enumerate().filter(|(_, (_, kind))| kind.recent + kind.usual >= 1.0).collect();
        put_count(out, used.len());
        for (number, (name, kind)) in used {
            out.extend_from_slice(&(number as u16).to_be_bytes());
            out.extend_from_slice(&name.to_be_bytes());
            put_amounts(out, &[kind.recent, kind.newest, kind.usual, kind.kept, kind.strangers]);
        }
        let mut sources: Vec<&Account> = self.prefixes.iter().collect();
        if sources.len() > SOURCES_MAX {
            sources.select_nth_unstable_by(SOURCES_MAX, |one, other| other.worth().total_cmp(&one.worth()));
            sources.truncate(SOURCES_MAX);
        }
        put_count(out, sources.len());
        for source in sources {
            out.extend_from_slice(&source.name.to_be_bytes());
            out.extend_from_slice(&(source.recent as f32).to_be_bytes());
            out.extend_from_slice(&(source.usual as f32).to_be_bytes());
            out.extend_from_slice(&source.service.to_be_bytes());
        }
    }

    fn take(&mut self, input: &mut Input<'_>) -> Result<(), Error> {
        self.pace = Pace::take(input)?;
        self.faded = input.u64()?.cast_signed();
        for _ in 0..input.count(KIND_BYTES)? {
            let (number, name) = (usize::from(input.u16()?), input.u32()?);
            let mut amounts = [0.0; 5];
            for place in &mut amounts {
                *place = amount(input)?;
            }
            let [recent, newest, usual, kept, strangers] = amounts;
            let unknown = Error::Impossible { field: "service" };
            self.services.all.get_mut(number / OPENINGS).ok_or(unknown)?.name = name;
            if let Some(kind) = self.services.kind_mut(number) {
                *kind = Kind { recent, newest, usual, kept, strangers, ..Kind::default() };
            }
        }
        for _ in 0..input.count(SOURCE_BYTES)? {
            let name = input.u64()?;
            let (recent, usual) = (small_amount(input)?, small_amount(input)?);
            let service = input.u16()?;
            if usize::from(service) >= SERVICES * OPENINGS || name == 0 {
                return Err(Error::Impossible { field: "source" });
            }
            self.prefixes.restore((name, recent, usual), service);
        }
        Ok(())
    }
}

impl Pace {
    fn put(&self, out: &mut Vec<u8>) {
        put_amounts(out, &[self.total, self.usual.unwrap_or(-1.0), self.left]);
        put_amounts(out, &self.days);
        for time in [self.day, self.measure_at, self.now] {
            out.extend_from_slice(&time.to_be_bytes());
        }
        out.push(u8::from(self.is_judged));
        put_count(out, self.marks.len());
        for (time, total) in &self.marks {
            out.extend_from_slice(&time.to_be_bytes());
            put_amounts(out, &[*total]);
        }
    }

    fn take(input: &mut Input<'_>) -> Result<Self, Error> {
        let mut pace = Self { total: amount(input)?, ..Self::default() };
        pace.usual = Some(signed_amount(input)?).filter(|usual| *usual >= 0.0);
        pace.left = signed_amount(input)?;
        for day in &mut pace.days {
            *day = amount(input)?;
        }
        (pace.day, pace.measure_at) = (input.u64()?.cast_signed(), input.u64()?.cast_signed());
        (pace.now, pace.is_judged) = (input.u64()?.cast_signed(), input.u8()? != 0);
        for _ in 0..input.count(MARK_BYTES)? {
            pace.marks.push_back((input.u64()?.cast_signed(), amount(input)?));
        }
        let ordered = pace.marks.iter().zip(pace.marks.iter().skip(1)).all(|(one, next)| one <= next);
        if ordered { Ok(pace) } else { Err(Error::Impossible { field: "marks" }) }
    }
}

fn put_amounts(out: &mut Vec<u8>, amounts: &[f64]) {
    amounts.iter().for_each(|amount| out.extend_from_slice(&amount.to_be_bytes()));
}

fn amount(input: &mut Input<'_>) -> Result<f64, Error> {
    signed_amount(input).and_then(|amount| if amount >= 0.0 { Ok(amount) } else { Err(IMPOSSIBLE) })
}

fn signed_amount(input: &mut Input<'_>) -> Result<f64, Error> {
    let amount = f64::from_bits(input.u64()?);
    if amount.abs() < 1e18 { Ok(amount) } else { Err(IMPOSSIBLE) }
}

fn small_amount(input: &mut Input<'_>) -> Result<f64, Error> {
    let amount = f64::from(f32::from_bits(input.u32()?));
    if (0.0..1e18).contains(&amount) { Ok(amount) } else { Err(IMPOSSIBLE) }
}

const IMPOSSIBLE: Error = Error::Impossible { field: "amount" };
