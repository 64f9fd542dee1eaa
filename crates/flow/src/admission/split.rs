//! Dividing a pace among those who want some of it.

/// Who wants how much.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Demand {
    /// What it sends.
    pub(super) wanted: f64,
    /// What it may have because it has always had that.
    pub(super) entitled: f64,
}

/// What everyone may have: `theta`, or so much of what they are entitled to if that is more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Split {
    pub(super) theta: f64,
    pub(super) scale: f64,
}

/// Steps of the bisection: each halves the logarithm of the range, from a millionth of the pace to all of it.
const STEPS: usize = 12;
const LEAST_PART: f64 = 1e-6;

impl Split {
    /// Nobody is short of anything.
    pub(super) const ENOUGH: Self = Self { theta: f64::INFINITY, scale: 1.0 };

    /// Divides `pace`: first what each is entitled to, the rest evenly (max-min) among those who want more.
    pub(super) fn of(pace: f64, demands: &[Demand]) -> Self {
        let entitled: f64 = demands.iter().map(|one| one.wanted.min(one.entitled)).sum();
        let wanted: f64 = demands.iter().map(|one| one.wanted).sum();
        if wanted <= pace {
            return Self::ENOUGH;
        }
        if entitled >= pace {
            return Self { theta: 0.0, scale: if entitled > 0.0 { pace / entitled } else { 0.0 } };
        }
        let given = |theta: f64| demands.iter().map(|one| one.wanted.min(one.entitled.max(theta))).sum::<f64>();
        let (mut theta, mut above) = (pace * LEAST_PART, pace);
        for _ in 0..STEPS {
            let middle = (theta * above).sqrt();
            if given(middle) <= pace {
                theta = middle;
            } else {
                above = middle;
            }
        }
        Self { theta, scale: 1.0 }
    }

    /// What part of its demand one may have; `rigour` from 1 down to 0 takes from what is divided evenly first, then
    /// from what they are entitled to.
    pub(super) fn part(&self, demand: Demand, rigour: Rigour) -> f64 {
        if demand.wanted <= 0.0 {
            return f64::INFINITY;
        }
        let entitled = demand.entitled.min(demand.wanted) * self.scale * rigour.entitled;
        let evenly = if rigour.evenly > 0.0 { self.theta * rigour.evenly } else { 0.0 };
        evenly.max(entitled) / demand.wanted
    }
}

/// By how much what was divided is corrected, since in the end the disk counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rigour {
    pub(super) evenly: f64,
    pub(super) entitled: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    const JUST: Rigour = Rigour { evenly: 1.0, entitled: 1.0 };

    #[track_caller]
    fn check(pace: f64, demands: &[(f64, f64)], expected: &[f64]) {
        let demands: Vec<Demand> =
            demands.iter().map(|(wanted, entitled)| Demand { wanted: *wanted, entitled: *entitled }).collect();
        let split = Split::of(pace, &demands);
        let given: Vec<f64> = demands.iter().map(|one| split.part(*one, JUST).min(1.0) * one.wanted).collect();
        let near = given.iter().zip(expected).all(|(one, other)| (one - other).abs() <= 0.01 * pace.max(1.0));
        assert!(near, "{given:?} is not {expected:?}");
    }

    #[test]
    fn a_pace_is_divided() {
        check(100.0, &[(10.0, 0.0), (20.0, 0.0)], &[10.0, 20.0]);
        check(100.0, &[(10.0, 0.0), (1000.0, 0.0)], &[10.0, 90.0]);
        check(90.0, &[(50.0, 0.0), (70.0, 0.0), (1000.0, 0.0)], &[30.0, 30.0, 30.0]);
        // Who has always had much keeps it.
        check(100.0, &[(80.0, 90.0), (1000.0, 0.0)], &[80.0, 20.0]);
        check(100.0, &[(80.0, 60.0), (1000.0, 0.0), (1000.0, 10.0)], &[60.0, 20.0, 20.0]);
        check(100.0, &[(100.0, 150.0), (100.0, 50.0), (10.0, 0.0)], &[66.7, 33.3, 0.0]);
        check(0.0, &[(1.0, 0.0)], &[0.0]);
    }
}
