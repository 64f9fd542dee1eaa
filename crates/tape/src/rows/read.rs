//! Reading a flow file, which may be damaged or hostile.

use std::fs::File;

use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::reader::{ChunkReader, FileReader, SerializedFileReader};
use parquet::file::serialized_reader::ReadOptionsBuilder;

use super::cells::{Column, ReadFault, Run};
use super::fields::{self, COLUMNS};
use super::{Metadata, Pieces, Stored};

/// Rows of one row group of any writer of ours, with much room above.
const ROW_GROUP_ROWS_MAX: i64 = 1 << 22;

/// A flow file that is open for reading.
pub struct FlowFile<R: ChunkReader + 'static = Pieces> {
    reader: SerializedFileReader<R>,
    metadata: Metadata,
    /// For each of `COLUMNS`, the leaf that has it; a file of another version may lack some.
    leaves: Vec<Option<usize>>,
}

/// Why a flow file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RowsError {
    /// It is not a Parquet file, or a damaged one.
    #[error("{0}")]
    Parquet(#[from] ParquetError),
    /// It lacks a column, or a piece of metadata.
    #[error("it has no {0}")]
    Missing(&'static str),
    /// A cell has a value that cannot be.
    #[error("column {0} has a value that cannot be")]
    Cell(&'static str),
    /// The Parquet reader gave up on it.
    #[error("the Parquet reader failed on it")]
    Unreadable,
}

impl FlowFile {
    /// Reads the footer of a file on the disk.
    pub fn of(file: File) -> Result<Self, RowsError> {
        Self::open(Pieces::of(file).map_err(ParquetError::from)?)
    }
}

impl<R: ChunkReader + 'static> FlowFile<R> {
    /// Reads the footer.
    pub fn open(input: R) -> Result<Self, RowsError> {
        let options = || ReadOptionsBuilder::new().with_page_index().build();
        let reader = contained(|| Ok(SerializedFileReader::new_with_options(input, options())?))?;
        let footer = reader.metadata();
        let metadata = Metadata::from_key_values(footer.file_metadata().key_value_metadata())?;
        let leaves = COLUMNS.iter().map(|column| leaf(footer, column)).collect::<Result<_, _>>()?;
        Ok(Self { reader, metadata, leaves })
    }

    /// What the file says of itself.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Number of row groups.
    pub fn row_groups(&self) -> usize {
        self.reader.metadata().num_row_groups()
    }

    /// Number of rows.
    pub fn rows(&self) -> u64 {
        self.reader.metadata().file_metadata().num_rows().try_into().unwrap_or(0)
    }

    /// All rows of a row group.
    pub fn read(&self, group: usize) -> Result<Vec<Stored>, RowsError> {
        let metadata = self.reader.metadata().row_groups().get(group).ok_or(RowsError::Missing("row group"))?;
        self.read_runs(group, &[Run { skip: 0, take: rows_of(metadata)? }])
    }

    /// Some rows, by their ascending numbers in the file; of each column only the pages that have them are decoded.
    pub fn read_rows(&self, numbers: &[u32]) -> Result<Vec<Stored>, RowsError> {
        let mut rows = Vec::with_capacity(numbers.len());
        let (mut rest, mut first) = (numbers, 0_u32);
        for (group, metadata) in self.reader.metadata().row_groups().iter().enumerate() {
            let count = u32::try_from(rows_of(metadata)?).map_err(|_| RowsError::Missing("sane number of rows"))?;
            let end = first.saturating_add(count);
            let (here, behind) = rest.split_at(rest.partition_point(|number| *number < end));
            if !here.is_empty() {
                rows.extend(self.read_runs(group, &runs(here, first))?);
            }
            (rest, first) = (behind, end);
        }
        if rest.is_empty() { Ok(rows) } else { Err(RowsError::Missing("such row")) }
    }

    fn read_runs(&self, group: usize, runs: &[Run]) -> Result<Vec<Stored>, RowsError> {
        contained(|| {
            let mut rows = vec![Stored::blank(); runs.iter().map(|run| run.take).sum()];
            let group = self.reader.get_row_group(group)?;
            for (column, leaf) in COLUMNS.iter().zip(&self.leaves) {
                let Some(leaf) = leaf else {
                    column.lack(&mut rows);
                    continue;
                };
                let cells = group.get_column_reader(*leaf)?;
                column.read(cells, runs, &mut rows).map_err(|fault| match fault {
                    ReadFault::Parquet(error) => RowsError::Parquet(error),
                    ReadFault::Cell => RowsError::Cell(column.name),
                })?;
            }
            for row in &mut rows {
                fields::complete(row).ok_or(RowsError::Cell("src_ip"))?;
            }
            Ok(rows)
        })
    }
}

/// Neighbouring numbers as runs; the row group begins at `first`.
fn runs(numbers: &[u32], first: u32) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut next = first;
    for number in numbers {
        let skip = number.saturating_sub(next) as usize;
        match runs.last_mut() {
            Some(run) if skip == 0 => run.take += 1,
            _ => runs.push(Run { skip, take: 1 }),
        }
        next = number.saturating_add(1);
    }
    runs
}

/// Any bytes as a flow file: the target of the fuzzer.
pub fn fuzz_flow_file(data: &[u8]) {
    let Ok(file) = FlowFile::open(bytes::Bytes::copy_from_slice(data)) else { return };
    for group in 0..file.row_groups().min(4) {
        let _ = file.read(group);
    }
}

/// The reader of the Parquet crate asserts in some places what a damaged file can break.
fn contained<T>(read: impl FnOnce() -> Result<T, RowsError>) -> Result<T, RowsError> {
    crate::guard::guarded(read).unwrap_or(Err(RowsError::Unreadable))
}

/// The leaf column of that name, a list's element included.
fn leaf(footer: &ParquetMetaData, column: &Column) -> Result<Option<usize>, RowsError> {
    let leaves = footer.file_metadata().schema_descr().columns();
    let found = leaves.iter().position(|leaf| leaf.path().parts().first().is_some_and(|name| name == column.name));
    if column.is_optional() { Ok(found) } else { found.map(Some).ok_or(RowsError::Missing(column.name)) }
}

/// The number of rows, if all columns of the group can have them: memory is taken for what the footer claims.
fn rows_of(group: &RowGroupMetaData) -> Result<usize, RowsError> {
    let rows = group.num_rows();
    if !(0..=ROW_GROUP_ROWS_MAX).contains(&rows) {
        return Err(RowsError::Missing("sane number of rows"));
    }
    usize::try_from(rows).map_err(|_| RowsError::Missing("sane number of rows"))
}
