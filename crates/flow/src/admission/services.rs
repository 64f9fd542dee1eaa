//! What is sent to each service, in fixed memory.

use super::accounts::{ABOVE_USUAL, USUAL_HALF_LIVES, fading};
use super::split::{Demand, Split};

/// Services of a lane; the first of each class stands for all that have no place of their own.
pub(super) const SERVICES: usize = 64;
/// From this number on they are of the class that shrinks first.
pub(super) const UNSURE: usize = 48;

/// What is sent to a service.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Service {
    /// Port and protocol.
    pub(super) name: u32,
    pub(super) recent: f64,
    pub(super) usual: f64,
    /// What of `recent` comes from sources without an account.
    pub(super) strangers: f64,
    /// How its part is divided among its sources.
    pub(super) split: Split,
}

const NOBODY: u32 = u32::MAX;

impl Default for Service {
    fn default() -> Self {
        Self { name: NOBODY, recent: 0.0, usual: 0.0, strangers: 0.0, split: Split::ENOUGH }
    }
}

impl Service {
    pub(super) fn demand(&self) -> Demand {
        Demand { wanted: self.recent, entitled: ABOVE_USUAL * self.usual / USUAL_HALF_LIVES }
    }
}

/// The services of a lane.
#[derive(Clone, Debug)]
pub(super) struct Services {
    pub(super) all: [Service; SERVICES],
}

impl Default for Services {
    fn default() -> Self {
        Self { all: [Service::default(); SERVICES] }
    }
}

impl Services {
    /// The number of a service, if it has a place.
    pub(super) fn find(&self, name: u32, sure: bool) -> usize {
        let (first, last) = places(sure);
        let own = self.all.iter().take(last).skip(first + 1).position(|service| service.name == name);
        own.map_or(first, |place| first + 1 + place)
    }

    /// The number of a service, which gets a place if there is one for something of this weight.
    pub(super) fn open(&mut self, name: u32, sure: bool, bytes: f64) -> usize {
        let (first, last) = places(sure);
        let found = self.find(name, sure);
        if found != first {
            return found;
        }
        let worth = |service: &Service| service.recent + service.usual;
        let own = self.all.iter_mut().enumerate().take(last).skip(first + 1);
        let Some((place, least)) = own.min_by(|one, other| worth(one.1).total_cmp(&worth(other.1))) else {
            return first;
        };
        if least.name != NOBODY && worth(least) > bytes {
            least.recent = (least.recent - bytes).max(0.0);
            return first;
        }
        *least = Service { name, ..Service::default() };
        place
    }

    /// Lets time pass: so many half-lives of `recent`.
    pub(super) fn fade(&mut self, half_lives: f64) {
        let (recent, usual) = fading(half_lives);
        for service in &mut self.all {
            service.recent *= recent;
            service.strangers *= recent;
            service.usual *= usual;
        }
    }
}

fn places(sure: bool) -> (usize, usize) {
    if sure { (0, UNSURE) } else { (UNSURE, SERVICES) }
}
