//! What lies under a tape: an anonymous volume goes with its container, a disk that discards is slowed by ageing.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// The mount that a tape is on.
pub(super) struct Volume {
    /// The mounted part of the file system.
    root: PathBuf,
    /// Options of the file system, separated by commas.
    options: String,
}

impl Volume {
    /// Reads what this process has mounted; `None` where that cannot be told.
    pub(super) fn of(tape: &Path) -> Option<Self> {
        let mounts = std::fs::read("/proc/self/mountinfo").ok()?;
        Self::find(&mounts, &std::path::absolute(tape).unwrap_or_else(|_| tape.to_path_buf()))
    }

    /// proc_pid_mountinfo(5): the fourth field is the mounted part of the file system, the fifth where it is mounted; the
    /// last one is the file system's options.
    fn find(mounts: &[u8], tape: &Path) -> Option<Self> {
        let mount = |line: &[u8]| {
            let mut fields = line.split(|byte| *byte == b' ');
            let options = String::from_utf8_lossy(fields.next_back()?).into_owned();
            let (root, point) = (unescaped(fields.nth(3)?), unescaped(fields.next()?));
            Some((point, Self { root, options }))
        };
        let covering =
            mounts.split(|byte| *byte == b'\n').filter_map(mount).filter(|(point, _)| tape.starts_with(point));
        // The last of several mounts on one place covers the others.
        covering.max_by_key(|(point, _)| point.components().count()).map(|(_, volume)| volume)
    }

    /// True if Docker made it without a name: `docker rm -v` and `--rm` delete it.
    pub(super) fn is_anonymous(&self) -> bool {
        let mut parts = self.root.components().rev().filter_map(|part| part.as_os_str().to_str());
        let named = [parts.next(), parts.next(), parts.next()];
        let is_random = |name: &str| name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        matches!(named, [Some("_data"), Some(name), Some("volumes")] if is_random(name))
    }

    /// True if the disk is told of each removed file at once.
    pub(super) fn discards(&self) -> bool {
        self.options.split(',').any(|option| option == "discard")
    }
}

/// Blanks and backslashes stand there as three octal digits.
fn unescaped(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&byte, tail)) = rest.split_first() {
        let code = tail.get(..3).filter(|_| byte == b'\\').and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(code) => {
                bytes.push(code);
                rest = tail.get(3..).unwrap_or_default();
            }
            None => {
                bytes.push(byte);
                rest = tail;
            }
        }
    }
    PathBuf::from(OsString::from_vec(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes() {
        let random = "0123456789abcdef".repeat(4);
        let check = |root: &str, expected: bool| {
            let mounts = format!(
                "22 1 0:20 / / rw - overlay overlay rw\n23 22 8:1 {root} /data rw,relatime - ext4 /dev/sda1 rw,discard\n"
            );
            let volume = |tape| Volume::find(mounts.as_bytes(), Path::new(tape)).unwrap();
            assert_eq!(volume("/data/dump.tape").is_anonymous(), expected, "{root}");
            assert!(volume("/data/dump.tape").discards());
            assert!(!volume("/elsewhere").is_anonymous());
            assert!(!volume("/elsewhere").discards());
        };
        check(&format!("/var/lib/docker/volumes/{random}/_data"), true);
        check(&format!("/docker/volumes/{random}/_data"), true);
        check("/var/lib/docker/volumes/capture/_data", false);
        check("/var/log/tcpdump", false);
        assert_eq!(unescaped(b"/a\\040b\\134"), Path::new("/a b\\"));
    }
}
