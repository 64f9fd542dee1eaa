//! What a flow file says of itself, as Parquet key-value metadata.

use flow::Lane;
use parquet::file::metadata::KeyValue;
use serde::{Deserialize, Serialize};

use super::RowsError;
use crate::format::state::{Covers, Position};

/// A frame that rows refer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FramePlace {
    /// Its lane; `None` in a file of a later version that has others.
    pub lane: Option<Lane>,
    /// Number of its segment.
    pub segment: u64,
    /// Its offset in the segment's uncompressed stream.
    pub uoffset: u64,
}

impl FramePlace {
    /// Where it begins in its lane.
    pub fn position(&self) -> Position {
        Position { segment: self.segment, uoffset: self.uoffset }
    }
}

/// Frames of a lane that follow each other, of which at least some hold packets without a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rowless {
    /// Their lane.
    pub lane: Lane,
    /// Where the first one begins.
    pub first: Position,
    /// Where the last one begins.
    pub last: Position,
}

impl Rowless {
    /// One frame; `None` in a lane that is not known.
    pub fn frame(place: FramePlace) -> Option<Self> {
        let position = place.position();
        Some(Self { lane: place.lane?, first: position, last: position })
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
    /// Frames that hold packets without a row, and perhaps some between them that do not.
    pub rowless: Vec<Rowless>,
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
            entry(FRAMES, json(&runs(&self.frames))),
            entry(ROWLESS, json(&self.rowless.iter().map(RowlessText::from).collect::<Vec<_>>())),
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
        let runs: Vec<RunText> = serde_json::from_str(text(FRAMES)?).map_err(malformed(FRAMES))?;
        let frames = places(runs);
        let rowless: Vec<RowlessText> = serde_json::from_str(text(ROWLESS)?).map_err(malformed(ROWLESS))?;
        Ok(Self {
            tape: text(TAPE)?.to_owned(),
            sensor: text(SENSOR)?.to_owned(),
            covers: serde_json::from_str(text(COVERS)?).map_err(malformed(COVERS))?,
            interfaces: serde_json::from_str(text(INTERFACES)?).map_err(malformed(INTERFACES))?,
            rowless: rowless.into_iter().filter_map(|one| one.told(&frames)).collect(),
            frames,
            clock_ns: serde_json::from_str(text(CLOCK)?).map_err(malformed(CLOCK))?,
        })
    }
}

/// Neighbouring frames of a segment as they are written.
#[derive(Serialize, Deserialize)]
struct RunText(String, u64, OffsetsText);

/// The first offset and the distances to the next ones, or one offset as it was written once.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum OffsetsText {
    Steps(Vec<i64>),
    One(u64),
}

/// Lane, segment and offset of the first frame, and of the last; or an index of a frame, as it was written once.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum RowlessText {
    Range(String, u64, u64, u64, u64),
    Index(u32),
}

/// Frames in the order of their indices, those of one segment next to each other told together.
fn runs(frames: &[FramePlace]) -> Vec<RunText> {
    let of_segment = frames.chunk_by(|one, next| (one.lane, one.segment) == (next.lane, next.segment));
    let run = |frames: &[FramePlace]| {
        let first = frames.first()?;
        let mut before = 0_u64;
        // Distances wrap around, so that any offset can be told.
        let step = |frame: &FramePlace| {
            let last = std::mem::replace(&mut before, frame.uoffset);
            frame.uoffset.wrapping_sub(last).cast_signed()
        };
        let steps = frames.iter().map(step).collect();
        Some(RunText(first.lane.map_or("", Lane::name).to_owned(), first.segment, OffsetsText::Steps(steps)))
    };
    of_segment.filter_map(run).collect()
}

fn places(runs: Vec<RunText>) -> Vec<FramePlace> {
    let mut places = Vec::new();
    for RunText(lane, segment, offsets) in runs {
        let lane = Lane::from_name(&lane);
        let steps = match offsets {
            OffsetsText::Steps(steps) => steps,
            OffsetsText::One(uoffset) => vec![uoffset.cast_signed()],
        };
        let mut uoffset = 0_u64;
        for step in steps {
            uoffset = uoffset.wrapping_add_signed(step);
            places.push(FramePlace { lane, segment, uoffset });
        }
    }
    places
}

impl From<&Rowless> for RowlessText {
    fn from(Rowless { lane, first, last }: &Rowless) -> Self {
        Self::Range(lane.name().to_owned(), first.segment, first.uoffset, last.segment, last.uoffset)
    }
}

impl RowlessText {
    fn told(&self, frames: &[FramePlace]) -> Option<Rowless> {
        match self {
            Self::Index(index) => Rowless::frame(*frames.get(*index as usize)?),
            Self::Range(lane, segment, uoffset, last_segment, last_uoffset) => Some(Rowless {
                lane: Lane::from_name(lane)?,
                first: Position { segment: *segment, uoffset: *uoffset },
                last: Position { segment: *last_segment, uoffset: *last_uoffset },
            }),
        }
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("metadata is plain data")
}
