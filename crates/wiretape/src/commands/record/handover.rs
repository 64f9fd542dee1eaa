//! A tape that root made, handed over to the user that goes on writing it (`-Z USER`).

use std::io;
use std::os::unix::fs::lchown;
use std::path::Path;

use super::privileges::Identity;

/// Gives the tape, made if it is missing, and what is in it to a user: some thousands of files at most. Links are not
/// followed.
pub(super) fn hand_over(tape: &Path, identity: Identity) -> io::Result<()> {
    let (user, group) = (identity.user, identity.group);
    std::fs::create_dir_all(tape)?;
    let mut folders = vec![tape.to_path_buf()];
    while let Some(folder) = folders.pop() {
        lchown(&folder, Some(user), Some(group))?;
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                lchown(entry.path(), Some(user), Some(group))?;
            }
        }
    }
    Ok(())
}
