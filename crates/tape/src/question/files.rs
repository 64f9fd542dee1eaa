//! Flow files, which ageing can take away meanwhile and which can be damaged.

use std::fs::File;
use std::io::ErrorKind;

use super::view::{View, sort_and_dedup};
use crate::format::state::{Covers, Position};
use crate::read::Frame;
use crate::rows::{FlowFile, FramePlace, Rowless, RowsError};
use crate::{Error, Lane};

/// Opens a flow file; `None` if it has been evicted or cannot be read, which is noted.
pub(super) fn open(view: &mut View, file: u32) -> Result<Option<FlowFile>, Error> {
    let Some(name) = view.catalog.files().get(file as usize) else { return Ok(None) };
    let path = view.tape.directory().join(name.path());
    let opened = match File::open(&path) {
        Ok(file) => FlowFile::of(file),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            view.tape.notes.flows_evicted = true;
            return Ok(None);
        }
        Err(error) => return Err(Error::io("opening", &path)(error)),
    };
    match opened {
        Ok(file) => Ok(Some(file)),
        Err(error) => {
            note(view, file, &error);
            Ok(None)
        }
    }
}

/// Notes that a flow file cannot be read.
pub(super) fn note(view: &mut View, file: u32, error: &RowsError) {
    if let Some(name) = view.catalog.files().get(file as usize) {
        let path = view.tape.directory().join(name.path());
        view.tape.notes.damaged(&path, error.to_string());
    }
}

/// Up to where a flow file and those before it count.
pub(super) fn covers(view: &mut View, file: u32) -> Result<Option<Covers>, Error> {
    if let Some(summary) = view.catalog.summary(file) {
        return Ok(Some(summary.covers));
    }
    Ok(open(view, file)?.map(|file| file.metadata().covers))
}

/// From where on a flow file counts, as far as it says so itself: by lane the first frame that it knows.
pub(super) fn starts(view: &mut View, file: u32) -> Result<Option<Covers>, Error> {
    let Some(file) = open(view, file)? else { return Ok(None) };
    let mut starts = file.metadata().covers;
    for lane in Lane::ALL {
        let listed = file.metadata().frames.iter().filter(|place| place.lane == Some(lane));
        let rowless = file.metadata().rowless.iter().filter(|rowless| rowless.lane == lane);
        let first = listed.map(FramePlace::position).chain(rowless.map(|rowless| rowless.first)).min();
        if let Some(first) = first {
            starts.set(lane, first);
        }
    }
    Ok(Some(starts))
}

/// The frames of a flow file that hold packets without a row, or may.
pub(super) fn rowless(view: &mut View, file: u32) -> Result<Vec<Frame>, Error> {
    let Some(file) = open(view, file)? else { return Ok(Vec::new()) };
    let mut frames = Vec::new();
    for Rowless { lane, first, last } in &file.metadata().rowless {
        let behind = Position { segment: last.segment, uoffset: last.uoffset.saturating_add(1) };
        frames.extend(view.listing.between(&mut view.tape, *lane, *first, Some(behind))?);
    }
    sort_and_dedup(&mut frames);
    Ok(frames)
}
