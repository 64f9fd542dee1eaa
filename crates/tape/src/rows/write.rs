//! Writing a flow file.

use std::io::Write;
use std::sync::Arc;

use flow::FlowPart;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnPath, Type, TypePtr};

use super::fields::COLUMNS;
use super::{Given, Metadata};

/// Rows of a row group: what a reader must hold at once, and what its statistics let it pass over.
const ROW_GROUP_ROWS: usize = 32 * 1024;

/// Columns in which nearly every row has another value: a dictionary would be made only to be given up.
const DISTINCT: [&str; 7] = ["flow_id", "community_id", "start", "part_start", "end", "first_arrival", "last_arrival"];

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
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_created_by(format!("wiretape {}", env!("CARGO_PKG_VERSION")))
        .set_key_value_metadata(Some(metadata.to_key_values()));
    let properties = DISTINCT.iter().fold(properties, |properties, column| {
        properties.set_column_dictionary_enabled(ColumnPath::from(*column), false)
    });
    let properties = properties.build();
    let mut writer = SerializedFileWriter::new(out, schema()?, Arc::new(properties))?;
    let frames = Frames::new(parts.len(), locations);
    for group in order(parts).chunks(ROW_GROUP_ROWS) {
        let rows: Vec<Given> =
            group.iter().map(|index| Given { part: &parts[*index], frames: frames.of(*index), metadata }).collect();
        let mut columns = COLUMNS.iter();
        let mut group = writer.next_row_group()?;
        while let (Some(mut out), Some(column)) = (group.next_column()?, columns.next()) {
            column.write(&rows, &mut out)?;
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
