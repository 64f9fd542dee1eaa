//! Signs of life of long work, on a terminal only.

use std::io::{self, Read};
use std::path::PathBuf;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::coverage::thousands;
use crate::terminal;
use crate::units::size_text;

/// How far reading has come.
#[derive(Clone)]
pub(super) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// For reading these files, as far as their sizes are known.
    pub(super) fn new(files: &[PathBuf]) -> Self {
        const TIMES_A_SECOND: u8 = 5;
        let sized = |path: &PathBuf| std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file);
        let total: Option<u64> = files.iter().map(|path| sized(path).map(|found| found.len())).sum();
        // Nothing is drawn where stderr is no terminal.
        let target = ProgressDrawTarget::stderr_with_hz(TIMES_A_SECOND);
        let bar = ProgressBar::with_draw_target(total, target);
        let template = match total {
            Some(_) => "  {bar:30} {percent:>3} %  {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left",
            None => "  {spinner} {bytes}, {bytes_per_sec}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self { bar }
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// A reader whose bytes count.
pub(super) struct Measured<R> {
    input: R,
    progress: Progress,
}

impl<R: Read> Measured<R> {
    /// Counts what is read from `input`.
    pub(super) fn new(input: R, progress: &Progress) -> Self {
        Self { input, progress: progress.clone() }
    }
}

impl<R: Read> Read for Measured<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.input.read(buffer)?;
        self.progress.bar.inc(bytes as u64);
        Ok(bytes)
    }
}

/// Shows that a question is being worked on, if it takes more than a moment.
pub(super) struct Waiting {
    bar: ProgressBar,
    packets: u64,
    bytes: u64,
}

impl Waiting {
    /// Begins; nothing is shown in the first second.
    pub(super) fn begin() -> Self {
        const UNSEEN: Duration = Duration::from_secs(1);
        const TICK: Duration = Duration::from_millis(200);
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template("  {spinner} {msg}  {elapsed}") {
            bar.set_style(style);
        }
        bar.set_message("looking");
        if terminal::stderr_is_terminal() {
            let shown = bar.clone();
            // Without the thread the answer is the same.
            let _ = std::thread::Builder::new().name("progress".to_owned()).spawn(move || {
                std::thread::sleep(UNSEEN);
                if !shown.is_finished() {
                    shown.set_draw_target(ProgressDrawTarget::stderr());
                    shown.enable_steady_tick(TICK);
                }
            });
        }
        Self { bar, packets: 0, bytes: 0 }
    }

    /// Counts a packet of the answer.
    pub(super) fn packet(&mut self, bytes: usize) {
        const SHOW_EVERY: u64 = 1 << 14;
        self.packets += 1;
        self.bytes += bytes as u64;
        if self.packets.is_multiple_of(SHOW_EVERY) && !self.bar.is_hidden() {
            self.bar.set_message(format!("{} packets, {}", thousands(self.packets), size_text(self.bytes)));
        }
    }

    /// Takes it away: before an answer is printed on the same terminal.
    pub(super) fn end(&self) {
        if !self.bar.is_finished() {
            self.bar.finish_and_clear();
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.end();
    }
}
