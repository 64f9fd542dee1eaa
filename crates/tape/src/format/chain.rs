//! `chain/<number>.jsonl`: the log of what happened to the tape, one JSON object a line.

use packet::Timestamp;
use serde::{Deserialize, Serialize};

use super::time::{optional_rfc3339, serde_rfc3339};

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Rises by one over all files.
    pub seq: u64,
    /// Wall clock when it was written.
    #[serde(with = "serde_rfc3339")]
    pub time: Timestamp,
    /// `CLOCK_BOOTTIME` then.
    pub boot_ns: u64,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What can happen to a tape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// A recorder began.
    Start {
        /// Of the program.
        version: String,
        /// Its process.
        pid: u32,
        /// `/proc/sys/kernel/random/boot_id`: `boot_ns` compares within one boot only.
        boot_id: String,
        /// The first arrival number that it gives out.
        next_arrival: u64,
        /// It imported captures: times without it are no gaps.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        import: bool,
    },
    /// A recorder stopped cleanly.
    Stop {
        /// The arrival number after the last.
        next_arrival: u64,
    },
    /// A capture was imported, or began to be.
    Import(Import),
    /// A time without recording.
    Gap {
        /// The last sign of life before it.
        #[serde(with = "serde_rfc3339")]
        from: Timestamp,
        /// When recording went on.
        #[serde(with = "serde_rfc3339")]
        to: Timestamp,
        /// As in "crash", "stopped", "disk full", "interface eth0 was gone".
        reason: String,
    },
    /// Packets that were seen but not kept.
    Loss(Loss),
    /// Copies of packets that another interface had shown before, and that were left out since the last such line.
    Copies {
        /// How many.
        packets: u64,
    },
    /// What a policy left out since the last such line.
    Policy(LeftOut),
    /// Segments or flow files that ageing removed.
    Evict(Eviction),
    /// A hold was asked for, is kept, or ended.
    Hold(HoldChange),
    /// A lane began to fill faster than its pace, so that heads are cut, or does not any more.
    Pace {
        /// The lane.
        lane: String,
        /// above, or within.
        change: String,
        /// Packets that were cut or became junk meanwhile, or until the recorder stopped; 0 at its beginning.
        packets: u64,
        /// Their bytes on the wire.
        bytes: u64,
    },
    /// More came than could be written: bulk was cut to headers, or is not any more.
    Overload {
        /// bulk cut to headers, or bulk whole again.
        change: String,
        /// Packets that were cut meanwhile; 0 at its beginning.
        packets: u64,
        /// Bytes that were cut off.
        bytes: u64,
    },
    /// An interface came, went or changed.
    Interface {
        /// Its index on the tape.
        index: u32,
        /// Its name.
        name: String,
        /// added, gone, back, up, down, renamed.
        change: String,
    },
    /// A reading of the clocks.
    Clock {
        /// hourly, or step.
        reason: String,
        /// By how much the wall clock went ahead of the boot clock since the last reading.
        step_ns: i64,
    },
    /// What a crash left in a lane.
    Salvage {
        /// Lane or directory.
        lane: String,
        /// Its open segment.
        segment: u64,
        /// Packets that were saved from the journal and behind the last indexed frame.
        packets: u64,
        /// Bytes of the segment that were kept.
        bytes: u64,
        /// Bytes that went to damaged/.
        damaged_bytes: u64,
    },
    /// Something that went wrong.
    Error {
        /// Where, relative to the tape.
        place: String,
        /// What.
        message: String,
    },
    /// A kind that this version does not know.
    #[serde(other)]
    Other,
}

/// A capture on the tape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// Its name, `-` for standard input.
    pub file: String,
    /// Bytes of the file.
    pub bytes: u64,
    /// BLAKE3 of them, 64 hex digits; none in a line of its beginning that came before it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blake3: Option<String>,
    /// Packets that were read of it; none in the line of its beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packets: Option<u64>,
}

/// Packets that were seen but not kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// kernel, writer, disk, …: which step lost them, with the interface or lane.
    pub place: String,
    /// Why.
    pub reason: String,
    /// How many.
    pub packets: u64,
    /// Their bytes, as far as known.
    pub bytes: u64,
    /// The first of them was lost not before this.
    #[serde(with = "serde_rfc3339")]
    pub from: Timestamp,
    /// The last of them was lost not after this.
    #[serde(with = "serde_rfc3339")]
    pub to: Timestamp,
}

/// Segments or flow files that ageing removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Eviction {
    /// A lane, or `flows`.
    pub lane: String,
    /// Number of the first of them.
    pub first: u64,
    /// Number of the last of them.
    pub last: u64,
    /// How many files.
    pub segments: u64,
    /// Bytes that became free.
    pub bytes: u64,
    /// Time of the earliest packet in them.
    #[serde(with = "serde_rfc3339")]
    pub from: Timestamp,
    /// Time of the latest packet in them.
    #[serde(with = "serde_rfc3339")]
    pub to: Timestamp,
    /// budget, keep-free, max-age.
    pub why: String,
}

/// What a policy left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// The policy's name.
    pub name: String,
    /// Packets of which nothing is kept.
    pub packets_dropped: u64,
    /// Their bytes on the wire.
    pub bytes_dropped: u64,
    /// Packets of which headers are kept.
    pub packets_cut: u64,
    /// What was captured of their payload.
    pub bytes_cut: u64,
}

/// What happened to a hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldChange {
    /// Its name.
    pub name: String,
    /// asked, following, kept, full, refused, released.
    pub change: String,
    /// Why it was asked for, or is full, or ends.
    pub reason: String,
    /// Who answers for it; of its release, who said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// What it asks for, when it is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
    /// From when on.
    #[serde(default, with = "optional_rfc3339", skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// Before when.
    #[serde(default, with = "optional_rfc3339", skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
    /// Flows that it keeps.
    pub flows: u64,
    /// Packets that it keeps.
    pub packets: u64,
    /// What it takes on the disk.
    pub bytes: u64,
}

impl Line {
    /// The line with its newline.
    pub fn encode(&self) -> String {
        let mut line = serde_json::to_string(self).expect("a line of the log is plain data");
        line.push('\n');
        line
    }
}

/// The whole lines of a file, each with whether it could be read; a torn last line is left out.
pub fn decode(text: &[u8]) -> impl Iterator<Item = Option<Line>> {
    let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let lines = text.get(..whole).unwrap_or_default().split(|byte| *byte == b'\n');
    lines.filter(|line| !line.is_empty()).map(|line| serde_json::from_slice(line).ok())
}

/// Length of the lines at the start of a file that can be read: what follows was torn by a crash.
pub fn whole_bytes(text: &[u8]) -> usize {
    let mut whole = 0;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let Some(body) = line.strip_suffix(b"\n") else { break };
        if !body.is_empty() && serde_json::from_slice::<Line>(body).is_err() {
            break;
        }
        whole += line.len();
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_written_and_read() {
        let time = Timestamp(1_795_401_065_123_456_789);
        let loss = Loss {
            place: "kernel eth0".into(),
            reason: "ring full".into(),
            packets: 3,
            bytes: 0,
            from: time,
            to: Timestamp(time.nanoseconds() + 1),
        };
        let line = Line { seq: 1, time, boot_ns: 5, event: Event::Loss(loss) };
        let text = line.encode();
        assert_eq!(
            text,
            "{\"seq\":1,\"time\":\"2026-11-23T02:31:05.123456789Z\",\"boot_ns\":5,\"kind\":\"loss\",\
             \"place\":\"kernel eth0\",\"reason\":\"ring full\",\"packets\":3,\"bytes\":0,\
             \"from\":\"2026-11-23T02:31:05.123456789Z\",\"to\":\"2026-11-23T02:31:05.123456790Z\"}\n"
        );
        let torn = format!("{text}nonsense\n{text}{}", &text[..20]);
        let lines: Vec<_> = decode(torn.as_bytes()).collect();
        assert_eq!(lines, [Some(line.clone()), None, Some(line)]);
        assert_eq!(whole_bytes(torn.as_bytes()), text.len());
        assert_eq!(whole_bytes(text.as_bytes()), text.len());
        assert_eq!(whole_bytes(&text.as_bytes()[1..]), 0);
    }

    #[test]
    fn kinds_of_later_versions_are_passed_over() {
        let text = "{\"seq\":1,\"time\":\"2026-11-23T02:31:05.123456789Z\",\"boot_ns\":5,\"kind\":\"checkpoint\",\"root\":\"\"}\n";
        let events: Vec<_> = decode(text.as_bytes()).map(|line| line.map(|line| line.event)).collect();
        assert_eq!(events, [Some(Event::Other)]);
    }
}
