//! Capture files as a source: packets one after the other, numbered as they come.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use packet::capture::Reader;
use packet::{Interface, Packet};

use super::Damage;
use super::outside::{Extent, Reasons};
use crate::Error;

/// The packets of several captures, one capture after the other.
pub(super) struct Captures<'p> {
    paths: std::slice::Iter<'p, PathBuf>,
    reader: Option<(&'p Path, Reader<Box<dyn Read>>)>,
    /// Interfaces of the captures before the current one.
    first_interface: u32,
    arrival: u64,
    /// Faults that ended a capture early.
    pub(super) damaged: Vec<Damage>,
    /// Times of the packets so far.
    pub(super) extent: Extent,
}

/// What times outside of captures are called.
pub(super) const OUTSIDE: Reasons =
    Reasons { before: "before the first packet of the capture", behind: "behind the last packet of the capture" };

impl<'p> Captures<'p> {
    /// The packets of the captures at `paths`.
    pub(super) fn new(paths: &'p [PathBuf]) -> Self {
        Self {
            paths: paths.iter(),
            reader: None,
            first_interface: 0,
            arrival: 0,
            damaged: Vec::new(),
            extent: Extent::default(),
        }
    }

    /// An error if one of them can be read only once.
    pub(super) fn check_repeatable(paths: &[PathBuf]) -> Result<(), Error> {
        let is_file = |path: &&PathBuf| std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
        match paths.iter().find(|path| !is_file(path)) {
            // What does not exist is named better when it is opened.
            Some(path) if path.as_os_str() == "-" || path.exists() => Err(Error::NeedsFile { path: path.clone() }),
            _ => Ok(()),
        }
    }

    /// Hands the next packet, with its arrival number set and its interface numbered through all captures, to `take`;
    /// `None` at the end of the last one.
    ///
    /// What cannot be read as a capture at all is an error; one that ends in the middle gives what it has.
    pub(super) fn next<T>(&mut self, take: impl FnOnce(&Packet, &Interface) -> T) -> Result<Option<T>, Error> {
        while self.open_next()? {
            let Some((path, reader)) = &mut self.reader else { continue };
            let before = reader.packets();
            match reader.next_with_interfaces() {
                Ok(Some((mut packet, interfaces))) => {
                    let Some(interface) = interfaces.get(packet.interface as usize) else { continue };
                    self.arrival += 1;
                    self.extent.add(packet.time);
                    packet.arrival = Some(self.arrival);
                    packet.interface += self.first_interface;
                    return Ok(Some(take(&packet, interface)));
                }
                Ok(None) => {}
                Err(source) if before == 0 => return Err(capture_error(path, source)),
                Err(source) => self.damaged.push(Damage { path: path.to_path_buf(), what: source.to_string() }),
            }
            self.first_interface += reader.interfaces().len() as u32;
            self.reader = None;
        }
        Ok(None)
    }

    /// Makes sure that a capture is open; false after the last one.
    fn open_next(&mut self) -> Result<bool, Error> {
        if self.reader.is_none() {
            let Some(path) = self.paths.next() else { return Ok(false) };
            let reader = Reader::new(open(path)?).map_err(|source| capture_error(path, source))?;
            self.reader = Some((path, reader));
        }
        Ok(true)
    }
}

pub(super) fn open(path: &Path) -> Result<Box<dyn Read>, Error> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin().lock()));
    }
    Ok(Box::new(File::open(path).map_err(Error::io("opening", path))?))
}

fn capture_error(path: &Path, source: packet::capture::Error) -> Error {
    Error::Capture { path: path.to_path_buf(), source }
}
