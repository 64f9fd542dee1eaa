//! Where the bytes of files go, for those who want more than hashes.

/// What a file consists of, as the collector numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentId(pub u64);

/// Keeps the bytes of files. Whoever wants files themselves gives one to the collector: this crate does no I/O.
pub trait Store: Send {
    /// Keeps bytes at this offset.
    fn write(&mut self, content: ContentId, offset: u64, bytes: &[u8]);

    /// Reads bytes back that were kept; false if that cannot be done.
    fn read(&mut self, content: ContentId, offset: u64, bytes: &mut [u8]) -> bool;

    /// Nobody will ask for it: it was joined to another, or held nothing.
    fn forget(&mut self, content: ContentId);
}

/// Keeps nothing: hashes are all that is wanted.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoStore;

impl Store for NoStore {
    fn write(&mut self, _: ContentId, _: u64, _: &[u8]) {}

    fn read(&mut self, _: ContentId, _: u64, _: &mut [u8]) -> bool {
        false
    }

    fn forget(&mut self, _: ContentId) {}
}
