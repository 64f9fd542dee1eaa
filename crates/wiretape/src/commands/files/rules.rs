//! YARA rules that files are matched against.

use std::path::{Path, PathBuf};
use std::time::Duration;

use boreal::Compiler;
use boreal::scanner::{ScanParams, Scanner};

use crate::errors::{Exit, Failure};
use crate::terminal::escaped;

/// A file that is longer is not scanned: a scan reads it into memory.
const SCANNED_BYTES_MAX: u64 = 128 << 20;
/// What a rule may take for one file: rules can be as slow as anybody likes.
const SCAN_TIME_MAX: Duration = Duration::from_secs(30);

/// Compiled rules.
pub(super) struct Rules {
    scanner: Scanner,
    unscanned: u64,
}

impl Rules {
    /// Compiles the rules of files.
    pub(super) fn read(paths: &[PathBuf]) -> Result<Self, Failure> {
        let mut compiler = Compiler::new();
        for path in paths {
            compiler.add_rules_file(path).map_err(|error| {
                Failure::of(Exit::Call, format!("cannot use the rules of {}", path.display()))
                    .because(escaped(&error.to_string()))
            })?;
        }
        let mut scanner = compiler.finalize();
        scanner.set_scan_params(ScanParams::default().timeout_duration(Some(SCAN_TIME_MAX)));
        Ok(Self { scanner, unscanned: 0 })
    }

    /// The names of the rules that match a file.
    pub(super) fn matching(&mut self, path: &Path) -> Vec<String> {
        let bytes = match std::fs::metadata(path) {
            Ok(found) if found.len() <= SCANNED_BYTES_MAX => std::fs::read(path).ok(),
            _ => None,
        };
        let Some(bytes) = bytes else {
            self.unscanned += 1;
            return Vec::new();
        };
        let result = self.scanner.scan_mem(&bytes).unwrap_or_else(|(_, result)| {
            self.unscanned += 1;
            result
        });
        result.rules.iter().map(|rule| rule.name.to_owned()).collect()
    }

    /// Files that could not be scanned, or not with all rules.
    pub(super) fn unscanned(&self) -> u64 {
        self.unscanned
    }
}
