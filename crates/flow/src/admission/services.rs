//! What is sent to each service, in fixed memory.

use super::accounts::{USUAL_HALF_LIVES, fading};

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
    /// The same over a shorter time.
    pub(super) newest: f64,
    pub(super) usual: f64,
    /// What of `recent` comes from sources without an account.
    pub(super) strangers: f64,
    /// Bytes of services that found no place since it has its own.
    missed: f64,
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
        Self {
            name: NOBODY,
            recent: 0.0,
            newest: 0.0,
            usual: 0.0,
            strangers: 0.0,
            missed: 0.0,
            bearable: f64::INFINITY,
        }
    }
}

impl Service {
    /// It sends more than so many times its usual, or many more times of it lately.
    pub(super) fn is_unusual(&self, times: f64) -> bool {
        let usually = self.usually();
        self.recent > times * usually || self.newest > UNUSUAL_NEWEST / NEWEST_HALF_LIVES * usually
    }

    /// What is usually there of `recent`.
    pub(super) fn usually(&self) -> f64 {
        self.usual / USUAL_HALF_LIVES
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

    /// The number of a service, which gets a place if there is one for something of this weight, and what was judged there.
    pub(super) fn open(&mut self, name: u32, sure: bool, bytes: f64) -> usize {
        let (first, last) = places(sure);
        let found = self.find(name, sure);
        if found != first {
            return found;
        }
        let worth = |service: &Service| (service.recent - service.missed).max(0.0) + service.usual;
        let own = self.all.iter_mut().enumerate().take(last).skip(first + 1);
        let Some((place, least)) = own.min_by(|one, other| worth(one.1).total_cmp(&worth(other.1))) else {
            return first;
        };
        if least.name != NOBODY && worth(least) > bytes {
            least.missed += bytes;
            return first;
        }
        *least = Service { name, recent: least.recent, bearable: least.bearable, ..Service::default() };
        place
    }

    /// Lets time pass: so many half-lives of `recent`.
    pub(super) fn fade(&mut self, half_lives: f64) {
        let (recent, usual) = fading(half_lives);
        for service in &mut self.all {
            service.recent *= recent;
            service.newest *= fading(half_lives * NEWEST_HALF_LIVES).0;
            service.strangers *= recent;
            service.missed *= recent;
            service.usual *= usual;
        }
    }
}

fn places(sure: bool) -> (usize, usize) {
    if sure { (0, UNSURE) } else { (UNSURE, SERVICES) }
}
