//! What can be known of a source before it is asked.

use std::path::{Path, PathBuf};

use packet::capture::{Kind, Reader};
use packet::{LinkType, Timestamp};

use super::Source;
use super::captures;
use crate::read::Tape;
use crate::{Error, Lane};

/// The link types of a source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkTypes {
    /// Those that it has, each once.
    pub known: Vec<LinkType>,
    /// There are no others.
    pub is_complete: bool,
}

impl LinkTypes {
    fn add(&mut self, link_type: LinkType) {
        if !self.known.contains(&link_type) {
            self.known.push(link_type);
        }
    }
}

/// The link types of a source, as far as they can be told without reading its packets.
pub fn link_types(source: &Source) -> Result<LinkTypes, Error> {
    match source {
        Source::Tape(directory) => of_tape(directory),
        Source::Captures(paths) => of_captures(paths),
    }
}

/// From when on a tape has rows of flows; `None` when nothing is recorded.
pub fn rows_since(directory: &Path) -> Result<Option<Timestamp>, Error> {
    let mut tape = Tape::open(directory)?;
    if let Some(first) = tape.flow_files()?.first() {
        return Ok(Some(first.time));
    }
    let mut listing = tape.list()?;
    let mut oldest = None;
    for lane in Lane::ALL {
        let frames = listing.oldest(&mut tape, lane)?;
        let times = frames.iter().filter(|frame| frame.packets > 0).map(|frame| frame.times.0);
        oldest = oldest.into_iter().chain(times).min();
    }
    Ok(oldest)
}

/// The state has all interfaces up to the last checkpoint, and a lane's newest segment those that came later.
fn of_tape(directory: &Path) -> Result<LinkTypes, Error> {
    let mut tape = Tape::open(directory)?;
    let state = tape.state();
    let mut types = LinkTypes { known: Vec::new(), is_complete: state.is_some() };
    let counted = state.map(|state| state.head.interfaces).unwrap_or_default();
    for interface in counted.into_iter().chain(tape.newest_interfaces()?) {
        types.add(interface.link_type);
    }
    Ok(types)
}

/// A pcap file has one link type; where in a pcapng file there are more is not known before its end.
fn of_captures(paths: &[PathBuf]) -> Result<LinkTypes, Error> {
    let mut types = LinkTypes { known: Vec::new(), is_complete: true };
    for path in paths {
        if !std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file()) {
            types.is_complete = false;
            continue;
        }
        let unreadable = |source| Error::Capture { path: path.clone(), source };
        let mut reader = Reader::new(captures::open(path)?).map_err(unreadable)?;
        // A fault behind the header is told when the packets are read.
        let _ = reader.next();
        types.is_complete &= reader.format().kind != Kind::Pcapng;
        reader.interfaces().iter().for_each(|interface| types.add(interface.link_type));
    }
    Ok(types)
}
