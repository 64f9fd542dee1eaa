//! `-Z USER`: another user's rights, with nothing more than what opening a packet socket needs.

use std::io;
use std::path::Path;

use rustix::process::{Gid, Uid};
use rustix::thread::{CapabilitySet, CapabilitySets};

use crate::errors::Failure;
use crate::settings::User;

/// Becomes `user`, keeping only CAP_NET_RAW, so that an interface that comes back can be opened again. The tape, made
/// if it is missing, is handed over first. Must be called before there are other threads: rights belong to a thread.
pub(crate) fn become_user(user: &User, tape: &Path) -> Result<(), Failure> {
    let (uid, gid) = numbers(user)?;
    if !rustix::process::geteuid().is_root() {
        let own = rustix::process::geteuid().as_raw() == uid;
        let why = "only root can become somebody else";
        return if own { Ok(()) } else { Err(Failure::call("-Z cannot be done").because(why)) };
    }
    if uid == 0 {
        return Ok(());
    }
    hand_over(tape, uid, gid)
        .map_err(|error| Failure::system(format!("cannot give {} to user {uid}", tape.display()), &error))?;
    drop_rights(uid, gid).map_err(|error| {
        Failure::system(format!("cannot become user {uid}"), &error)
            .attempt("in a container this needs --cap-add SETUID --cap-add SETGID, or use its own: docker run --user")
    })
}

/// User and group; by name through /etc/passwd, or without one the two names that are the same everywhere.
fn numbers(user: &User) -> Result<(u32, u32), Failure> {
    let name = match user {
        User::Id(uid, gid) => return Ok((*uid, *gid)),
        User::Name(name) => name,
    };
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let known = find(&passwd, name).or(match name.as_str() {
        "root" => Some((0, 0)),
        "nobody" => Some((65_534, 65_534)),
        _ => None,
    });
    known.ok_or_else(|| {
        let why = if passwd.is_empty() { "there is no /etc/passwd here" } else { "/etc/passwd does not know it" };
        Failure::call(format!("there is no user {name:?}")).because(why).attempt("give numbers: -Z UID:GID")
    })
}

/// passwd(5): name, password, user, group, …
fn find(passwd: &str, name: &str) -> Option<(u32, u32)> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let found = fields.next()? == name;
        let (uid, gid) = (fields.nth(1)?, fields.next()?);
        found.then_some((uid.parse().ok()?, gid.parse().ok()?))
    })
}

/// The tape and what is in it: some thousands of files at most, two folders deep.
fn hand_over(tape: &Path, uid: u32, gid: u32) -> io::Result<()> {
    std::fs::create_dir_all(tape)?;
    let mut folders = vec![tape.to_path_buf()];
    while let Some(folder) = folders.pop() {
        give(&folder, uid, gid)?;
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                give(&entry.path(), uid, gid)?;
            }
        }
    }
    Ok(())
}

fn give(path: &Path, uid: u32, gid: u32) -> io::Result<()> {
    std::os::unix::fs::lchown(path, Some(uid), Some(gid))
}

fn drop_rights(uid: u32, gid: u32) -> io::Result<()> {
    let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
    rustix::thread::set_keep_capabilities(true)?;
    rustix::thread::set_thread_groups(&[gid])?;
    rustix::thread::set_thread_res_gid(gid, gid, gid)?;
    rustix::thread::set_thread_res_uid(uid, uid, uid)?;
    let kept = CapabilitySet::NET_RAW;
    let sets = CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
    rustix::thread::set_capabilities(None, sets)?;
    rustix::thread::set_keep_capabilities(false)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_of_passwd() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nweb:x:33:44::/:/bin/false\nbroken\n";
        assert_eq!(find(passwd, "web"), Some((33, 44)));
        assert_eq!(find(passwd, "we"), None);
        assert_eq!(find(passwd, "broken"), None);
    }
}
