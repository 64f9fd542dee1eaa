//! Services that regularly have rows, with what each may have of the pace: nobody who makes up others takes it.

use crate::Error;
use crate::snapshot::{Input, put_count};

/// Services that have a place.
const PLACES: usize = 64;
/// What one of them takes in a snapshot.
const REGULAR_BYTES: usize = 8 + 8 + 8;

/// A service that has rows.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Regular {
    /// A keyed hash of it.
    name: u64,
    /// Rows of it while no more came than usual, and those that others had who found no place.
    count: f64,
    /// Rows that it took out of its part, less what has come back of that.
    used: f64,
}

/// The services that have most rows. Misra and Gries: one that has more than a 64th of all has a place, whoever comes in
/// between.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Regulars {
    places: Vec<Regular>,
    /// What each place's count has to be above.
    missed: f64,
    /// Rows of all.
    total: f64,
}

impl Regulars {
    /// Counts a usual row.
    pub(crate) fn count(&mut self, name: u64) {
        self.total += 1.0;
        let count = self.missed + 1.0;
        if let Some(regular) = self.places.iter_mut().find(|regular| regular.name == name) {
            regular.count += 1.0;
        } else if self.places.len() < PLACES {
            self.places.push(Regular { name, count, used: 0.0 });
        } else if let Some(regular) = self.places.iter_mut().find(|regular| regular.count <= self.missed) {
            *regular = Regular { name, count, used: regular.used };
        } else {
            self.missed += 1.0;
        }
    }

    /// What was usual long ago counts less.
    pub(crate) fn fade(&mut self) {
        self.places.iter_mut().for_each(|regular| regular.count /= 2.0);
        (self.missed, self.total) = (self.missed / 2.0, self.total / 2.0);
    }

    /// Lets so much time pass that all together may have `rows`.
    pub(crate) fn pass(&mut self, rows: f64) {
        for regular in &mut self.places {
            let part = regular.part(self.missed, self.total);
            regular.used = (regular.used - part * rows).max(0.0);
        }
    }

    /// A row out of a service's part, if there is one left; all together may have `rows` at once.
    pub(crate) fn take(&mut self, name: u64, rows: f64) -> bool {
        let Some(regular) = self.places.iter_mut().find(|regular| regular.name == name) else { return false };
        let is_left = regular.used + 1.0 <= regular.part(self.missed, self.total) * rows;
        regular.used += f64::from(u8::from(is_left));
        is_left
    }

    /// Appends what goes on over restarts.
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        [self.missed, self.total].iter().for_each(|number| out.extend_from_slice(&number.to_be_bytes()));
        put_count(out, self.places.len());
        for Regular { name, count, used } in &self.places {
            out.extend_from_slice(&name.to_be_bytes());
            out.extend_from_slice(&count.to_be_bytes());
            out.extend_from_slice(&used.to_be_bytes());
        }
    }

    /// What [`Regulars::put`] wrote.
    pub(crate) fn take_from(input: &mut Input<'_>) -> Result<Self, Error> {
        let (missed, total) = (amount(input)?, amount(input)?);
        let places = (0..input.count(REGULAR_BYTES)?)
            .map(|_| Ok(Regular { name: input.u64()?, count: amount(input)?, used: amount(input)? }))
            .collect::<Result<Vec<_>, _>>()?;
        if places.len() > PLACES {
            return Err(Error::Impossible { field: "regulars" });
        }
        Ok(Self { places, missed, total })
    }
}

impl Regular {
    /// Its part of all rows.
    fn part(&self, missed: f64, total: f64) -> f64 {
        (self.count - missed).max(0.0) / total.max(1.0)
    }
}

fn amount(input: &mut Input<'_>) -> Result<f64, Error> {
    match f64::from_bits(input.u64()?) {
        amount if (0.0..1e18).contains(&amount) => Ok(amount),
        _ => Err(Error::Impossible { field: "regulars" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_who_makes_up_services_takes_the_part_of_a_regular_one() {
        let mut regulars = Regulars::default();
        for number in 0..100_000_u64 {
            // Three of ten are two services', the others come once.
            let name = if number % 10 < 3 { number % 10 % 2 } else { 1000 + number };
            regulars.count(name);
        }
        let parts = [0, 1, 1000 + 99_999].map(|name| (0..100_000).filter(|_| regulars.take(name, 100_000.0)).count());
        assert!(parts[0] > 18_000 && parts[0] <= 20_000, "{parts:?}");
        assert!(parts[1] > 8_000 && parts[1] <= 10_000, "{parts:?}");
        assert!(parts[2] < 10, "{parts:?}");
        assert!(regulars.places.len() <= PLACES);
        // What it took comes back with time.
        regulars.pass(10_000.0);
        let again = (0..100_000).filter(|_| regulars.take(0, 100_000.0)).count();
        assert!((1800..=2000).contains(&again), "{again}");
    }
}
