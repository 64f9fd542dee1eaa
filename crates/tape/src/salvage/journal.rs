//! What is only in a journal.

use packet::capture::block::{Block, Blocks, Section, write_interface_block, write_section_header};
use packet::{Interface, LinkType};

use super::Work;
use crate::Lane;
use crate::budget::Account;
use crate::disk::{read_file, whole_blocks, write_all_at};
use crate::format::catalog::{FrameRecord, HOLDS_INTERFACES, STORED};
use crate::format::journal::{JournalFrame, decode};
use crate::format::names::{self, Encoding, SegmentName};
use crate::format::zstd_frame::store;
use crate::frame::{Encoder, Summary};
use crate::options::Options;

/// More than any journal has.
const JOURNAL_BYTES_MAX: u64 = 256 << 20;

impl Work<'_> {
    /// The frames in a lane's journal.
    pub(super) fn journal(&self, lane: Lane) -> Vec<JournalFrame> {
        let bytes = read_file(self.shared.disk.as_ref(), &names::journal_path(lane), JOURNAL_BYTES_MAX);
        decode(&bytes.unwrap_or_default())
    }

    /// A segment of which only the journal is left.
    pub(super) fn rebuild_from_journal(&mut self, lane: Lane, number: u64, journal: &mut Vec<JournalFrame>) {
        let frame = journal.iter().find(|frame| frame.segment == number);
        let Some(summary) = frame.and_then(|frame| summarize(&frame.bytes)) else { return };
        let encoding = if self.compresses { Encoding::Zstd } else { Encoding::Plain };
        let name = SegmentName { number, time: summary.first_time, encoding };
        if let Err(error) = self.shared.disk.create(&name.path(lane)) {
            return self.shared.problem(&name.path(lane).display().to_string(), error.to_string());
        }
        let mut records = Vec::new();
        self.append_journal(lane, name, &mut records, journal);
        self.close(lane, name, &records);
    }

    /// Appends the frames that the segment does not have.
    pub(super) fn append_journal(
        &mut self,
        lane: Lane,
        name: SegmentName,
        records: &mut Vec<FrameRecord>,
        journal: &mut Vec<JournalFrame>,
    ) {
        let end = records.last().map_or(0, FrameRecord::uend);
        let frames: Vec<JournalFrame> = journal.extract_if(.., |frame| frame.segment == name.number).collect();
        for mut frame in frames {
            // A segment that is not compressed can be torn within the frame: the rest of it is here.
            let there = usize::try_from(end.saturating_sub(frame.uoffset)).unwrap_or(usize::MAX);
            frame.bytes.drain(..there.min(frame.bytes.len()));
            let Some(summary) = summarize(&frame.bytes) else { continue };
            let same = |record: &FrameRecord| {
                (record.packets, record.first_arrival, record.last_arrival)
                    == (summary.packets, summary.first_arrival, summary.last_arrival)
            };
            // A salvage that was interrupted has put it there already.
            if records.iter().any(same) {
                continue;
            }
            let described = self.describe(lane, name, records, &frame.bytes);
            let record = FrameRecord { ubytes: frame.bytes.len() as u32, ..summary.record() };
            match described.and_then(|()| self.append(lane, name, records, &frame.bytes, record)) {
                Ok(()) => self.report.packets_from_journals += u64::from(summary.packets),
                Err(error) => {
                    self.shared.problem(&name.path(lane).display().to_string(), error.to_string());
                    self.shared.lose(&format!("lane {}", lane.name()), "salvage failed", &summary, 0);
                }
            }
        }
    }

    /// Describes the interfaces of a frame's packets, as far as the segment does not.
    fn describe(
        &mut self,
        lane: Lane,
        name: SegmentName,
        records: &mut Vec<FrameRecord>,
        content: &[u8],
    ) -> std::io::Result<()> {
        let described = records.last().map_or(0, |record| record.interfaces) as usize;
        let needed = Blocks::new(content).filter_map(|(_, block)| match block {
            Block::Packet(packet) => Some(packet.interface as usize + 1),
            _ => None,
        });
        let needed = needed.max().unwrap_or(0);
        if needed <= described && !records.is_empty() {
            return Ok(());
        }
        let mut blocks = Vec::new();
        if records.is_empty() {
            let application = Some(format!("wiretape {}", env!("CARGO_PKG_VERSION")));
            write_section_header(&mut blocks, &Section { application, ..Section::default() });
        }
        while self.interfaces.len() < needed {
            // Its description was lost with the segment; most interfaces are of this kind.
            let description = Some("lost in a crash".to_owned());
            let snaplen = Options::SNAPLEN;
            self.interfaces.push(Interface { link_type: LinkType::ETHERNET, snaplen, name: None, description });
        }
        for interface in self.interfaces.iter().skip(described) {
            write_interface_block(&mut blocks, interface, None);
        }
        let interfaces = self.interfaces.len() as u32;
        let record =
            FrameRecord { ubytes: blocks.len() as u32, flags: HOLDS_INTERFACES, interfaces, ..FrameRecord::default() };
        self.append(lane, name, records, &blocks, record)
    }

    fn append(
        &mut self,
        lane: Lane,
        name: SegmentName,
        records: &mut Vec<FrameRecord>,
        content: &[u8],
        record: FrameRecord,
    ) -> std::io::Result<()> {
        let (mut bytes, mut flags) = (Vec::new(), record.flags);
        match name.encoding {
            Encoding::Plain => bytes.extend_from_slice(content),
            Encoding::Zstd if content.len() < 1024 => {
                store(content, &mut bytes);
                flags |= STORED;
            }
            Encoding::Zstd => Encoder::new(1).compress(content, &mut bytes),
        }
        let last = records.last().copied().unwrap_or_default();
        let (uoffset, coffset) = (last.uend(), last.cend());
        let cbytes = bytes.len() as u32;
        let interfaces = record.interfaces.max(last.interfaces);
        let room = whole_blocks(bytes.len() as u64) + 4096;
        self.shared
            .room
            .add(Account::Open(lane), room)
            .map_err(|_| std::io::Error::from(std::io::ErrorKind::StorageFull))?;
        let file = self.shared.disk.open(&name.path(lane))?;
        write_all_at(file.as_ref(), &bytes, coffset)?;
        records.push(FrameRecord { uoffset, coffset, cbytes, flags, interfaces, ..record });
        Ok(())
    }
}

/// What is in a journaled frame; `None` if it is not whole packets.
fn summarize(content: &[u8]) -> Option<Summary> {
    let mut summary = Summary::default();
    let mut blocks = Blocks::new(content);
    for (_, block) in blocks.by_ref() {
        let Block::Packet(packet) = block else { return None };
        summary.add(packet.time, packet.arrival.unwrap_or(0));
    }
    (!blocks.is_torn() && summary.packets > 0).then_some(summary)
}
