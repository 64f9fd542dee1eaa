//! A progress bar for long reading, on a terminal only.

use std::io::{self, Read};
use std::path::PathBuf;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

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
