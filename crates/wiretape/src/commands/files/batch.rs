//! What a sink is told of files, in batches from one thread to another.

use std::collections::BTreeMap;
use std::io::Write;
use std::ops::Range;
use std::sync::mpsc::{Receiver, SyncSender};

use investigate::files::{Collector, Store};
use investigate::{At, Body, Ends, Expected, Field, FileId, FileStart, Sink};
use packet::{Address, FlowKey};

use crate::errors::Failure;
use crate::output::files::{FileRecord, Printer};

/// Bytes of files in a batch.
const BATCH_BYTES: usize = 1 << 20;
/// Files whose ends are known at once; beyond, those of the oldest are forgotten.
const KEYS_MAX: usize = 1 << 16;
/// What is told in a batch, at most.
const TOLD_MAX: usize = 4096;

/// What was told, in order.
#[derive(Default)]
pub(super) struct Batch {
    told: Vec<Told>,
    bytes: Vec<u8>,
}

enum Told {
    Start { file: FileId, at: At, start: Box<FileStart> },
    Data { file: FileId, body: Body, bytes: Range<usize> },
    Gap { file: FileId, body: Body, bytes: u64 },
    Seek { file: FileId, offset: u64 },
    End { file: FileId, ends: Ends },
}

impl Batch {
    pub(super) fn clear(&mut self) {
        self.told.clear();
        self.bytes.clear();
    }
}

/// The sink on the side of the packets.
pub(super) struct Batcher {
    batch: Batch,
    sender: Option<SyncSender<Batch>>,
    unused: Receiver<Batch>,
    files: u64,
    oddities: Oddities,
}

/// What did not fit: how often, and in which flow first.
pub(super) type Oddities = BTreeMap<&'static str, (u64, u64)>;

impl Batcher {
    pub(super) fn new(sender: SyncSender<Batch>, unused: Receiver<Batch>) -> Self {
        Self { batch: Batch::default(), sender: Some(sender), unused, files: 0, oddities: Oddities::new() }
    }

    /// Whether nobody takes batches any more.
    pub(super) fn is_unheard(&self) -> bool {
        self.sender.is_none()
    }

    /// Sends what is left; says what did not fit.
    pub(super) fn finish(mut self) -> Oddities {
        self.send();
        self.oddities
    }

    fn tell(&mut self, told: Told) {
        self.batch.told.push(told);
        if self.batch.told.len() >= TOLD_MAX || self.batch.bytes.len() >= BATCH_BYTES {
            self.send();
        }
    }

    fn send(&mut self) {
        let next = self.unused.try_recv().unwrap_or_default();
        let batch = std::mem::replace(&mut self.batch, next);
        if self.sender.as_ref().is_some_and(|sender| sender.send(batch).is_err()) {
            self.sender = None;
        }
    }
}

impl Sink for Batcher {
    fn protocol(&mut self, _: At, _: &'static str) {}
    fn fact(&mut self, _: At, _: Field, _: &str) {}
    fn resolved(&mut self, _: At, _: &str, _: Address) {}

    fn file_start(&mut self, at: At, start: FileStart) -> FileId {
        self.files += 1;
        let file = FileId(self.files);
        self.tell(Told::Start { file, at, start: Box::new(start) });
        file
    }

    fn file_data(&mut self, file: FileId, body: Body, bytes: &[u8]) {
        let from = self.batch.bytes.len();
        self.batch.bytes.extend_from_slice(bytes);
        let to = self.batch.bytes.len();
        match self.batch.told.last_mut() {
            Some(Told::Data { file: last, body: form, bytes })
                if *last == file && *form == body && bytes.end == from =>
            {
                bytes.end = to;
                if to >= BATCH_BYTES {
                    self.send();
                }
            }
            _ => self.tell(Told::Data { file, body, bytes: from..to }),
        }
    }

    fn file_gap(&mut self, file: FileId, body: Body, bytes: u64) {
        self.tell(Told::Gap { file, body, bytes });
    }

    fn file_seek(&mut self, file: FileId, offset: u64) {
        self.tell(Told::Seek { file, offset });
    }

    fn file_end(&mut self, file: FileId, ends: Ends) {
        self.tell(Told::End { file, ends });
    }

    fn expect(&mut self, _: At, _: Expected) {}

    fn oddity(&mut self, at: At, what: &'static str) {
        self.oddities.entry(what).or_insert((0, at.flow)).0 += 1;
    }
}

/// Looks at a found file where its bytes are kept.
pub(super) type Keep<S> = fn(&mut S, &mut FileRecord) -> Result<(), Failure>;

/// The other side: files put together, kept and printed.
pub(super) struct Collecting<S: Store, W: Write> {
    collector: Collector<S>,
    printer: Printer<W>,
    keep: Keep<S>,
    /// Between whom the files are that were not found yet.
    keys: BTreeMap<FileId, FlowKey>,
    files: u64,
}

impl<S: Store, W: Write> Collecting<S, W> {
    pub(super) fn new(collector: Collector<S>, printer: Printer<W>, keep: Keep<S>) -> Self {
        Self { collector, printer, keep, keys: BTreeMap::new(), files: 0 }
    }

    pub(super) fn take(&mut self, batch: &Batch) -> Result<(), Failure> {
        for told in &batch.told {
            match told {
                Told::Start { file, at, start } => {
                    if let Some(parties) = start.between {
                        self.keys.insert(*file, parties.key());
                        if self.keys.len() > KEYS_MAX {
                            self.keys.pop_first();
                        }
                    }
                    self.collector.start(*file, *at, (**start).clone());
                }
                Told::Data { file, body, bytes } => {
                    self.collector.data(*file, *body, batch.bytes.get(bytes.clone()).unwrap_or_default());
                }
                Told::Gap { file, body, bytes } => self.collector.gap(*file, *body, *bytes),
                Told::Seek { file, offset } => self.collector.seek(*file, *offset),
                Told::End { file, ends } => self.collector.end(*file, *ends),
            }
        }
        self.tell_found()
    }

    /// Ends everything; gives back the collector with its store.
    pub(super) fn finish(mut self) -> Result<(u64, Collector<S>), Failure> {
        self.collector.finish();
        self.tell_found()?;
        self.printer.finish().map_err(Failure::output)?;
        Ok((self.files, self.collector))
    }

    fn tell_found(&mut self) -> Result<(), Failure> {
        for file in self.collector.take_found() {
            let mut record = FileRecord::new(&file, self.keys.get(&file.first));
            self.files += u64::from(!record.is_told_otherwise());
            (self.keep)(self.collector.store(), &mut record)?;
            if !file.is_piece {
                self.keys.remove(&file.first);
            }
            self.printer.file(record).map_err(Failure::output)?;
        }
        Ok(())
    }
}
