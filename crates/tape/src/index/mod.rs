//! Which rows of flow files can have what a question asks for, without reading the others.
//!
//! Each flow file has an index in `catalog/`: from an address, a network, a port, a flow id, a text, or a name with all that
//! is below it to the rows that have it. Runs of indexes are rolled up: from the same keys to the files that have them, so that a tape of thousands of flow
//! files is asked with some dozens of reads. There are no approximate filters beside them: a table of sorted keys with
//! their files costs about as much as filters of the usual precision would (their keys repeat from file to file), is exact,
//! and answers for a network of any length.
//!
//! An index says which rows *can* match. Whoever asks reads these rows and judges them: of flow ids and texts only the
//! first bits are kept, and the address of a row is neither that of its source nor that of its destination alone.
//! A damaged or missing file of the catalog never changes an answer: the index is made again from the flow file.

mod build;
mod catalog;
mod file;
mod host;
mod keeper;
mod key;
mod key_set;
mod rollup;
mod row_set;
mod segments;

#[cfg(test)]
mod tests;

pub use crate::format::index::FileSummary;
pub(crate) use build::{Building, build};
pub use catalog::Catalog;
pub use file::{FlowIndex, IndexError, fuzz_flow_index};
pub(crate) use keeper::{Keeper, write_index};
pub use key::Key;
pub use key_set::KeySet;
pub use row_set::RowSet;
pub(crate) use segments::SegmentKeeper;
