//! The log of the tape: appended to, never changed.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::budget::{Account, Room};
use crate::clock::Moment;
use crate::disk::{Disk, DiskFile, read_file, whole_blocks, write_all_at};
use crate::format::chain::{Event, Line, decode, whole_bytes};
use crate::format::names;
use crate::gap::LiveRun;

/// A file of the log is followed by the next one at this length.
const FILE_BYTES_MAX: u64 = 4 << 20;
/// Most lines that wait while the disk takes none.
const WAITING_LINES_MAX: usize = 1024;

/// The log of the tape.
pub(crate) struct Chain {
    disk: Arc<dyn Disk>,
    room: Arc<Room>,
    file: Option<Arc<dyn DiskFile>>,
    number: u64,
    length: u64,
    /// Bytes of the files before.
    before_bytes: u64,
    next_seq: u64,
    waiting: VecDeque<Event>,
    /// Nothing is written: the tape is not where it was.
    is_held: bool,
    /// Lines that were given up while the disk took none.
    dropped_lines: u64,
    /// Bytes were written since the last [`Chain::take_unsynced`].
    dirty: bool,
}

/// What the log says about the end of the run before.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ending {
    /// There was a run before.
    pub(crate) known: bool,
    /// It stopped cleanly.
    pub(crate) clean: bool,
    /// The greatest arrival number that a line names as the next.
    pub(crate) next_arrival: u64,
    /// When the last line was written.
    pub(crate) last: Moment,
    /// The last run that recorded as packets came.
    pub(crate) live: Option<LiveRun>,
    /// The last run imported.
    in_import: bool,
    /// For each lane and the flow files, by name: the greatest number that was evicted.
    pub(crate) evicted: Vec<(String, u64)>,
    /// What was cut off the end of the last file, torn by a crash.
    pub(crate) torn: Vec<u8>,
}

impl Chain {
    /// Opens the log, and cuts a torn line off its end.
    pub(crate) fn open(disk: Arc<dyn Disk>, room: Arc<Room>) -> io::Result<(Self, Ending)> {
        let mut numbers: Vec<(u64, u64)> = disk
            .list(Path::new(names::CHAIN))?
            .iter()
            .filter_map(|entry| Some((names::parse_chain(&entry.name)?, entry.status.length)))
            .collect();
        numbers.sort_unstable();
        let mut chain = Self {
            disk,
            room,
            file: None,
            number: 1,
            length: 0,
            before_bytes: numbers.iter().rev().skip(1).map(|(_, length)| whole_blocks(*length)).sum(),
            next_seq: 1,
            waiting: VecDeque::new(),
            is_held: false,
            dropped_lines: 0,
            dirty: false,
        };
        let mut ending = Ending::default();
        // The last file alone can be nearly empty: the one before it is asked too.
        for (number, _) in numbers.iter().rev().take(2).rev() {
            let text = read_file(chain.disk.as_ref(), &names::chain_path(*number), 2 * FILE_BYTES_MAX)?;
            chain.learn(&text[..whole_bytes(&text)], &mut ending);
            (chain.number, chain.length) = (*number, text.len() as u64);
            ending.torn = text.get(whole_bytes(&text)..).unwrap_or_default().to_vec();
        }
        if !numbers.is_empty() {
            let file = chain.disk.open(&names::chain_path(chain.number))?;
            if !ending.torn.is_empty() {
                chain.length -= ending.torn.len() as u64;
                file.set_length(chain.length)?;
                file.sync_data()?;
            }
            chain.file = Some(file);
        }
        chain.room.note(Account::Chain, chain.before_bytes + whole_blocks(chain.length));
        Ok((chain, ending))
    }

    /// Writes a line; when the disk takes none it waits for [`Chain::retry`].
    pub(crate) fn note(&mut self, event: Event) {
        if self.waiting.len() >= WAITING_LINES_MAX {
            self.waiting.pop_front();
            self.dropped_lines += 1;
        }
        self.waiting.push_back(event);
        self.retry();
    }

    /// Has lines wait, or not any more.
    pub(crate) fn hold(&mut self, is_held: bool) {
        self.is_held = is_held;
    }

    /// The lines that wait.
    pub(crate) fn take_waiting(&mut self) -> VecDeque<Event> {
        std::mem::take(&mut self.waiting)
    }

    /// Writes the lines that wait.
    pub(crate) fn retry(&mut self) {
        if self.is_held {
            return;
        }
        if self.dropped_lines > 0 {
            let message = format!("{} lines of the log were lost while the disk took none", self.dropped_lines);
            if self.write(&Event::Error { place: names::CHAIN.to_owned(), message }).is_err() {
                return;
            }
            self.dropped_lines = 0;
        }
        while let Some(event) = self.waiting.pop_front() {
            if self.write(&event).is_err() {
                self.waiting.push_front(event);
                return;
            }
        }
    }

    /// The file, if it was written to since the last call.
    pub(crate) fn take_unsynced(&mut self) -> Option<Arc<dyn DiskFile>> {
        std::mem::take(&mut self.dirty).then(|| self.file.clone()).flatten()
    }

    fn write(&mut self, event: &Event) -> io::Result<()> {
        let Moment { time, boot_ns } = Moment::now();
        let line = Line { seq: self.next_seq, time, boot_ns, event: event.clone() }.encode();
        let length = self.length + line.len() as u64;
        if self.file.is_some() && length > FILE_BYTES_MAX {
            self.before_bytes += whole_blocks(self.length);
            (self.file, self.length) = (None, 0);
            self.number += 1;
        }
        let length = self.length + line.len() as u64;
        if self.file.is_some() && self.disk.status(&names::chain_path(self.number)).is_err() {
            // It was removed: what is written must be there for readers.
            (self.file, self.length) = (None, 0);
        }
        self.room
            .set(Account::Chain, self.before_bytes + whole_blocks(length))
            .map_err(|_| io::Error::from(io::ErrorKind::StorageFull))?;
        let file = match &self.file {
            Some(file) => file.clone(),
            None => self.create()?,
        };
        if let Err(error) = write_all_at(file.as_ref(), line.as_bytes(), self.length) {
            self.file = None;
            return Err(error);
        }
        self.length += line.len() as u64;
        self.next_seq += 1;
        self.dirty = true;
        Ok(())
    }

    fn create(&mut self) -> io::Result<Arc<dyn DiskFile>> {
        self.disk.create_directory(Path::new(names::CHAIN))?;
        let path = names::chain_path(self.number);
        let file = match self.disk.create(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self.disk.open(&path)?,
            other => other?,
        };
        self.disk.sync_directory(Path::new(names::CHAIN))?;
        self.file = Some(file.clone());
        Ok(file)
    }

    fn learn(&mut self, text: &[u8], ending: &mut Ending) {
        for line in decode(text).flatten() {
            self.next_seq = self.next_seq.max(line.seq.saturating_add(1));
            ending.known = true;
            ending.clean = matches!(line.event, Event::Stop { .. });
            ending.last = Moment { time: line.time, boot_ns: line.boot_ns };
            match line.event {
                Event::Start { next_arrival, boot_id, import, .. } => {
                    ending.next_arrival = ending.next_arrival.max(next_arrival);
                    ending.in_import = import;
                    if !import {
                        ending.live = Some(LiveRun { started: line.time, boot_id, stopped: None });
                    }
                }
                Event::Stop { next_arrival } => {
                    ending.next_arrival = ending.next_arrival.max(next_arrival);
                    if let (false, Some(live)) = (ending.in_import, &mut ending.live) {
                        live.stopped = Some(line.time);
                    }
                }
                Event::Evict(eviction) => match ending.evicted.iter_mut().find(|(lane, _)| *lane == eviction.lane) {
                    Some((_, last)) => *last = eviction.last.max(*last),
                    None => ending.evicted.push((eviction.lane, eviction.last)),
                },
                _ => {}
            }
        }
    }
}
