//! What lies under a tape: an anonymous volume goes with its container.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// True if the tape lies on a volume that Docker made without a name: `docker rm -v` and `--rm` delete it.
pub(super) fn is_anonymous_volume(tape: &Path) -> bool {
    let Ok(mounts) = std::fs::read("/proc/self/mountinfo") else { return false };
    let tape = std::path::absolute(tape).unwrap_or_else(|_| tape.to_path_buf());
    lies_on_anonymous_volume(&mounts, &tape)
}

/// proc_pid_mountinfo(5): the fourth field is the mounted part of the file system, the fifth where it is mounted.
fn lies_on_anonymous_volume(mounts: &[u8], tape: &Path) -> bool {
    let mount = |line: &[u8]| {
        let mut fields = line.split(|byte| *byte == b' ').skip(3);
        Some((unescaped(fields.next()?), unescaped(fields.next()?)))
    };
    let covering = mounts.split(|byte| *byte == b'\n').filter_map(mount).filter(|(_, point)| tape.starts_with(point));
    // The last of several mounts on one place covers the others.
    let innermost = covering.max_by_key(|(_, point)| point.components().count());
    innermost.is_some_and(|(root, _)| {
        let mut parts = root.components().rev().filter_map(|part| part.as_os_str().to_str());
        let named = [parts.next(), parts.next(), parts.next()];
        let is_random = |name: &str| name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        matches!(named, [Some("_data"), Some(name), Some("volumes")] if is_random(name))
    })
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
                "22 1 0:20 / / rw - overlay overlay rw\n23 22 8:1 {root} /data rw,relatime - ext4 /dev/sda1 rw\n"
            );
            assert_eq!(lies_on_anonymous_volume(mounts.as_bytes(), Path::new("/data/dump.tape")), expected, "{root}");
            assert!(!lies_on_anonymous_volume(mounts.as_bytes(), Path::new("/elsewhere")));
        };
        check(&format!("/var/lib/docker/volumes/{random}/_data"), true);
        check(&format!("/docker/volumes/{random}/_data"), true);
        check("/var/lib/docker/volumes/capture/_data", false);
        check("/var/log/tcpdump", false);
        assert_eq!(unescaped(b"/a\\040b\\134"), Path::new("/a b\\"));
    }
}
