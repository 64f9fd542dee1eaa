//! What is sent to each service, in fixed memory.

use super::accounts::{USUAL_HALF_LIVES, fading};
use super::claim::Claim;
use crate::opening::OPENINGS;

/// Services of a lane; the first of each class stands for all that have no place of their own.
pub(super) const SERVICES: usize = 64;
/// From this number on they are of the class that shrinks first.
pub(super) const UNSURE: usize = 48;

/// What is sent to a service, by how its conversations open.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Service {
    /// Port and protocol.
    pub(super) name: u32,
    pub(super) kinds: [Kind; OPENINGS],
    /// Bytes of services that found no place since it has its own.
    pub(super) missed: f64,
}

/// Conversations of a service that open alike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Kind {
    pub(super) recent: f64,
    /// The same over a shorter time.
    pub(super) newest: f64,
    pub(super) usual: f64,
    /// What was kept of `recent`.
    pub(super) kept: f64,
    /// What of `recent` comes from sources without an account.
    pub(super) strangers: f64,
    /// How far above its usual a source may be.
    pub(super) bearable: f64,
}

/// Half-lives of `newest` in one of `recent`.
const NEWEST_HALF_LIVES: f64 = 8.0;
/// A service is unusual too when it sends so many times its usual for a shorter time.
const UNUSUAL_NEWEST: f64 = 6.0;

const NOBODY: u32 = u32::MAX;

impl Default for Service {
    fn default() -> Self {
        Self { name: NOBODY, kinds: [Kind::default(); OPENINGS], missed: 0.0 }
    }
}

impl Default for Kind {
    fn default() -> Self {
        Self { recent: 0.0, newest: 0.0, usual: 0.0, kept: 0.0, strangers: 0.0, bearable: f64::INFINITY }
    }
}

impl Service {
    /// What is usually there of it.
    pub(super) fn usually(&self) -> f64 {
        self.kinds.iter().map(Kind::usually).sum()
    }

    fn worth(&self) -> f64 {
        let (recent, usual) = self.kinds.iter().fold((0.0, 0.0), |sum, kind| (sum.0 + kind.recent, sum.1 + kind.usual));
        (recent - self.missed).max(0.0) + usual
    }
}

impl Kind {
    /// It sends more than so many times its usual, or many more times of it lately, and more than its whole service usually
    /// does.
    pub(super) fn is_unusual(&self, times: f64, of_service: f64) -> bool {
        let usually = self.usually();
        self.recent > times * usually + of_service
            || NEWEST_HALF_LIVES * self.newest > UNUSUAL_NEWEST * usually + 2.0 * of_service
    }

    /// What is usually there of `recent`.
    pub(super) fn usually(&self) -> f64 {
        self.usual / USUAL_HALF_LIVES
    }
}

/// The services of a lane.
#[derive(Clone, Debug)]
pub(super) struct Services {
    pub(super) all: Vec<Service>,
}

impl Default for Services {
    fn default() -> Self {
        Self { all: vec![Service::default(); SERVICES] }
    }
}

impl Services {
    /// The number of what opens so, of a service if it has a place.
    pub(super) fn find(&self, claim: &Claim) -> usize {
        self.place(claim) * OPENINGS + claim.opening.number()
    }

    /// The same of a service which gets a place if there is one for something of this weight, and what was judged there.
    pub(super) fn open(&mut self, claim: &Claim, bytes: f64) -> usize {
        let (first, last) = places(claim.sure);
        let mut place = self.place(claim);
        if place == first {
            let own = self.all.iter_mut().enumerate().take(last).skip(first + 1);
            let least = own.min_by(|one, other| one.1.worth().total_cmp(&other.1.worth()));
            if let Some((number, least)) = least {
                if least.name != NOBODY && least.worth() > bytes {
                    least.missed += bytes;
                } else {
                    let of_others =
                        |kind: Kind| Kind { recent: kind.recent, bearable: kind.bearable, ..Kind::default() };
                    *least = Service { name: claim.service, kinds: least.kinds.map(of_others), missed: 0.0 };
                    place = number;
                }
            }
        }
        place * OPENINGS + claim.opening.number()
    }

    /// What has this number.
    pub(super) fn kind(&self, number: usize) -> Option<&Kind> {
        self.all.get(number / OPENINGS)?.kinds.get(number % OPENINGS)
    }

    /// What has this number.
    pub(super) fn kind_mut(&mut self, number: usize) -> Option<&mut Kind> {
        self.all.get_mut(number / OPENINGS)?.kinds.get_mut(number % OPENINGS)
    }

    /// Lets time pass: so many half-lives of `recent`.
    pub(super) fn fade(&mut self, half_lives: f64) {
        let (recent, usual) = fading(half_lives);
        let newest = fading(half_lives * NEWEST_HALF_LIVES).0;
        for service in &mut self.all {
            service.missed *= recent;
            for kind in &mut service.kinds {
                kind.recent *= recent;
                kind.newest *= newest;
                kind.kept *= recent;
                kind.strangers *= recent;
                kind.usual *= usual;
            }
        }
    }

    fn place(&self, claim: &Claim) -> usize {
        let (first, last) = places(claim.sure);
        let own = self.all.iter().take(last).skip(first + 1).position(|service| service.name == claim.service);
        own.map_or(first, |place| first + 1 + place)
    }
}

fn places(sure: bool) -> (usize, usize) {
    if sure { (0, UNSURE) } else { (UNSURE, SERVICES) }
}
