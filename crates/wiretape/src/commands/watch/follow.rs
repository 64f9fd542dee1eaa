//! Lines of a file that somebody else writes, through its rotation, or of whoever connects to a socket.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};

use serde::{Deserialize, Serialize};

/// Longest line; what is longer is passed over.
const LINE_BYTES_MAX: usize = 1 << 20;
/// Lines that wait between a socket and whoever reads them.
const WAITING_MAX: usize = 1024;
/// Who may be connected at once.
const CLIENTS_MAX: usize = 16;

/// Up to where a file has been read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    device: u64,
    inode: u64,
    offset: u64,
}

/// Where lines come from.
pub(super) enum Lines {
    /// A file that grows.
    File(Box<Followed>),
    /// A socket, or standard input.
    Others { lines: Receiver<String>, has_ended: bool },
}

impl Lines {
    /// Opens FILE, a socket (`unix:PATH`, `unixgram:PATH`, or one that is there), or `-`. A file is read from `mark` on;
    /// without one from its start if `from_start`, else from its end.
    pub(super) fn open(name: &Path, mark: Option<Mark>, from_start: bool) -> io::Result<Self> {
        let text = name.to_string_lossy();
        let (sender, lines) = sync_channel(WAITING_MAX);
        if text == "-" {
            spawn(move || read_stream(io::stdin(), &sender))?;
        } else if let Some(path) = text.strip_prefix("unixgram:") {
            let socket = UnixDatagram::bind(free(Path::new(path))?)?;
            spawn(move || read_datagrams(&socket, &sender))?;
        } else if let Some(path) = socket_path(name) {
            let listener = UnixListener::bind(free(&path)?)?;
            spawn(move || accept(&listener, &sender))?;
        } else {
            return Ok(Self::File(Box::new(Followed::open(name, mark, from_start)?)));
        }
        Ok(Self::Others { lines, has_ended: false })
    }

    /// The next line; `None` if there is none yet.
    pub(super) fn next(&mut self) -> io::Result<Option<String>> {
        match self {
            Self::File(file) => file.next(),
            Self::Others { lines, has_ended } => match lines.try_recv() {
                Ok(line) => Ok(Some(line)),
                Err(TryRecvError::Empty) => Ok(None),
                Err(TryRecvError::Disconnected) => {
                    *has_ended = true;
                    Ok(None)
                }
            },
        }
    }

    /// Up to where the file has been read.
    pub(super) fn mark(&self) -> Option<Mark> {
        match self {
            Self::File(file) => file.mark(),
            Self::Others { .. } => None,
        }
    }

    /// Nothing more can come.
    pub(super) fn has_ended(&self) -> bool {
        matches!(self, Self::Others { has_ended: true, .. })
    }

    /// Lines of a Zeek log that say what its columns are, which stand at its beginning.
    pub(super) fn header(&self) -> Vec<String> {
        let Self::File(file) = self else { return Vec::new() };
        let Ok(file) = File::open(&file.path) else { return Vec::new() };
        let lines = BufReader::new(file.take(64 << 10)).lines().map_while(Result::ok);
        lines.take_while(|line| line.starts_with('#')).collect()
    }
}

/// A file that grows, is cut short, or is replaced by another one.
pub(super) struct Followed {
    path: PathBuf,
    file: Option<File>,
    offset: u64,
    /// Bytes behind the last whole line.
    rest: Vec<u8>,
    ready: std::collections::VecDeque<(String, u64)>,
    /// Up to where lines have been handed out.
    done: u64,
    /// The line that is being read is too long.
    is_passing: bool,
}

impl Followed {
    fn open(path: &Path, mark: Option<Mark>, from_start: bool) -> io::Result<Self> {
        let mut followed = Self {
            path: path.to_owned(),
            file: None,
            offset: 0,
            rest: Vec::new(),
            ready: std::collections::VecDeque::new(),
            done: 0,
            is_passing: false,
        };
        if let Some(mark) = mark {
            // Rotated away meanwhile, it may lie beside its successor under another name.
            if let Some(file) = with_inode(path, &mark) {
                followed.begin(file, mark.offset);
            }
            return Ok(followed);
        }
        match File::open(path) {
            Ok(file) => {
                let end = if from_start { 0 } else { file.metadata()?.len() };
                followed.begin(file, end);
                Ok(followed)
            }
            // It may come.
            Err(error) if error.kind() == io::ErrorKind::NotFound && path.parent().is_some_and(is_directory) => {
                Ok(followed)
            }
            Err(error) => Err(error),
        }
    }

    fn begin(&mut self, file: File, offset: u64) {
        let offset = if file.metadata().is_ok_and(|found| found.len() < offset) { 0 } else { offset };
        (self.file, self.offset, self.done) = (Some(file), offset, offset);
        self.rest.clear();
        self.is_passing = false;
    }

    fn mark(&self) -> Option<Mark> {
        let found = self.file.as_ref()?.metadata().ok()?;
        Some(Mark { device: found.dev(), inode: found.ino(), offset: self.done })
    }

    fn next(&mut self) -> io::Result<Option<String>> {
        while self.ready.is_empty() {
            if !self.read_more()? && !self.turn()? {
                return Ok(None);
            }
        }
        Ok(self.ready.pop_front().map(|(line, end)| {
            self.done = end;
            line
        }))
    }

    /// Reads what there is; false if that is nothing.
    fn read_more(&mut self) -> io::Result<bool> {
        let Some(file) = &mut self.file else { return Ok(false) };
        if file.metadata()?.len() < self.offset {
            // It was cut short, as copytruncate does: what it holds now is new.
            self.offset = 0;
            self.rest.clear();
        }
        file.seek(SeekFrom::Start(self.offset))?;
        let mut bytes = vec![0; 64 << 10];
        let read = file.read(&mut bytes)?;
        for byte in bytes.iter().take(read) {
            self.offset += 1;
            if *byte != b'\n' {
                self.is_passing |= self.rest.len() >= LINE_BYTES_MAX;
                if !self.is_passing {
                    self.rest.push(*byte);
                }
                continue;
            }
            let line = String::from_utf8_lossy(&self.rest).into_owned();
            self.rest.clear();
            if !std::mem::take(&mut self.is_passing) {
                self.ready.push_back((line, self.offset));
            }
        }
        Ok(read > 0)
    }

    /// Goes on with the file that has the name now; false if that is the same, or none.
    fn turn(&mut self) -> io::Result<bool> {
        let Ok(next) = File::open(&self.path) else { return Ok(false) };
        let identity = |file: &File| file.metadata().ok().map(|found| (found.dev(), found.ino()));
        if self.file.as_ref().is_some_and(|file| identity(file) == identity(&next)) {
            return Ok(false);
        }
        self.begin(next, 0);
        Ok(true)
    }
}

fn is_directory(path: &Path) -> bool {
    path.as_os_str().is_empty() || path.is_dir()
}

/// The file of a mark: under its name, or beside it under another.
fn with_inode(path: &Path, mark: &Mark) -> Option<File> {
    let is_it =
        |file: &File| file.metadata().is_ok_and(|found| (found.dev(), found.ino()) == (mark.device, mark.inode));
    if let Some(file) = File::open(path).ok().filter(is_it) {
        return Some(file);
    }
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let names = fs::read_dir(directory).ok()?.flatten();
    let same = names.filter(|entry| entry.metadata().is_ok_and(|found| found.is_file() && found.ino() == mark.inode));
    same.filter_map(|entry| File::open(entry.path()).ok()).find(is_it)
}

fn socket_path(name: &Path) -> Option<PathBuf> {
    if let Some(path) = name.to_string_lossy().strip_prefix("unix:") {
        return Some(PathBuf::from(path));
    }
    let is_socket = fs::symlink_metadata(name).is_ok_and(|found| found.file_type().is_socket());
    is_socket.then(|| name.to_owned())
}

/// A name that a socket can have: one that nobody listens on any more is removed.
fn free(path: &Path) -> io::Result<&Path> {
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        return Err(io::Error::new(io::ErrorKind::AddrInUse, "somebody listens there already"));
    }
    if fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket()) {
        fs::remove_file(path)?;
    }
    Ok(path)
}

fn spawn(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    std::thread::Builder::new().name("alerts".to_owned()).spawn(work).map(drop)
}

fn accept(listener: &UnixListener, sender: &SyncSender<String>) {
    let clients = std::sync::Arc::new(());
    for client in listener.incoming().flatten() {
        if std::sync::Arc::strong_count(&clients) > CLIENTS_MAX {
            continue;
        }
        let (sender, counted) = (sender.clone(), clients.clone());
        let _ = spawn(move || {
            read_stream(client, &sender);
            drop(counted);
        });
    }
}

/// Hands on lines until the stream ends.
fn read_stream(stream: impl Read, sender: &SyncSender<String>) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = Vec::new();
        match reader.by_ref().take(LINE_BYTES_MAX as u64).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
            return;
        }
    }
}

fn read_datagrams(socket: &UnixDatagram, sender: &SyncSender<String>) {
    let mut bytes = vec![0; LINE_BYTES_MAX];
    while let Ok(length) = socket.recv(&mut bytes) {
        let text = String::from_utf8_lossy(bytes.get(..length).unwrap_or_default()).into_owned();
        if text.lines().any(|line| sender.send(line.to_owned()).is_err()) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn drain(lines: &mut Lines) -> Vec<String> {
        std::iter::from_fn(|| lines.next().expect("read")).collect()
    }

    fn append(path: &Path, text: &str) {
        let mut file = fs::OpenOptions::new().append(true).create(true).open(path).expect("opened");
        file.write_all(text.as_bytes()).expect("written");
    }

    #[test]
    fn a_file_is_followed_through_its_rotation() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("eve.json");
        append(&path, "old\n");
        let mut lines = Lines::open(&path, None, false).expect("opened");
        assert_eq!(drain(&mut lines), Vec::<String>::new());
        append(&path, "one\ntw");
        assert_eq!(drain(&mut lines), ["one"]);
        append(&path, "o\nthree\n");
        fs::rename(&path, folder.path().join("eve.json.1")).expect("renamed");
        append(&path, "four\n");
        assert_eq!(drain(&mut lines), ["two", "three", "four"]);
        // As copytruncate does.
        fs::write(&path, "5\n").expect("written");
        assert_eq!(drain(&mut lines), ["5"]);
        // A start later goes on where it was, although the file was rotated meanwhile.
        let mark = lines.mark();
        append(&path, "six\n");
        fs::rename(&path, folder.path().join("eve.json.2")).expect("renamed");
        append(&path, "seven\n");
        let mut again = Lines::open(&path, mark, false).expect("opened");
        assert_eq!(drain(&mut again), ["six", "seven"]);
    }

    #[test]
    fn a_file_that_is_not_there_yet_is_waited_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("eve.json");
        let mut lines = Lines::open(&path, None, false).expect("opened");
        assert_eq!(drain(&mut lines), Vec::<String>::new());
        append(&path, "first\n");
        assert_eq!(drain(&mut lines), ["first"]);
        assert!(Lines::open(&folder.path().join("none/eve.json"), None, false).is_err());
    }

    #[test]
    fn sockets_are_listened_on() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("eve.sock");
        let mut lines = Lines::open(Path::new(&format!("unix:{}", path.display())), None, false).expect("bound");
        for text in ["one\n", "two\n"] {
            let mut client = std::os::unix::net::UnixStream::connect(&path).expect("connected");
            client.write_all(text.as_bytes()).expect("written");
        }
        let begun = std::time::Instant::now();
        let mut found = Vec::new();
        while found.len() < 2 && begun.elapsed() < std::time::Duration::from_secs(10) {
            found.extend(drain(&mut lines));
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        found.sort();
        assert_eq!(found, ["one\n", "two\n"]);
    }
}
