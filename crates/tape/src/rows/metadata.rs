//! What a flow file says of itself, as Parquet key-value metadata.

use flow::Lane;
use parquet::file::metadata::KeyValue;
use serde::{Deserialize, Serialize};

use super::RowsError;
use crate::format::state::Covers;

/// A frame that rows refer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "(String, u64, u64)", into = "(String, u64, u64)")]
pub struct FramePlace {
    /// Its lane; `None` in a file of a later version that has others.
    pub lane: Option<Lane>,
    /// Number of its segment.
    pub segment: u64,
    /// Its offset in the segment's uncompressed stream.
    pub uoffset: u64,
}

impl From<(String, u64, u64)> for FramePlace {
    fn from((lane, segment, uoffset): (String, u64, u64)) -> Self {
        Self { lane: Lane::from_name(&lane), segment, uoffset }
    }
}

impl From<FramePlace> for (String, u64, u64) {
    fn from(place: FramePlace) -> Self {
        (place.lane.map_or("", Lane::name).to_owned(), place.segment, place.uoffset)
    }
}

/// What a flow file says of itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metadata {
    /// The tape's id, 32 hex digits.
    pub tape: String,
    /// Where it was recorded.
    pub sensor: String,
    /// Up to where packets have been counted, this file included.
    pub covers: Covers,
    /// Names of the tape's interfaces by number, empty for those without.
    pub interfaces: Vec<String>,
    /// The frames that rows refer to by index.
    pub frames: Vec<FramePlace>,
    /// Indices of frames that hold packets without a row.
    pub rowless: Vec<u32>,
    /// The flow table's clock at the end of the period; 0 if it is not known.
    pub clock_ns: u64,
}

const TAPE: &str = "wiretape.tape";
const SENSOR: &str = "wiretape.sensor";
const COVERS: &str = "wiretape.covers";
const INTERFACES: &str = "wiretape.interfaces";
const FRAMES: &str = "wiretape.frames";
const ROWLESS: &str = "wiretape.rowless";
const CLOCK: &str = "wiretape.clock";

impl Metadata {
    /// As it is written.
    pub(super) fn to_key_values(&self) -> Vec<KeyValue> {
        let entry = |key: &str, value: String| KeyValue::new(key.to_owned(), value);
        vec![
            entry(TAPE, self.tape.clone()),
            entry(SENSOR, self.sensor.clone()),
            entry(COVERS, json(&self.covers)),
            entry(INTERFACES, json(&self.interfaces)),
            entry(FRAMES, json(&self.frames)),
            entry(ROWLESS, json(&self.rowless)),
            entry(CLOCK, json(&self.clock_ns)),
        ]
    }

    /// From what was read.
    pub(super) fn from_key_values(entries: Option<&Vec<KeyValue>>) -> Result<Self, RowsError> {
        let text = |key: &'static str| {
            let entry = entries.into_iter().flatten().find(|entry| entry.key == key);
            entry.and_then(|entry| entry.value.as_deref()).ok_or(RowsError::Missing(key))
        };
        let malformed = |key| move |_| RowsError::Missing(key);
        Ok(Self {
            tape: text(TAPE)?.to_owned(),
            sensor: text(SENSOR)?.to_owned(),
            covers: serde_json::from_str(text(COVERS)?).map_err(malformed(COVERS))?,
            interfaces: serde_json::from_str(text(INTERFACES)?).map_err(malformed(INTERFACES))?,
            frames: serde_json::from_str(text(FRAMES)?).map_err(malformed(FRAMES))?,
            rowless: serde_json::from_str(text(ROWLESS)?).map_err(malformed(ROWLESS))?,
            clock_ns: serde_json::from_str(text(CLOCK)?).map_err(malformed(CLOCK))?,
        })
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("metadata is plain data")
}
