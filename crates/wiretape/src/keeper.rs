//! A tape as what a desk keeps packets on, with whatever goes wrong told at once.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use flow::{FlowTable, FrameRef, Lane, LaneFill, LaneReport, RowFill};
use packet::{Interface, Packet, Timestamp};
use record::{Keeper, Note};
use tape::Tape;
use tape::format::chain::{Event, Import};

use crate::output::coverage::thousands;
use crate::terminal::{self, escaped};
use crate::units::second_text;

/// A tape that is being written.
pub(crate) struct TapeKeeper {
    tape: Tape,
    place: PathBuf,
    /// Waits until rows are written, rather than going on without some.
    is_patient: bool,
}

/// How long a patient keeper waits at most: rows that take longer are not written at all.
const PATIENCE: Duration = Duration::from_secs(60);

impl TapeKeeper {
    /// Keeps packets on `tape`, which lies at `place`.
    pub(crate) fn new(tape: Tape, place: &Path) -> Self {
        crate::readme::leave(place);
        Self { tape, place: place.to_owned(), is_patient: false }
    }

    /// The same for packets that can wait.
    pub(crate) fn patient(self) -> Self {
        Self { is_patient: true, ..self }
    }

    /// Closes the tape; says what it had to lose, and gives what it counted.
    pub(crate) fn close(mut self, table: &mut FlowTable) -> tape::Counters {
        self.tell_problems();
        let counters = self.tape.close(table);
        let lost = counters.packets_lost;
        if lost > 0 {
            terminal::warning(format_args!(
                "{lost} packets were lost because the disk could not take them; it is in the log"
            ));
        }
        if counters.packets_unread > 0 {
            terminal::notice(format_args!(
                "names and fingerprints were not read of {} packets: there was no time for it",
                thousands(counters.packets_unread)
            ));
        }
        counters
    }

    /// Notes that a capture is imported.
    pub(crate) fn note_import(&mut self, import: Import) {
        self.tape.note(Event::Import(import));
    }

    fn tell_problems(&mut self) {
        for problem in self.tape.problems() {
            terminal::warning(escaped(&problem));
        }
    }
}

impl Keeper for TapeKeeper {
    fn interface(&mut self, interface: &Interface) -> u32 {
        Keeper::interface(&mut self.tape, interface)
    }

    #[inline]
    fn next_arrival(&mut self) -> u64 {
        Keeper::next_arrival(&mut self.tape)
    }

    #[inline]
    fn append(&mut self, lane: Lane, packet: &Packet<'_>) -> Option<FrameRef> {
        Keeper::append(&mut self.tape, lane, packet)
    }

    fn wants_checkpoint(&self) -> bool {
        Keeper::wants_checkpoint(&self.tape)
    }

    #[inline]
    fn takes_checkpoint(&self) -> bool {
        let begun = Instant::now();
        while self.is_patient && !Keeper::takes_checkpoint(&self.tape) && begun.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(1));
        }
        Keeper::takes_checkpoint(&self.tape)
    }

    fn checkpoint(&mut self, table: &mut FlowTable) {
        Keeper::checkpoint(&mut self.tape, table);
    }

    fn lost(&self) -> u64 {
        Keeper::lost(&self.tape)
    }

    fn settle(&mut self, until: Timestamp) {
        Keeper::settle(&mut self.tape, until);
    }

    fn is_replaced(&self) -> bool {
        Keeper::is_replaced(&self.tape)
    }

    fn take_up(&mut self, table: &mut FlowTable) -> Result<bool, record::Error> {
        let taken_up = Keeper::take_up(&mut self.tape, table)?;
        if taken_up {
            crate::readme::leave(&self.place);
        }
        Ok(taken_up)
    }

    fn set_time(&mut self, time: Timestamp) {
        Keeper::set_time(&mut self.tape, time);
    }

    fn tick(&mut self, now: Instant) -> Result<(), record::Error> {
        self.tell_problems();
        Keeper::tick(&mut self.tape, now)
    }

    fn fills(&self) -> [LaneFill; Lane::ALL.len()] {
        Keeper::fills(&self.tape)
    }

    fn row_fill(&self) -> RowFill {
        Keeper::row_fill(&self.tape)
    }

    fn note_admission(&mut self, reports: &[(Lane, LaneReport)]) {
        Keeper::note_admission(&mut self.tape, reports);
    }

    fn pressure(&self) -> f32 {
        Keeper::pressure(&self.tape)
    }

    fn hurry(&mut self, hurried: bool) {
        Keeper::hurry(&mut self.tape, hurried);
    }

    fn note_statistics(&mut self, interface: u32, received: u64, dropped: Option<u64>) {
        Keeper::note_statistics(&mut self.tape, interface, received, dropped);
    }

    fn note(&mut self, note: Note) {
        tell(&note);
        Keeper::note(&mut self.tape, note);
    }
}

/// The events for which the recorder breaks its silence.
fn tell(note: &Note) {
    match note {
        Note::Interface { name, change, .. } => {
            terminal::notice(format_args!("interface {}: {}", escaped(name), escaped(change)));
        }
        Note::Gap { from, to, reason } => {
            let (from, to) = (second_text(*from), second_text(*to));
            terminal::notice(format_args!("gap from {from} to {to} UTC: {}", escaped(reason)));
        }
        Note::Loss { place, packets, .. } => {
            terminal::warning(format_args!("{packets} packets lost ({}): the ring was full", escaped(place)));
        }
        Note::Trouble { place, message } => {
            terminal::warning(format_args!("{}: {}", escaped(place), escaped(message)));
        }
        Note::Pace { lane, above: true, packets: 0, .. } => terminal::notice(format_args!(
            "lane {lane} fills faster than its pace: the heads of the heaviest sources shrink, so that what is older stays"
        )),
        Note::Pace { lane, above: true, packets, .. } => {
            terminal::notice(format_args!(
                "lane {lane} was filling faster than its pace; {packets} packets were cut or became junk"
            ));
        }
        Note::Pace { lane, above: false, packets, .. } => {
            terminal::notice(format_args!(
                "lane {lane} is within its pace again; {packets} packets were cut or became junk"
            ));
        }
        Note::Overload { cutting: true, .. } => terminal::warning(
            "more comes than can be written: of what is beyond the heads only headers are kept, before anything is lost",
        ),
        Note::Overload { cutting: false, packets, .. } => {
            terminal::notice(format_args!("everything can be written again; {packets} packets were cut to headers"));
        }
        // An everyday thing, which the log has.
        Note::Copies { .. } | Note::Policy(_) => {}
    }
}
