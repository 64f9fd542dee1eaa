//! What can go wrong when a snapshot is read back.

/// Why a snapshot cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It does not begin with the magic bytes.
    #[error("not a snapshot of a flow table")]
    NotASnapshot,
    /// It was written by another version.
    #[error("snapshot of version {got}, this is version {expected}")]
    OtherVersion {
        /// The version in the snapshot.
        got: u16,
        /// The version this code writes and reads.
        expected: u16,
    },
    /// It belongs to another tape.
    #[error("snapshot of another tape")]
    OtherTape,
    /// It ends early.
    #[error("snapshot cut off after {bytes} bytes")]
    Truncated {
        /// Its length in bytes.
        bytes: usize,
    },
    /// A field holds what it never holds.
    #[error("snapshot with an impossible value: {field}")]
    Impossible {
        /// The field's name.
        field: &'static str,
    },
}
