//! Going on with a tape whose directory was replaced by another: a new file system, or one that was mounted again.

use std::time::{Duration, Instant};

use flow::FlowTable;

use crate::Error;
use crate::clock::Moment;
use crate::gap::Resumed;
use crate::job::Job;
use crate::open::{Opened, open_in};
use crate::salvage::SalvageReport;
use crate::shared::count;
use crate::tape::Tape;
use crate::threads::Crew;

/// How long nothing is tried after it failed.
const TRY_EVERY: Duration = Duration::from_secs(5);

impl Tape {
    /// True if another directory is in the tape's place, and nothing is written before [`Tape::take_up`].
    pub fn is_replaced(&self) -> bool {
        self.shared.is_replaced() && self.next_try.is_none_or(|next| Instant::now() >= next)
    }

    /// Goes on in the directory that is in the tape's place now: with what is there, or anew. `table` becomes the flow
    /// table that goes with it; no packet waits for its flow.
    ///
    /// Returns what was found there; `None` if nothing can be written there either, which is told by
    /// [`Tape::problems`] and tried again.
    ///
    /// # Errors
    /// When what lies there numbers its interfaces in another way: only a new start can go on with that.
    pub fn take_up(&mut self, table: &mut FlowTable) -> Result<Option<SalvageReport>, Error> {
        let Some(place) = self.shared.place() else { return Ok(None) };
        place.release();
        let directory = place.directory().to_owned();
        let since = self.shared.sync.durable_until().unwrap_or_else(|| Moment::now().time);
        let reason = "the tape's directory was replaced or removed".to_owned();
        let mut opened = match open_in(&directory, self.options.clone(), Some(Resumed { since, reason })) {
            Ok(opened) => opened,
            Err(error) => {
                self.next_try = Some(Instant::now() + TRY_EVERY);
                self.shared
                    .complain("tape", Some(format!("it cannot go on in the directory that is there now: {error}")));
                return Ok(None);
            }
        };
        for (number, interface) in (0..).zip(&self.interfaces) {
            if opened.tape.interface(interface) != number {
                opened.tape.close(&mut opened.table);
                return Err(Error::OtherTape { path: directory });
            }
        }
        self.end_run();
        self.hand_over(&mut opened.tape);
        let Opened { tape, table: mut new, report } = opened;
        *self = tape;
        new.set_ours(table.ours().clone());
        *table = new;
        let what = if report.is_new { "a new tape" } else { "the tape that lies there" };
        self.shared.problem("tape", format!("its directory was replaced; recording goes on there, with {what}"));
        Ok(Some(report))
    }

    /// Ends the threads; what they still had is lost.
    fn end_run(&mut self) {
        self.report_losses();
        self.close_frames();
        self.closed = true;
        self.pipeline.push(Job::Abandon);
        match &mut self.crew {
            Crew::Caller(work) => drop(work.writer.run_pending()),
            Crew::Threads(threads) => threads.join(),
        }
    }

    /// What was not written yet is another tape's to tell.
    fn hand_over(&mut self, to: &mut Self) {
        let (losses, lines) = self.shared.take_unwritten();
        lines.into_iter().for_each(|line| to.shared.note(line));
        losses.into_iter().for_each(|loss| to.shared.hold_loss(loss));
        let counters = self.counters();
        count(&to.shared.tallies.packets_lost, counters.packets_lost);
        to.shared.keep_problems(self.shared.take_problems());
        to.next_arrival = to.next_arrival.max(self.next_arrival);
        to.packets += self.packets;
    }
}
