//! Captures that come by a pipe, for commands that read them more than once.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use tape::question::Source;

use crate::errors::Failure;
use crate::terminal;
use crate::units::size_text;

/// Bytes of a capture that are put aside; who has more has a file.
const BYTES_MAX: u64 = 16 << 30;

/// A source that can be read more than once.
pub(super) struct Repeatable {
    pub(super) source: Source,
    /// What was put aside: it goes when this does, or the process.
    _aside: Option<File>,
}

impl std::ops::Deref for Repeatable {
    type Target = Source;

    fn deref(&self) -> &Source {
        &self.source
    }
}

/// The source; a capture on standard input is put aside first, where only this process sees it.
pub(super) fn repeatable(source: Source, other: Option<&Path>) -> Result<Repeatable, Failure> {
    let Source::Captures(mut paths) = source else { return Ok(Repeatable { source, _aside: None }) };
    let is_stdin = |path: &&mut PathBuf| path.as_path() == Path::new("-");
    let mut places: Vec<&mut PathBuf> = paths.iter_mut().filter(is_stdin).collect();
    let aside = match places.as_mut_slice() {
        [] => None,
        [_] if other == Some(Path::new("-")) => {
            return Err(
                Failure::call("two things are to be read from standard input").attempt("a file for one of them")
            );
        }
        [place] => {
            let aside = put_aside()?;
            **place = PathBuf::from(format!("/proc/self/fd/{}", aside.as_raw_fd()));
            Some(aside)
        }
        _ => return Err(Failure::call("standard input can be read once").attempt("-r - once")),
    };
    Ok(Repeatable { source: Source::Captures(paths), _aside: aside })
}

/// Standard input as a file without a name.
fn put_aside() -> Result<File, Failure> {
    let folder = std::env::temp_dir();
    let failed = |error: io::Error| {
        Failure::system(format!("cannot put standard input aside in {}", folder.display()), &error)
            .attempt("another folder: TMPDIR=/path")
            .attempt("a file:         -r FILE")
    };
    let mut file = unnamed(&folder).map_err(failed)?;
    let bytes = io::copy(&mut io::stdin().lock().take(BYTES_MAX + 1), &mut file).map_err(failed)?;
    if bytes > BYTES_MAX {
        return Err(Failure::call(format!("standard input has more than {}", size_text(BYTES_MAX)))
            .because("it is read more than once, so it has to be put aside")
            .attempt("a file: -r FILE"));
    }
    terminal::notice(format_args!(
        "{} from standard input were put aside in {}, since they are read more than once",
        size_text(bytes),
        folder.display()
    ));
    Ok(file)
}

/// A file that nobody else can open, and that is gone with this process however that ends.
fn unnamed(folder: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    let unnamed = options.clone().custom_flags(rustix::fs::OFlags::TMPFILE.bits().cast_signed()).open(folder);
    unnamed.or_else(|_| {
        // Not every file system has files without names.
        let path = folder.join(format!(".wiretape-{}", std::process::id()));
        let file = options.create_new(true).open(&path)?;
        std::fs::remove_file(&path)?;
        Ok(file)
    })
}
