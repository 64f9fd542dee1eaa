//! The kernel's drops, gathered to runs so that a long loss is a few lines of the log.

use std::collections::BTreeMap;

use packet::Timestamp;

use crate::keeper::Note;

/// A run that goes on is told this often.
const RUN_MAX_NS: i64 = 10_000_000_000;

/// Runs of drops, by the interface's name.
#[derive(Debug, Default)]
pub(crate) struct Losses {
    runs: BTreeMap<String, Run>,
    looked: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug)]
struct Run {
    packets: u64,
    from: Timestamp,
    to: Timestamp,
}

impl Losses {
    /// Takes in what was dropped since the last call; hands out the runs that have ended.
    pub(crate) fn add<'a>(&mut self, now: Timestamp, drops: impl Iterator<Item = (&'a str, u64)>) -> Vec<Note> {
        let since = self.looked.replace(now).unwrap_or(now);
        for (name, packets) in drops.filter(|(_, packets)| *packets > 0) {
            let run = self.runs.entry(name.to_owned()).or_insert(Run { packets: 0, from: since, to: now });
            run.packets += packets;
            run.to = now;
        }
        let is_open = |run: &Run| run.to == now && now.since(run.from) < RUN_MAX_NS;
        self.take(|run| !is_open(run))
    }

    /// Hands out all runs.
    pub(crate) fn finish(&mut self) -> Vec<Note> {
        self.take(|_| true)
    }

    fn take(&mut self, is_over: impl Fn(&Run) -> bool) -> Vec<Note> {
        let over = self.runs.extract_if(.., |_, run| is_over(run));
        over.map(|(name, run)| Note::Loss {
            place: format!("kernel {name}"),
            packets: run.packets,
            from: run.from,
            to: run.to,
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_of_losses_is_one_note() {
        let mut losses = Losses::default();
        let at = |second: i64| Timestamp::from_seconds(second, 0);
        assert_eq!(losses.add(at(10), [("eth0", 0)].into_iter()), []);
        assert_eq!(losses.add(at(11), [("eth0", 3), ("eth1", 0)].into_iter()), []);
        assert_eq!(losses.add(at(12), [("eth0", 4)].into_iter()), []);
        let note = |from, to, packets| Note::Loss { place: "kernel eth0".into(), packets, from: at(from), to: at(to) };
        assert_eq!(losses.add(at(13), [("eth0", 0)].into_iter()), [note(10, 12, 7)]);
        assert_eq!(losses.add(at(14), [("eth0", 1)].into_iter()), []);
        assert_eq!(losses.finish(), [note(13, 14, 1)]);
        // One that does not end is told each ten seconds.
        let told: usize = (15..40).map(|second| losses.add(at(second), [("eth0", 1)].into_iter()).len()).sum();
        assert_eq!(told, 2);
    }
}
