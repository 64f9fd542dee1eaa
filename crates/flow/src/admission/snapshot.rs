//! What is known of lanes and sources, in bytes: all that decides, so that a restart changes nothing.
//!
//! For each lane that has a pace: its pace, how its room was divided last, its services by how conversations open, and the
//! accounts of sources and hosts, each with its place. Amounts are `f64`. What a tape says counts from its opening.

use super::accounts::{Account, Accounts};
use super::pace::Pace;
use super::paced::PacedLane;
use super::services::{Kind, SERVICES, Service, Services};
use super::{Admission, LaneFill};
use crate::Error;
use crate::opening::OPENINGS;
use crate::snapshot::{Input, put_count};

const ACCOUNT_BYTES: usize = 2 + 8 + 3 * 8 + 2;
const SERVICE_BYTES: usize = 1 + 4 + 8 + 4;
const KIND_BYTES: usize = 1 + 6 * 8;
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
        put_amounts(out, &[self.times, self.until_divided]);
        put_times(out, &[self.faded, self.divided]);
        out.push(u8::from(self.is_cutting));
        self.services.put(out);
        self.prefixes.put(out);
        self.hosts.put(out);
    }

    fn take(&mut self, input: &mut Input<'_>) -> Result<(), Error> {
        self.pace = Pace::take(input)?;
        (self.times, self.until_divided) = (amount(input)?, signed_amount(input)?);
        (self.faded, self.divided) = (time(input)?, time(input)?);
        self.is_cutting = input.u8()? != 0;
        self.services.take(input)?;
        self.prefixes.take(input)?;
        self.hosts.take(input)
    }
}

impl Services {
    fn put(&self, out: &mut Vec<u8>) {
        let used = || self.all.iter().enumerate().filter(|(_, service)| **service != Service::default());
        put_count(out, used().count());
        for (number, service) in used() {
            out.push(number as u8);
            out.extend_from_slice(&service.name.to_be_bytes());
            put_amounts(out, &[service.missed]);
            let used = || service.kinds.iter().enumerate().filter(|(_, kind)| **kind != Kind::default());
            put_count(out, used().count());
            for (number, kind) in used() {
                out.push(number as u8);
                let Kind { recent, newest, usual, kept, strangers, bearable } = *kind;
                put_amounts(out, &[recent, newest, usual, kept, strangers, bearable]);
            }
        }
    }

    fn take(&mut self, input: &mut Input<'_>) -> Result<(), Error> {
        let unknown = Error::Impossible { field: "service" };
        for _ in 0..input.count(SERVICE_BYTES)? {
            let service = self.all.get_mut(usize::from(input.u8()?)).ok_or(unknown.clone())?;
            (service.name, service.missed) = (input.u32()?, amount(input)?);
            for _ in 0..input.count(KIND_BYTES)? {
                let kind = service.kinds.get_mut(usize::from(input.u8()?)).ok_or(unknown.clone())?;
                let mut amounts = [0.0; 5];
                for place in &mut amounts {
                    *place = amount(input)?;
                }
                let [recent, newest, usual, kept, strangers] = amounts;
                let bearable = f64::from_bits(input.u64()?);
                if bearable.is_nan() || bearable < 0.0 {
                    return Err(IMPOSSIBLE);
                }
                *kind = Kind { recent, newest, usual, kept, strangers, bearable };
            }
        }
        Ok(())
    }
}

impl Accounts {
    fn put(&self, out: &mut Vec<u8>) {
        put_count(out, self.iter().count());
        for (place, account) in self.by_place() {
            let Account { name, recent, usual, missed, service } = *account;
            out.extend_from_slice(&(place as u16).to_be_bytes());
            out.extend_from_slice(&name.to_be_bytes());
            put_amounts(out, &[recent, usual, missed]);
            out.extend_from_slice(&service.to_be_bytes());
        }
    }

    fn take(&mut self, input: &mut Input<'_>) -> Result<(), Error> {
        for _ in 0..input.count(ACCOUNT_BYTES)? {
            let (place, name) = (usize::from(input.u16()?), input.u64()?);
            let (recent, usual, missed) = (amount(input)?, amount(input)?, amount(input)?);
            let account = Account { name, recent, usual, missed, service: input.u16()? };
            if usize::from(account.service) >= SERVICES * OPENINGS || !self.restore(place, account) {
                return Err(Error::Impossible { field: "source" });
            }
        }
        Ok(())
    }
}

impl Pace {
    fn put(&self, out: &mut Vec<u8>) {
        put_amounts(out, &[self.total, self.usual.unwrap_or(-1.0), self.left, self.pending]);
        put_amounts(out, &self.days);
        put_times(out, &[self.day, self.measure_at, self.now, self.reach]);
        out.push(u8::from(self.is_judged));
        self.fill.put(out);
        put_count(out, self.marks.len());
        for (time, total) in &self.marks {
            put_times(out, &[*time]);
            put_amounts(out, &[*total]);
        }
    }

    fn take(input: &mut Input<'_>) -> Result<Self, Error> {
        let mut pace = Self { total: amount(input)?, ..Self::default() };
        pace.usual = Some(signed_amount(input)?).filter(|usual| *usual >= 0.0);
        (pace.left, pace.pending) = (signed_amount(input)?, signed_amount(input)?);
        for day in &mut pace.days {
            *day = amount(input)?;
        }
        (pace.day, pace.measure_at) = (time(input)?, time(input)?);
        (pace.now, pace.reach) = (time(input)?, time(input)?);
        pace.is_judged = input.u8()? != 0;
        pace.fill = LaneFill::take(input)?;
        // What was handed to the tape and not said by it yet, it does not say any more.
        pace.fill.filled_bytes = 0_u64.wrapping_sub(pace.pending.max(0.0) as u64);
        for _ in 0..input.count(MARK_BYTES)? {
            pace.marks.push_back((time(input)?, amount(input)?));
        }
        let ordered = pace.marks.iter().zip(pace.marks.iter().skip(1)).all(|(one, next)| one <= next);
        if ordered { Ok(pace) } else { Err(Error::Impossible { field: "marks" }) }
    }
}

impl LaneFill {
    /// Appends it, but for what has been filled since the tape was opened.
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        for bytes in [self.share_bytes, self.held_bytes, self.reach_ns] {
            out.extend_from_slice(&bytes.to_be_bytes());
        }
        out.push(u8::from(self.is_at_share));
    }

    /// What [`LaneFill::put`] wrote.
    pub(crate) fn take(input: &mut Input<'_>) -> Result<Self, Error> {
        let mut number = || match input.u64()? {
            number if number < 1 << 62 => Ok(number),
            _ => Err(Error::Impossible { field: "fill" }),
        };
        let (share_bytes, held_bytes, reach_ns) = (number()?, number()?, number()?);
        Ok(Self { share_bytes, held_bytes, filled_bytes: 0, reach_ns, is_at_share: input.u8()? != 0 })
    }
}

fn put_amounts(out: &mut Vec<u8>, amounts: &[f64]) {
    amounts.iter().for_each(|amount| out.extend_from_slice(&amount.to_be_bytes()));
}

fn put_times(out: &mut Vec<u8>, times: &[i64]) {
    times.iter().for_each(|time| out.extend_from_slice(&time.to_be_bytes()));
}

fn time(input: &mut Input<'_>) -> Result<i64, Error> {
    input.u64().map(u64::cast_signed)
}

fn amount(input: &mut Input<'_>) -> Result<f64, Error> {
    signed_amount(input).and_then(|amount| if amount >= 0.0 { Ok(amount) } else { Err(IMPOSSIBLE) })
}

fn signed_amount(input: &mut Input<'_>) -> Result<f64, Error> {
    let amount = f64::from_bits(input.u64()?);
    if amount.abs() < 1e18 { Ok(amount) } else { Err(IMPOSSIBLE) }
}

const IMPOSSIBLE: Error = Error::Impossible { field: "amount" };
