//! What a capture file is told again by: a hash of its bytes, made while they are read.

use std::cell::RefCell;
use std::io::{self, Read};
use std::path::Path;
use std::rc::Rc;

use tape::imports::Import;

/// The hash of a file so far.
#[derive(Default)]
pub(super) struct Fingerprint {
    state: Rc<RefCell<State>>,
}

#[derive(Default)]
struct State {
    hasher: blake3::Hasher,
    bytes: u64,
}

impl Fingerprint {
    /// A reader of `input` that adds what it reads; of one that ends it reads what nobody else does.
    pub(super) fn of<R: Read>(&self, input: R, ends: bool) -> Hashed<R> {
        Hashed { input, ends, state: Rc::clone(&self.state) }
    }

    /// The line for the log, of a capture whose packets were read.
    pub(super) fn import(&self, path: &Path, packets: u64) -> Import {
        let state = self.state.borrow();
        Import {
            file: path.to_string_lossy().into_owned(),
            bytes: state.bytes,
            blake3: Some(state.hasher.finalize().to_hex().to_string()),
            packets: Some(packets),
        }
    }
}

/// A reader whose bytes are hashed.
pub(super) struct Hashed<R: Read> {
    input: R,
    ends: bool,
    state: Rc<RefCell<State>>,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.input.read(buffer)?;
        let mut state = self.state.borrow_mut();
        state.hasher.update(buffer.get(..bytes).unwrap_or_default());
        state.bytes += bytes as u64;
        Ok(bytes)
    }
}

impl<R: Read> Drop for Hashed<R> {
    /// What comes behind a fault, or behind the last packet, belongs to the file too.
    fn drop(&mut self) {
        let mut rest = vec![0; 1 << 16];
        while self.ends && self.read(&mut rest).is_ok_and(|bytes| bytes > 0) {}
    }
}
