//! Who sends how much: accounts of sources, in fixed memory.

/// Accounts in a set: the places that one source can have.
const WAYS: usize = 8;
/// Half-lives of `recent` in one of `usual`.
pub(super) const USUAL_HALF_LIVES: f64 = 8.0;

/// What a source sends; sums that halve as time passes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Account {
    /// A keyed hash of who it is; 0 is nobody.
    pub(super) name: u64,
    /// Proven bytes that it offered.
    pub(super) recent: f64,
    /// Those that were kept, over a longer time.
    pub(super) usual: f64,
    /// Bytes of those who found no place since it has its own.
    pub(super) missed: f64,
    /// Number of what it is counted to: a service, and how conversations open.
    pub(super) service: u16,
}

impl Account {
    /// How far it is above so many times its usual.
    pub(super) fn excess(&self, times: f64) -> f64 {
        self.recent - times * self.usual / USUAL_HALF_LIVES
    }

    pub(super) fn worth(&self) -> f64 {
        (self.recent - self.missed).max(0.0) + self.usual
    }
}

/// A table of accounts: eight places for each name, of which the least worthy goes when a newcomer outweighs it. Those
/// who are there regularly outlast any number of those who come once.
#[derive(Clone, Debug, Default)]
pub(super) struct Accounts {
    places: Vec<Account>,
    sets: usize,
}

impl Accounts {
    /// Room for `count` accounts, a power of two; the memory is taken with the first.
    pub(super) fn new(count: usize) -> Self {
        Self { places: Vec::new(), sets: (count / WAYS).next_power_of_two() }
    }

    /// The account of this name.
    pub(super) fn find(&mut self, name: u64) -> Option<&mut Account> {
        self.set(name)?.iter_mut().find(|account| account.name == name)
    }

    /// The account of this name, which is opened if there is none and someone makes room; the name weighs `bytes`. Who
    /// takes another's place may have sent as much as that one lately: nobody knows.
    pub(super) fn open(&mut self, name: u64, bytes: f64) -> Option<&mut Account> {
        self.take_memory();
        let set = self.set(name)?;
        let found = set.iter().position(|account| account.name == name);
        let place = match found {
            Some(place) => place,
            None => {
                let by_worth = |one: &(usize, f64), other: &(usize, f64)| one.1.total_cmp(&other.1);
                let (least, worth) = set.iter().map(Account::worth).enumerate().min_by(by_worth)?;
                let account = set.get_mut(least)?;
                if account.name != 0 && worth > bytes {
                    // Misra and Gries: who is outnumbered goes in the end, who is heavy stays.
                    account.missed += bytes;
                    return None;
                }
                *account = Account { name, recent: account.recent, ..Account::default() };
                least
            }
        };
        set.get_mut(place)
    }

    /// Puts an account back where it was; false if it cannot have been there.
    pub(super) fn restore(&mut self, place: usize, account: Account) -> bool {
        self.take_memory();
        let of_name = self.set_start(account.name)..self.set_start(account.name) + WAYS;
        match self.places.get_mut(place) {
            Some(slot) if account.name != 0 && of_name.contains(&place) => *slot = account,
            _ => return false,
        }
        true
    }

    /// Everyone who has an account, with their places.
    pub(super) fn by_place(&self) -> impl Iterator<Item = (usize, &Account)> {
        self.places.iter().enumerate().filter(|(_, account)| account.name != 0)
    }

    /// Everyone who has an account.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Account> {
        self.places.iter().filter(|account| account.name != 0)
    }

    /// Everyone who has an account.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Account> {
        self.places.iter_mut().filter(|account| account.name != 0)
    }

    /// Lets time pass: so many half-lives of `recent`.
    pub(super) fn fade(&mut self, half_lives: f64) {
        let (recent, usual) = fading(half_lives);
        for account in self.iter_mut() {
            account.recent *= recent;
            account.usual *= usual;
            account.missed *= recent;
            if account.recent + account.usual < 1.0 {
                *account = Account::default();
            }
        }
    }

    fn set(&mut self, name: u64) -> Option<&mut [Account]> {
        let start = self.set_start(name);
        self.places.get_mut(start..start + WAYS)
    }

    fn set_start(&self, name: u64) -> usize {
        (name as usize & self.sets.saturating_sub(1)) * WAYS
    }

    #[inline]
    fn take_memory(&mut self) {
        if self.places.is_empty() {
            self.places = vec![Account::default(); self.sets * WAYS];
        }
    }
}

/// What is left after so many half-lives, of `recent` and of `usual`.
pub(super) fn fading(half_lives: f64) -> (f64, f64) {
    ((-half_lives).exp2(), (-half_lives / USUAL_HALF_LIVES).exp2())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regulars_outlast_those_who_come_once() {
        let mut accounts = Accounts::new(1024);
        let name = |number: u64| number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        for number in 0..200 {
            let account = accounts.open(name(number), 4096.0).expect("room");
            (account.recent, account.usual) = (2000.0, 20_000.0);
        }
        for number in 1000..1_000_000 {
            if let Some(account) = accounts.open(name(number), 1024.0) {
                account.recent += 1024.0;
            }
        }
        let there = (0..200).filter(|number| accounts.find(name(*number)).is_some_and(|one| one.usual > 0.0)).count();
        assert_eq!(there, 200);
        assert!(accounts.iter().count() <= 1024);
        accounts.fade(200.0);
        assert_eq!(accounts.iter().count(), 0);
    }
}
