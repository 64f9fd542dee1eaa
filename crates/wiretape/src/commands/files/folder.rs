//! The folder of `--out`: files by their hashes, never by a name from the network, never executable.

use std::collections::{HashMap, HashSet};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use investigate::files::{ContentId, Store};

use super::archive;
use super::rules::Rules;
use crate::errors::Failure;
use crate::output::files::FileRecord;
use crate::output::flows::write_json;

/// Files that are open at once; the rest are opened again when more comes.
const OPEN_MAX: usize = 128;
/// Nothing is written beyond: a sender can claim any offset.
const FILE_BYTES_MAX: u64 = 1 << 40;
/// For whoever calls, and nobody else; nothing is executable.
pub(super) const FILE_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;

/// What becomes of files beyond their hashes.
pub(super) struct Wanted {
    /// They stay; otherwise the folder goes when all is done.
    pub(super) is_kept: bool,
    /// Each in an archive with a password.
    pub(super) in_archives: bool,
    /// They are matched against rules.
    pub(super) rules: Option<Rules>,
}

/// A folder that files are written into.
pub(super) struct Folder {
    path: PathBuf,
    wanted: Wanted,
    open: HashMap<ContentId, (File, u64)>,
    /// Contents that have a file.
    begun: HashSet<ContentId>,
    uses: u64,
    /// The first thing that went wrong.
    failed: Option<io::Error>,
    incomplete: u64,
}

impl Folder {
    /// Opens or makes it.
    pub(super) fn open(path: &Path, wanted: Wanted) -> Result<Self, Failure> {
        let made = DirBuilder::new().recursive(wanted.is_kept).mode(FOLDER_MODE).create(path);
        made.map_err(|error| Failure::system(format!("cannot make {}", path.display()), &error))?;
        Ok(Self {
            path: path.to_owned(),
            wanted,
            open: HashMap::new(),
            begun: HashSet::new(),
            uses: 0,
            failed: None,
            incomplete: 0,
        })
    }

    /// One for as long as files are looked at.
    pub(super) fn passing_by(rules: Rules) -> Result<Self, Failure> {
        let path = std::env::temp_dir().join(format!("wiretape-files-{}", std::process::id()));
        Self::open(&path, Wanted { is_kept: false, in_archives: false, rules: Some(rules) })
    }

    /// Files that were not matched against the rules.
    pub(super) fn unscanned(&self) -> u64 {
        self.wanted.rules.as_ref().map_or(0, Rules::unscanned)
    }

    /// Looks at what was found, gives it its last name, and writes what is known of it beside it.
    pub(super) fn keep(&mut self, file: &mut FileRecord) -> Result<(), Failure> {
        let kept = self.place(file);
        self.failed
            .take()
            .map_or(kept, Err)
            .map_err(|error| Failure::system(format!("cannot write files into {}", self.path.display()), &error))
    }

    fn place(&mut self, file: &mut FileRecord) -> io::Result<()> {
        let Some(content) = file.content.filter(|content| self.begun.contains(content)) else { return Ok(()) };
        self.open.remove(&content);
        let passing = self.passing(content);
        if let Some(rules) = &mut self.wanted.rules {
            file.yara = rules.matching(&passing);
        }
        if !self.wanted.is_kept {
            self.forget(content);
            return Ok(());
        }
        let plain_name = match file.sha256() {
            Some(hash) => hash.to_owned(),
            None => self.incomplete_name(file.flow_id()),
        };
        let name = if self.wanted.in_archives { format!("{plain_name}.zip") } else { plain_name.clone() };
        let path = self.path.join(&name);
        if !self.wanted.in_archives {
            std::fs::rename(&passing, path)?;
            self.begun.remove(&content);
        } else {
            archive::write(&passing, &path, &plain_name)?;
            self.forget(content);
        }
        file.kept_as = Some(name);
        let beside = self.path.join(format!("{plain_name}.json"));
        let mut beside = OpenOptions::new().append(true).create(true).mode(FILE_MODE).open(beside)?;
        let mut line = Vec::new();
        write_json(&mut line, &*file)?;
        beside.write_all(&line)
    }

    fn incomplete_name(&mut self, flow_id: &str) -> String {
        loop {
            self.incomplete += 1;
            let name = format!("incomplete-{flow_id}-{}", self.incomplete);
            if !self.path.join(format!("{name}.json")).exists() {
                return name;
            }
        }
    }

    fn passing(&self, content: ContentId) -> PathBuf {
        self.path.join(format!(".passing-{}-{}", std::process::id(), content.0))
    }

    fn file(&mut self, content: ContentId) -> io::Result<&File> {
        self.uses += 1;
        let uses = self.uses;
        if !self.open.contains_key(&content) {
            if self.open.len() >= OPEN_MAX
                && let Some(idlest) = self.open.iter().min_by_key(|(_, (_, used))| *used).map(|(content, _)| *content)
            {
                self.open.remove(&idlest);
            }
            let is_new = !self.begun.contains(&content);
            let mut options = OpenOptions::new();
            options.read(true).write(true).create_new(is_new).mode(FILE_MODE);
            let file = options.open(self.passing(content))?;
            self.begun.insert(content);
            self.open.insert(content, (file, uses));
        }
        let (file, used) = self.open.get_mut(&content).ok_or(io::ErrorKind::NotFound)?;
        *used = uses;
        Ok(file)
    }
}

impl Store for Folder {
    fn write(&mut self, content: ContentId, offset: u64, bytes: &[u8]) {
        if self.failed.is_some() || offset.saturating_add(bytes.len() as u64) > FILE_BYTES_MAX {
            return;
        }
        if let Err(error) = self.file(content).and_then(|file| file.write_all_at(bytes, offset)) {
            self.failed = Some(error);
        }
    }

    fn read(&mut self, content: ContentId, offset: u64, bytes: &mut [u8]) -> bool {
        self.failed.is_none()
            && self.begun.contains(&content)
            && self.file(content).and_then(|file| file.read_exact_at(bytes, offset)).is_ok()
    }

    fn forget(&mut self, content: ContentId) {
        self.open.remove(&content);
        if self.begun.remove(&content) {
            // What stays behind is harmless, and goes with the folder.
            let _ = std::fs::remove_file(self.passing(content));
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let left: Vec<ContentId> = self.begun.iter().copied().collect();
        left.into_iter().for_each(|content| self.forget(content));
        if !self.wanted.is_kept {
            let _ = std::fs::remove_dir(&self.path);
        }
    }
}
