//! All flow files of a tape, with what they can hold: read from few files.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::file::KeyFile;
use super::{FileSummary, FlowIndex, IndexError, Key, KeySet, RowSet, build};
use crate::Error;
use crate::format::names::{self, FlowFileName};
use crate::rows::{FlowFile, RowsError};

/// The flow files of a tape, by their place in the order of their numbers.
pub struct Catalog {
    directory: PathBuf,
    files: Vec<FlowFileName>,
    summaries: Vec<Option<FileSummary>>,
    rollups: Vec<Rollup>,
    /// Files that no roll-up has, with their indexes; those without are not here.
    alone: Vec<(u32, FlowIndex)>,
    /// Files of which nothing is known but their names.
    unknown: RowSet,
}

struct Rollup {
    keys: KeyFile,
    /// For each file of the roll-up its place in the catalog, if it is still there.
    places: Vec<Option<u32>>,
}

impl Catalog {
    /// Reads what the catalog of the tape in `directory` says.
    pub fn open(directory: &Path) -> Result<Self, Error> {
        // The catalog first: what flow file appears meanwhile is then at most not in it.
        let listed = list(&directory.join(names::CATALOG))?;
        let mut files: Vec<FlowFileName> =
            list(&directory.join(names::FLOWS))?.iter().filter_map(|name| FlowFileName::parse(name)).collect();
        files.sort_by_key(|name| name.number);
        files.dedup_by_key(|name| name.number);
        let mut catalog = Self {
            directory: directory.to_path_buf(),
            summaries: vec![None; files.len()],
            unknown: RowSet::all(files.len() as u32),
            files,
            rollups: Vec::new(),
            alone: Vec::new(),
        };
        let places: HashMap<FlowFileName, u32> = catalog.files.iter().copied().zip(0..).collect();
        for (first, last) in listed.iter().filter_map(|name| names::parse_rollup(name)) {
            catalog.add_rollup(&names::rollup_path(first, last), &places);
        }
        for place in catalog.unknown.to_vec() {
            catalog.add_index(place);
        }
        Ok(catalog)
    }

    fn add_rollup(&mut self, path: &Path, places: &HashMap<FlowFileName, u32>) {
        let Ok(keys) = KeyFile::open(&self.directory.join(path)) else { return };
        if !keys.head.is_rollup {
            return;
        }
        let of_file = |file: &FileSummary| {
            let place = *places.get(&file.name)?;
            // Two roll-ups may have the same file, if a recorder stopped between writing one and removing the other.
            let is_new = self.summaries.get(place as usize).is_some_and(Option::is_none);
            is_new.then(|| {
                self.summaries[place as usize] = Some(file.clone());
                self.unknown = std::mem::take(&mut self.unknown) - RowSet::from_iter([place]);
                place
            })
        };
        let places: Vec<Option<u32>> = keys.head.files.iter().map(of_file).collect();
        self.rollups.push(Rollup { keys, places });
    }

    fn add_index(&mut self, place: u32) {
        let Some(name) = self.files.get(place as usize).copied() else { return };
        if let Some(index) = self.open_index(name) {
            self.summaries[place as usize] = Some(index.summary().clone());
            self.alone.push((place, index));
            self.unknown = std::mem::take(&mut self.unknown) - RowSet::from_iter([place]);
        }
    }

    /// The flow files, oldest first.
    pub fn files(&self) -> &[FlowFileName] {
        &self.files
    }

    /// What the file at a place holds; `None` if only its [`FlowIndex`] can tell.
    pub fn summary(&self, place: u32) -> Option<&FileSummary> {
        self.summaries.get(place as usize)?.as_ref()
    }

    /// The places of the files that can have a row with a key.
    pub fn holding(&self, key: &Key) -> RowSet {
        self.found(|keys| keys.numbers_of(key), |index| index.rows_of(key))
    }

    /// The places of the files that can have a row with any of some keys.
    pub fn holding_any(&self, keys: &KeySet) -> RowSet {
        self.found(|rollup| rollup.numbers_of_any(keys), |index| index.rows_of_any(keys))
    }

    fn found(
        &self,
        of_rollup: impl Fn(&KeyFile) -> Result<RowSet, IndexError>,
        of_index: impl Fn(&FlowIndex) -> Result<RowSet, IndexError>,
    ) -> RowSet {
        let mut found = self.unknown.clone();
        for rollup in &self.rollups {
            match of_rollup(&rollup.keys) {
                Ok(numbers) => {
                    let places = numbers.iter().filter_map(|number| *rollup.places.get(number as usize)?);
                    places.for_each(|place| found.insert(place));
                }
                // Damaged: any of its files can.
                Err(_) => rollup.places.iter().flatten().for_each(|place| found.insert(*place)),
            }
        }
        for (place, index) in &self.alone {
            if of_index(index).map_or(true, |rows| !rows.is_empty()) {
                found.insert(*place);
            }
        }
        found
    }

    /// The index of the file at a place: as it was written, else made from the flow file.
    ///
    /// What cannot be read of an index shows when rows are looked up; [`Catalog::rebuild`] then gives one that can.
    pub fn index(&self, place: u32) -> Result<FlowIndex, RowsError> {
        let name = *self.files.get(place as usize).ok_or(RowsError::Missing("place in the catalog"))?;
        self.open_index(name).map_or_else(|| self.rebuild(place), Ok)
    }

    /// The index of the file at a place, made from the flow file.
    pub fn rebuild(&self, place: u32) -> Result<FlowIndex, RowsError> {
        FlowIndex::from_bytes(self.made(place)?).map_err(|_| RowsError::Unreadable)
    }

    /// The bytes of the index of the file at a place, made from the flow file.
    pub fn made(&self, place: u32) -> Result<Vec<u8>, RowsError> {
        let name = *self.files.get(place as usize).ok_or(RowsError::Missing("place in the catalog"))?;
        let file = File::open(self.directory.join(name.path())).map_err(parquet::errors::ParquetError::from)?;
        let file_bytes = file.metadata().map_or(0, |metadata| metadata.len());
        let file = FlowFile::of(file)?;
        let mut parts = Vec::new();
        for group in 0..file.row_groups() {
            parts.extend(file.read(group)?.into_iter().map(|row| row.part));
        }
        Ok(build(name, file_bytes, file.metadata(), parts.iter()))
    }

    fn open_index(&self, name: FlowFileName) -> Option<FlowIndex> {
        let index = FlowIndex::open(&self.directory.join(names::flow_index_path(name.number))).ok()?;
        (index.summary().name == name).then_some(index)
    }
}

/// The names in a directory; none if it does not exist.
fn list(directory: &Path) -> Result<Vec<String>, Error> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io("listing", directory)(error)),
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    Ok(names.collect())
}
