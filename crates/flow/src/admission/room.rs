//! Dividing room among those who want more than usual.

/// The greatest share such that everyone can have what they want up to it (max-min); infinite if there is room for all.
pub(super) fn even_share(mut room: f64, wants: &mut [f64]) -> f64 {
    wants.sort_unstable_by(f64::total_cmp);
    let mut others = wants.len() as f64;
    for want in wants.iter() {
        if want * others > room {
            return room.max(0.0) / others;
        }
        (room, others) = (room - want, others - 1.0);
    }
    f64::INFINITY
}

/// Quarters of octaves, from 1 to 2^48.
const BINS: usize = 4 * 48;
/// The number of the octave that begins with 1, in the bits of an `f64`.
const OCTAVE_OF_1: u64 = 1023;
const MANTISSA_BITS: u32 = 52;

/// What many want, as sums by how much each wants.
#[derive(Clone, Debug)]
pub(super) struct Wants {
    sums: [f64; BINS],
}

impl Default for Wants {
    fn default() -> Self {
        Self { sums: [0.0; BINS] }
    }
}

impl Wants {
    pub(super) fn add(&mut self, want: f64) {
        if let Some(sum) = self.sums.get_mut(bin(want)) {
            *sum += want;
        }
    }

    /// The greatest want such that there is room for everyone who wants no more: who wants least is served first, and who
    /// wants more gets nothing. Infinite if there is room for all.
    pub(super) fn lightest(&self, mut room: f64) -> f64 {
        for (bin, sum) in self.sums.iter().enumerate() {
            if *sum > room {
                return edge(bin).min(room.max(0.0));
            }
            room -= sum;
        }
        f64::INFINITY
    }
}

/// Octave and quarter are the exponent and the first two bits of the mantissa.
fn bin(want: f64) -> usize {
    let quarters = want.max(1.0).to_bits() >> (MANTISSA_BITS - 2);
    ((quarters - (OCTAVE_OF_1 << 2)) as usize).min(BINS - 1)
}

/// The least that is in a bin.
fn edge(bin: usize) -> f64 {
    f64::from_bits((bin as u64 + (OCTAVE_OF_1 << 2)) << (MANTISSA_BITS - 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_shared_evenly_among_those_who_want_more() {
        for (room, wants, expected) in [
            (100.0, &mut [10.0, 20.0][..], f64::INFINITY),
            (100.0, &mut [1000.0, 10.0], 90.0),
            (90.0, &mut [50.0, 70.0, 1000.0], 30.0),
            (0.0, &mut [1.0], 0.0),
            (-5.0, &mut [1.0, 0.0], 0.0),
            (0.0, &mut [], f64::INFINITY),
        ] {
            assert_eq!(even_share(room, wants), expected, "{room} {wants:?}");
        }
    }

    #[test]
    fn who_wants_least_is_served_first() {
        let wants = |all: &[(f64, usize)]| {
            let mut wants = Wants::default();
            all.iter().for_each(|(want, times)| (0..*times).for_each(|_| wants.add(*want)));
            wants
        };
        for (room, all, expected) in [
            // One has much: everyone else is whole.
            (1000.0, &[(10.0, 20), (1e9, 1)][..], 800.0..=800.0),
            // Many have the same: nobody is preferred.
            (1000.0, &[(10.0, 20), (300.0, 10_000)], 240.0..=300.0),
            (150.0, &[(10.0, 20)], 8.0..=10.0),
            (200.0, &[(10.0, 20)], f64::INFINITY..=f64::INFINITY),
            (0.0, &[(3000.0, 1)], 0.0..=0.0),
            (-1.0, &[(3000.0, 1)], 0.0..=0.0),
            (1e20, &[(1e300, 1)], 1e14..=1e15),
        ] {
            let least = wants(all).lightest(room);
            assert!(expected.contains(&least), "{room} {all:?} {least}");
        }
    }
}
