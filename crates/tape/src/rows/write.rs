//! Writing a flow file.

use std::io::Write;
use std::sync::Arc;

use flow::FlowPart;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{Type, TypePtr};

use super::cells::Coding;
use super::fields::COLUMNS;
use super::words::Words;
use super::{Given, Metadata};

/// Rows of a row group: what a reader must hold at once, and what its statistics let it pass over.
const ROW_GROUP_ROWS: usize = 32 * 1024;
/// Rows of a page: what is decoded to have one of them.
const PAGE_ROWS: usize = 2048;
/// Higher levels gain less than a hundredth.
const ZSTD_LEVEL: i32 = 1;
/// Files of fewer rows are not compressed: a reader's preparations for each column would cost more than reading them.
const COMPRESSED_ROWS_MIN: usize = 4096;

/// Writes parts in the order of their first packets, with `metadata` and, for each part, the frames that hold its packets.
///
/// `locations` are pairs of a part's index and an index into `metadata.frames`; a pair whose part does not exist says
/// that the frame holds packets without a row.
pub fn write<W: Write + Send>(
    out: W,
    parts: &[FlowPart],
    locations: &[(u32, u32)],
    metadata: &Metadata,
) -> Result<W, ParquetError> {
    let properties = properties(metadata, parts.len() >= COMPRESSED_ROWS_MIN)?;
    let mut writer = SerializedFileWriter::new(out, schema()?, Arc::new(properties))?;
    let frames = Frames::new(parts.len(), locations);
    let mut words = Words::default();
    for group in order(parts).chunks(ROW_GROUP_ROWS) {
        let rows: Vec<Given> =
            group.iter().map(|index| Given { part: &parts[*index], frames: frames.of(*index), metadata }).collect();
        let mut columns = COLUMNS.iter();
        let mut group = writer.next_row_group()?;
        while let (Some(mut out), Some(column)) = (group.next_column()?, columns.next()) {
            column.write(&rows, &mut words, &mut out)?;
            out.close()?;
        }
        group.close()?;
    }
    writer.into_inner()
}

/// The order of parts in a file: that of their first packets.
pub(crate) fn order(parts: &[FlowPart]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by_key(|index| parts[*index].first_arrival);
    order
}

fn properties(metadata: &Metadata, is_compressed: bool) -> Result<WriterProperties, ParquetError> {
    let zstd = Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?);
    let properties = WriterProperties::builder()
        .set_statistics_enabled(EnabledStatistics::None)
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_write_batch_size(PAGE_ROWS)
        .set_created_by(format!("wiretape {}", env!("CARGO_PKG_VERSION")))
        .set_key_value_metadata(Some(metadata.to_key_values()));
    let properties = COLUMNS.iter().fold(properties, |properties, column| {
        let path = column.path();
        let properties = match column.coding {
            Coding::Few | Coding::Repeating => properties,
            Coding::Steps => properties
                .set_column_statistics_enabled(path.clone(), EnabledStatistics::Page)
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_encoding(path.clone(), Encoding::DELTA_BINARY_PACKED),
            Coding::Packed | Coding::Plain => properties
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_encoding(path.clone(), Encoding::PLAIN),
        };
        match column.coding {
            Coding::Repeating | Coding::Packed if is_compressed => properties.set_column_compression(path, zstd),
            _ => properties,
        }
    });
    Ok(properties.build())
}

fn schema() -> Result<TypePtr, ParquetError> {
    let fields = COLUMNS.iter().map(super::cells::Column::schema).collect::<Result<Vec<_>, _>>()?;
    Ok(Arc::new(Type::group_type_builder("flows").with_fields(fields).build()?))
}

/// The frames of each part, next to each other.
struct Frames {
    /// Where the frames of a part begin; one more at the end.
    starts: Vec<usize>,
    frames: Vec<u32>,
}

impl Frames {
    /// Counts first, then puts each frame in its place: there can be millions, and they come almost in order.
    fn new(parts: usize, locations: &[(u32, u32)]) -> Self {
        let mut starts = vec![0; parts + 1];
        for (part, _) in locations {
            if let Some(count) = starts.get_mut(*part as usize + 1) {
                *count += 1;
            }
        }
        for part in 0..parts {
            starts[part + 1] += starts[part];
        }
        let mut frames = vec![0; starts[parts]];
        let mut next = starts.clone();
        for (part, frame) in locations.iter().filter(|(part, _)| (*part as usize) < parts) {
            let place = &mut next[*part as usize];
            frames[*place] = *frame;
            *place += 1;
        }
        // Parked packets come late: their frames stand out of order, or twice.
        let mut kept = 0;
        for part in 0..parts {
            let (first, end) = (starts[part], starts[part + 1]);
            frames[first..end].sort_unstable();
            starts[part] = kept;
            for place in first..end {
                if kept == starts[part] || frames[kept - 1] != frames[place] {
                    frames[kept] = frames[place];
                    kept += 1;
                }
            }
        }
        starts[parts] = kept;
        frames.truncate(kept);
        Self { starts, frames }
    }

    fn of(&self, part: usize) -> &[u32] {
        &self.frames[self.starts[part]..self.starts[part + 1]]
    }
}
