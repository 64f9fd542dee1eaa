//! Many things, any of which is looked for in flows.

use filter::question::Field;
use packet::Address;

use crate::index::{Key, KeySet};

/// Something that is looked for in flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clue<'c> {
    /// One of a flow's addresses is in this network: of the 16 bytes of an address, so many bits count.
    Address(Address, u8),
    /// An address in what is said in it is in this network.
    Named(Address, u8),
    /// A host in what is said in it has this name, or one below it.
    Below(&'c str),
    /// A field of it has this text.
    Text(Field, &'c str),
    /// Certificates are shown in it.
    Certificate,
    /// Files are moved in it, whole ones or not.
    File,
}

/// Many things, any of which is looked for in flows.
#[derive(Clone, Debug, Default)]
pub struct Clues {
    keys: KeySet,
    count: usize,
    asks_payload: bool,
}

impl Clues {
    pub(super) fn keys(&self) -> &KeySet {
        &self.keys
    }

    /// How many they are.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Whether any of them is in what is said.
    pub(super) fn ask_payload(&self) -> bool {
        self.asks_payload
    }
}

impl<'c> FromIterator<Clue<'c>> for Clues {
    fn from_iter<I: IntoIterator<Item = Clue<'c>>>(clues: I) -> Self {
        let (mut count, mut asks_payload) = (0, false);
        let mut keys: Vec<Key<'c>> = Vec::new();
        for clue in clues {
            count += 1;
            asks_payload |= !matches!(clue, Clue::Address(..));
            if clue == Clue::File {
                keys.push(Key::Text(Field::MoreValues.name(), Field::FileSha256.name()));
            }
            keys.push(match clue {
                Clue::Address(address, bits) => Key::Net(address, bits),
                Clue::Named(address, bits) => Key::Named(address, bits),
                Clue::Below(name) => Key::Below(name),
                Clue::Text(field, text) => Key::Text(field.name(), text),
                Clue::Certificate => Key::Certified,
                Clue::File => Key::Files,
            });
        }
        // What was not read can have said anything.
        keys.extend(asks_payload.then_some(Key::Unread));
        Self { keys: keys.into_iter().collect(), count, asks_payload }
    }
}
