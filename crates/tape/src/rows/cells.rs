//! One column of rows, to and from Parquet's column chunks.

use std::sync::Arc;

use flow::Payload;
use parquet::basic::{LogicalType, Repetition, TimeUnit, Type as PhysicalType};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::column::writer::ColumnWriterImpl;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::writer::SerializedColumnWriter;
use parquet::schema::types::{ColumnPath, Type, TypePtr};

use super::words::{Word, Words};
use super::{Given, Stored};

/// A column: its name, how it is encoded, and how a row's cell is told and set.
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) coding: Coding,
    pub(super) cells: Cells,
}

/// How a column is encoded: what came out smallest, or nearly so and cheaper to write and to read one row of, on a mix
/// of traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// A dictionary: few values.
    Few,
    /// A dictionary, compressed: values that repeat.
    Repeating,
    /// Distances from row to row, packed, with statistics of pages.
    Steps,
    /// As they are, compressed: a dictionary of nearly every row's value would have to be read whole for one row.
    Packed,
    /// As they are: no value helps to tell another.
    Plain,
}

/// The kinds of columns; each with how to tell a cell from a row, and how to set it (`None`: it cannot be).
pub(super) enum Cells {
    /// INT64, a timestamp in nanoseconds, UTC.
    Time(fn(&Given) -> i64, fn(&mut Stored, i64)),
    /// BOOLEAN.
    Flag(fn(&Given) -> bool, fn(&mut Stored, bool)),
    /// INT64, unsigned.
    Unsigned64(fn(&Given) -> u64, fn(&mut Stored, u64)),
    /// INT32, unsigned.
    Unsigned32(fn(&Given) -> u32, fn(&mut Stored, u32) -> Option<()>),
    /// INT32, unsigned, or null.
    Unsigned32OrNull(fn(&Given) -> Option<u32>, fn(&mut Stored, u32) -> Option<()>),
    /// Text that is written for what the function gives, or null.
    Text(for<'a> fn(&Given<'a>) -> Option<Word<'a>>, fn(&mut Stored, &str) -> Option<()>),
    /// A list of unsigned INT32.
    List(fn(&Given, &mut Vec<i32>), fn(&mut Stored, &[i32]) -> Option<()>),
    /// Whether all of the payload was read.
    WasRead,
    /// What payload says in the field of the column's name, or null.
    Said,
    /// The same, where it can say several things.
    SaidList,
}

impl Column {
    /// The Parquet type of the column.
    pub(super) fn schema(&self) -> Result<TypePtr, ParquetError> {
        let unsigned = |bits| LogicalType::integer(bits, false);
        let time = LogicalType::timestamp(true, TimeUnit::NANOS);
        let field = match self.cells {
            Cells::Time(..) => primitive(self.name, PhysicalType::INT64, time, Repetition::REQUIRED)?,
            Cells::Flag(..) | Cells::WasRead => Type::primitive_type_builder(self.name, PhysicalType::BOOLEAN)
                .with_repetition(Repetition::REQUIRED)
                .build()?,
            Cells::Unsigned64(..) => primitive(self.name, PhysicalType::INT64, unsigned(64), Repetition::REQUIRED)?,
            Cells::Unsigned32(..) => primitive(self.name, PhysicalType::INT32, unsigned(32), Repetition::REQUIRED)?,
            Cells::Unsigned32OrNull(..) => {
                primitive(self.name, PhysicalType::INT32, unsigned(32), Repetition::OPTIONAL)?
            }
            Cells::Text(..) | Cells::Said => {
                primitive(self.name, PhysicalType::BYTE_ARRAY, LogicalType::String, Repetition::OPTIONAL)?
            }
            Cells::List(..) => {
                list(self.name, primitive("element", PhysicalType::INT32, unsigned(32), Repetition::REQUIRED)?)?
            }
            Cells::SaidList => list(
                self.name,
                primitive("element", PhysicalType::BYTE_ARRAY, LogicalType::String, Repetition::REQUIRED)?,
            )?,
        };
        Ok(Arc::new(field))
    }

    /// The path of its leaf.
    pub(super) fn path(&self) -> ColumnPath {
        match self.cells {
            Cells::List(..) | Cells::SaidList => {
                ColumnPath::new([self.name, "list", "element"].map(str::to_owned).to_vec())
            }
            _ => ColumnPath::from(self.name),
        }
    }

    /// Writes the column's cells of some rows.
    pub(super) fn write<'a>(
        &self,
        rows: &[Given<'a>],
        words: &mut Words<'a>,
        out: &mut SerializedColumnWriter,
    ) -> Result<(), ParquetError> {
        match self.cells {
            Cells::Time(tell, _) => required::<Int64Type>(out, rows.iter().map(tell)),
            Cells::Flag(tell, _) => required::<BoolType>(out, rows.iter().map(tell)),
            Cells::Unsigned64(tell, _) => required::<Int64Type>(out, rows.iter().map(|row| tell(row).cast_signed())),
            Cells::Unsigned32(tell, _) => required::<Int32Type>(out, rows.iter().map(|row| tell(row).cast_signed())),
            Cells::Unsigned32OrNull(tell, _) => {
                optional::<Int32Type>(out, rows.iter().map(|row| tell(row).map(u32::cast_signed)))
            }
            Cells::Text(tell, _) => {
                optional::<ByteArrayType>(out, rows.iter().map(|row| tell(row).map(|word| words.text(word))))
            }
            Cells::List(tell, _) => lists(out.typed::<Int32Type>(), rows, tell),
            Cells::WasRead => {
                let is_whole = |row: &Given| row.part.payload.as_ref().is_some_and(|payload| !payload.is_partial);
                required::<BoolType>(out, rows.iter().map(is_whole))
            }
            Cells::Said => {
                let said = |row: &Given<'a>| row.part.payload.as_ref()?.first(self.name);
                optional::<ByteArrayType>(out, rows.iter().map(|row| said(row).map(ByteArray::from)))
            }
            Cells::SaidList => lists(out.typed::<ByteArrayType>(), rows, |row, out| {
                let payload = row.part.payload.iter();
                out.extend(payload.flat_map(|payload| payload.values(self.name)).map(ByteArray::from));
            }),
        }
    }

    /// Reads the column's cells of some rows of a row group into `rows`, which has as many.
    pub(super) fn read(&self, reader: ColumnReader, runs: &[Run], rows: &mut [Stored]) -> Result<(), ReadFault> {
        match (&self.cells, reader) {
            (Cells::Time(_, set), ColumnReader::Int64ColumnReader(reader)) => each(reader, runs, rows, |row, value| {
                set(row, *value);
                Some(())
            }),
            (Cells::Flag(_, set), ColumnReader::BoolColumnReader(reader)) => each(reader, runs, rows, |row, value| {
                set(row, *value);
                Some(())
            }),
            (Cells::Unsigned64(_, set), ColumnReader::Int64ColumnReader(reader)) => {
                each(reader, runs, rows, |row, value| {
                    set(row, value.cast_unsigned());
                    Some(())
                })
            }
            (Cells::Unsigned32(_, set) | Cells::Unsigned32OrNull(_, set), ColumnReader::Int32ColumnReader(reader)) => {
                each(reader, runs, rows, |row, value| set(row, value.cast_unsigned()))
            }
            (Cells::Text(_, set), ColumnReader::ByteArrayColumnReader(reader)) => {
                each(reader, runs, rows, |row, value| set(row, value.as_utf8().ok()?))
            }
            (Cells::List(_, set), ColumnReader::Int32ColumnReader(reader)) => each_list(reader, runs, rows, *set),
            (Cells::WasRead, ColumnReader::BoolColumnReader(reader)) => each(reader, runs, rows, |row, was_read| {
                row.part.payload = was_read.then(Box::default);
                Some(())
            }),
            (Cells::Said, ColumnReader::ByteArrayColumnReader(reader)) => {
                each(reader, runs, rows, |row, value| self.set_said(row, value))
            }
            (Cells::SaidList, ColumnReader::ByteArrayColumnReader(reader)) => {
                each_list(reader, runs, rows, |row, values| {
                    values.iter().try_for_each(|value| self.set_said(row, value))
                })
            }
            _ => Err(ReadFault::Cell),
        }
    }

    /// Whether files of earlier versions may do without it.
    pub(super) fn is_optional(&self) -> bool {
        matches!(self.cells, Cells::WasRead | Cells::Said | Cells::SaidList)
    }

    /// Says of rows of an earlier version that what the column would tell is not known.
    pub(super) fn lack(&self, rows: &mut [Stored]) {
        if matches!(self.cells, Cells::SaidList) {
            rows.iter_mut()
                .filter_map(|row| row.part.payload.as_mut())
                .for_each(|payload| payload.note_more(self.name));
        }
    }

    fn set_said(&self, row: &mut Stored, value: &ByteArray) -> Option<()> {
        row.part.payload.get_or_insert_with(|| Box::new(Payload::partial())).add(self.name, value.as_utf8().ok()?);
        Some(())
    }
}

/// Rows of a row group that are read one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// Rows before them that are passed over.
    pub(super) skip: usize,
    /// How many are read.
    pub(super) take: usize,
}

/// Why a column cannot be read.
#[derive(Debug)]
pub(super) enum ReadFault {
    /// The Parquet reader says so.
    Parquet(ParquetError),
    /// A value that the column cannot have, too few of them, or of another type.
    Cell,
}

impl From<ParquetError> for ReadFault {
    fn from(error: ParquetError) -> Self {
        Self::Parquet(error)
    }
}

fn primitive(
    name: &str,
    kind: PhysicalType,
    logical: LogicalType,
    repetition: Repetition,
) -> Result<Type, ParquetError> {
    Type::primitive_type_builder(name, kind).with_logical_type(Some(logical)).with_repetition(repetition).build()
}

/// The three-level list of the Parquet specification.
fn list(name: &str, element: Type) -> Result<Type, ParquetError> {
    let repeated = Type::group_type_builder("list")
        .with_repetition(Repetition::REPEATED)
        .with_fields(vec![Arc::new(element)])
        .build()?;
    Type::group_type_builder(name)
        .with_repetition(Repetition::REQUIRED)
        .with_logical_type(Some(LogicalType::List))
        .with_fields(vec![Arc::new(repeated)])
        .build()
}

fn required<T: DataType>(
    out: &mut SerializedColumnWriter,
    cells: impl Iterator<Item = T::T>,
) -> Result<(), ParquetError> {
    let values: Vec<T::T> = cells.collect();
    out.typed::<T>().write_batch(&values, None, None).map(drop)
}

fn optional<T: DataType>(
    out: &mut SerializedColumnWriter,
    cells: impl Iterator<Item = Option<T::T>>,
) -> Result<(), ParquetError> {
    let mut values = Vec::new();
    let mut defined = Vec::new();
    for cell in cells {
        defined.push(i16::from(cell.is_some()));
        values.extend(cell);
    }
    out.typed::<T>().write_batch(&values, Some(&defined), None).map(drop)
}

fn lists<T: DataType>(
    out: &mut ColumnWriterImpl<T>,
    rows: &[Given],
    tell: impl Fn(&Given, &mut Vec<T::T>),
) -> Result<(), ParquetError> {
    let (mut values, mut defined, mut repeated) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        let before = values.len();
        tell(row, &mut values);
        let added = values.len() - before;
        defined.resize(defined.len() + added.max(1), i16::from(added > 0));
        repeated.push(0);
        repeated.resize(repeated.len() + added.saturating_sub(1), 1);
    }
    out.write_batch(&values, Some(&defined), Some(&repeated)).map(drop)
}

/// How many cells are read at once: a hostile row count must not decide how much memory is taken.
const BATCH_CELLS: usize = 8192;

fn each<T: DataType>(
    mut reader: ColumnReaderImpl<T>,
    runs: &[Run],
    rows: &mut [Stored],
    set: impl Fn(&mut Stored, &T::T) -> Option<()>,
) -> Result<(), ReadFault> {
    let mut values = Vec::new();
    let mut defined = Vec::new();
    let mut rest = rows.iter_mut();
    for run in runs {
        skip(&mut reader, run.skip)?;
        let mut left = run.take;
        while left > 0 {
            values.clear();
            defined.clear();
            let (records, found, _) =
                reader.read_records(BATCH_CELLS.min(left), Some(&mut defined), None, &mut values)?;
            if records == 0 {
                return Err(ReadFault::Cell);
            }
            let mut cells = values.iter();
            let all_defined = found == records;
            for (index, row) in rest.by_ref().take(records).enumerate() {
                if all_defined || defined.get(index).is_some_and(|level| *level > 0) {
                    cells.next().and_then(|cell| set(row, cell)).ok_or(ReadFault::Cell)?;
                }
            }
            left = left.saturating_sub(records);
        }
    }
    Ok(())
}

fn each_list<T: DataType>(
    mut reader: ColumnReaderImpl<T>,
    runs: &[Run],
    rows: &mut [Stored],
    set: impl Fn(&mut Stored, &[T::T]) -> Option<()>,
) -> Result<(), ReadFault> {
    let (mut values, mut defined, mut repeated) = (Vec::new(), Vec::new(), Vec::new());
    let mut rest = rows.iter_mut();
    for run in runs {
        skip(&mut reader, run.skip)?;
        let mut left = run.take;
        while left > 0 {
            values.clear();
            defined.clear();
            repeated.clear();
            let batch = BATCH_CELLS.min(left);
            let (records, _, _) = reader.read_records(batch, Some(&mut defined), Some(&mut repeated), &mut values)?;
            if records == 0 {
                return Err(ReadFault::Cell);
            }
            let mut lists = split_lists(&values, &defined, &repeated);
            for row in rest.by_ref().take(records) {
                lists.next().flatten().and_then(|list| set(row, list)).ok_or(ReadFault::Cell)?;
            }
            left = left.saturating_sub(records);
        }
    }
    Ok(())
}

fn skip<T: DataType>(reader: &mut ColumnReaderImpl<T>, count: usize) -> Result<(), ReadFault> {
    if count > 0 && reader.skip_records(count)? != count {
        return Err(ReadFault::Cell);
    }
    Ok(())
}

/// The lists that levels cut `values` into; `None` inside where levels and values contradict each other.
fn split_lists<'a, T>(
    values: &'a [T],
    defined: &'a [i16],
    repeated: &'a [i16],
) -> impl Iterator<Item = Option<&'a [T]>> {
    let mut level = 0;
    let mut value = 0;
    std::iter::from_fn(move || {
        let first = level;
        repeated.get(first)?;
        level += 1;
        while repeated.get(level).is_some_and(|repeat| *repeat > 0) {
            level += 1;
        }
        let count = defined.get(first..level)?.iter().filter(|level| **level > 0).count();
        let list = values.get(value..value + count);
        value += count;
        Some(list)
    })
}
