//! Tapes that were recorded, asked while the recorder is at work and after it ended, well or not.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use flow::{FlowTable, Lane, Place, Slot};
use packet::Interface;
use tape::question::{Query, Source, flows, packets};
use tape::{Compression, KeepFree, Opened, Options, Tape};

use crate::built_tape::Owned;
use crate::question::{ask_flows, ask_packets, read_capture, some_captures};
use crate::shared_captures::folder;

/// The loop of a recorder, as short as can be.
pub(crate) struct Recorder {
    tape: Tape,
    table: FlowTable,
    parked: Vec<(Slot, Owned, u64)>,
    interfaces: Vec<u32>,
}

impl Recorder {
    pub(crate) fn open(directory: &Path, interfaces: &[Interface], compression: Compression) -> Self {
        let mut options = Options::new(64 << 20);
        options.compression = compression;
        options.keep_free = KeepFree::Bytes(0);
        let Opened { mut tape, table, .. } = Tape::open(directory, options).unwrap();
        let interfaces = interfaces.iter().map(|interface| tape.interface(interface)).collect();
        Self { tape, table, parked: Vec::new(), interfaces }
    }

    pub(crate) fn record(&mut self, owned: &Owned, link_types: &[Interface]) {
        let arrival = self.tape.next_arrival();
        let mut packet = owned.packet(arrival);
        let interface = &link_types[packet.interface as usize];
        packet.interface = self.interfaces[packet.interface as usize];
        let headers = packet::decode(interface.link_type, packet.data, packet.wire_bytes);
        let seen = self.table.observe(&packet, &headers, arrival, 1);
        let owned = Owned { interface: packet.interface, ..owned.clone() };
        if let Some(lane) = seen.release {
            self.release(lane, |slot| slot == seen.slot);
        }
        match seen.place {
            Place::Park => self.parked.push((seen.slot, owned, arrival)),
            Place::Lane(lane) => self.append(lane, seen.slot, &owned, arrival),
        }
        if self.parked.len() > 50 {
            self.release(Lane::Junk, |_| true);
        }
    }

    pub(crate) fn tick(&mut self) {
        self.tape.tick(Instant::now()).unwrap();
    }

    pub(crate) fn checkpoint(&mut self) {
        // Rows that come faster than they are written are lost, and said to be.
        while !self.tape.takes_checkpoint() {
            std::thread::sleep(Duration::from_millis(1));
        }
        self.release(Lane::Junk, |_| true);
        self.tape.checkpoint(&mut self.table);
    }

    pub(crate) fn close(mut self) {
        self.release(Lane::Junk, |_| true);
        self.tape.close(&mut self.table);
    }

    /// What is not parked is brought to the kernel; then it ends as if it had been killed.
    pub(crate) fn crash(mut self) {
        self.release(Lane::Junk, |_| true);
        self.tick();
        std::thread::sleep(Duration::from_millis(300));
    }

    fn release(&mut self, lane: Lane, which: impl Fn(Slot) -> bool) {
        let (released, rest) = std::mem::take(&mut self.parked).into_iter().partition(|(slot, ..)| which(*slot));
        self.parked = rest;
        let released: Vec<_> = released;
        for (slot, owned, arrival) in released {
            self.append(lane, slot, &owned, arrival);
        }
    }

    fn append(&mut self, lane: Lane, slot: Slot, owned: &Owned, arrival: u64) {
        let packet = owned.packet(arrival);
        let frame = self.tape.append(lane, &packet, u32::MAX).unwrap();
        self.table.placed(slot, lane, frame, packet.data.len() as u32);
    }
}

const COMPRESSIONS: [Compression; 2] = [Compression::None, Compression::Zstd(1)];

#[test]
fn what_was_recorded_is_answered() {
    let Some(root) = folder() else { return };
    for (number, path) in some_captures(&root).into_iter().enumerate().step_by(3) {
        let Some((interfaces, recorded)) = read_capture(&path) else { continue };
        let directory = tempfile::tempdir().unwrap();
        let mut recorder = Recorder::open(directory.path(), &interfaces, COMPRESSIONS[number % 2]);
        for (count, packet) in recorded.iter().enumerate() {
            recorder.record(packet, &interfaces);
            if count % 500 == 499 {
                recorder.checkpoint();
            }
        }
        match number % 3 {
            0 => recorder.crash(),
            _ => recorder.close(),
        }
        let (tape, capture) = (Source::tape(directory.path()), Source::captures([path.clone()]));
        let (found, coverage) = ask_packets(&tape, &Query::default());
        assert!(coverage.is_complete(), "{} {coverage:?}", path.display());
        let (found, expected): (Vec<_>, Vec<_>) = (
            found.into_iter().map(|(packet, _)| packet).collect(),
            recorded.iter().map(|packet| Owned { interface: 0, ..packet.clone() }).collect(),
        );
        assert!(found == expected, "{}: {} of {}", path.display(), found.len(), expected.len());
        if recorded.is_sorted_by_key(|packet| packet.time) {
            let query = Query::default();
            assert_eq!(ask_flows(&tape, &query), ask_flows(&capture, &query), "{}", path.display());
        }
    }
}

#[test]
fn a_packet_is_found_while_recording_goes_on() {
    let Some(root) = folder() else { return };
    let (interfaces, recorded) = some_captures(&root).iter().find_map(|path| read_capture(path)).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let mut recorder = Recorder::open(directory.path(), &interfaces, Compression::Zstd(1));
    let source = Source::tape(directory.path());
    let (sender, receiver) = std::sync::mpsc::channel();
    let (live_source, live) = (source.clone(), Query { live: true, ..Query::default() });
    // The packets are older than the question, so it has to reach back.
    let live = Query { from: Some(packet::Timestamp::MIN), ..live };
    std::thread::spawn(move || {
        packets(&live_source, &live, &mut |packet, _| match sender.send(packet.arrival) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        })
    });
    let mut expected = 0;
    for batch in recorded.chunks(recorded.len().div_ceil(8)) {
        batch.iter().for_each(|packet| recorder.record(packet, &interfaces));
        recorder.checkpoint();
        recorder.tick();
        expected += batch.len();
        let deadline = Instant::now() + Duration::from_secs(3);
        let mut found = 0;
        while found < expected && Instant::now() < deadline {
            found = ask_packets(&source, &Query::default()).0.len();
        }
        assert_eq!(found, expected);
        let mut counted = 0;
        flows(&source, &Query::default(), &mut |flow| {
            counted += flow.row.pkts_toserver + flow.row.pkts_toclient;
            ControlFlow::Continue(())
        })
        .unwrap();
        assert_eq!(counted, expected as u64);
    }
    let live: Vec<_> = (0..expected).map(|_| receiver.recv_timeout(Duration::from_secs(3)).unwrap()).collect();
    let mut arrivals = live.clone();
    arrivals.sort();
    arrivals.dedup();
    assert_eq!(arrivals.len(), expected);
    let status = tape::status::status(directory.path()).unwrap();
    assert!(status.recording);
    assert_eq!(status.lanes.iter().map(|lane| lane.packets).sum::<u64>(), expected as u64);
    recorder.close();
    assert!(!tape::status::status(directory.path()).unwrap().recording);
}
