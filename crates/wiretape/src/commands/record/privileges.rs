//! `-Z USER`: another user's rights, with nothing more than what opening a packet socket needs.

use std::io;

use rustix::process::{Gid, Uid};
use rustix::thread::{CapabilitySet, CapabilitySets};

use crate::errors::Failure;

/// Who to become: user and group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) user: u32,
    pub(crate) group: u32,
}

/// By number, `UID` or `UID:GID`; by name through /etc/passwd, or without one the two names that are the same
/// everywhere.
pub(crate) fn find_user(text: &str) -> Result<Identity, Failure> {
    let (user, group) = text.split_once(':').unwrap_or((text, text));
    if let (Ok(user), Ok(group)) = (user.parse(), group.parse()) {
        return Ok(Identity { user, group });
    }
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let known = find(&passwd, text).or(match text {
        "root" => Some(Identity { user: 0, group: 0 }),
        "nobody" => Some(Identity { user: 65_534, group: 65_534 }),
        _ => None,
    });
    known.ok_or_else(|| {
        let why = if passwd.is_empty() { "there is no /etc/passwd here" } else { "/etc/passwd does not know it" };
        Failure::call(format!("there is no user {text:?}")).because(why).attempt("give numbers: -Z UID:GID")
    })
}

/// Becomes that user, keeping only CAP_NET_RAW, so that an interface that comes later can be opened. Must be called
/// before there are other threads: rights belong to a thread. Root stays root.
pub(crate) fn become_user(identity: Identity) -> Result<(), Failure> {
    let own = rustix::process::geteuid();
    if identity.user == 0 || own.as_raw() == identity.user {
        return Ok(());
    }
    drop_rights(identity).map_err(|error| {
        Failure::system(format!("cannot become user {}", identity.user), &error)
            .attempt("in a container that needs --cap-add SETUID --cap-add SETGID; or use docker run --user")
    })
}

/// passwd(5): name, password, user, group, …
fn find(passwd: &str, name: &str) -> Option<Identity> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let found = fields.next()? == name;
        let (uid, gid) = (fields.nth(1)?, fields.next()?);
        if found { Some(Identity { user: uid.parse().ok()?, group: gid.parse().ok()? }) } else { None }
    })
}

fn drop_rights(identity: Identity) -> io::Result<()> {
    let (uid, gid) = (Uid::from_raw(identity.user), Gid::from_raw(identity.group));
    rustix::thread::set_keep_capabilities(true)?;
    rustix::thread::set_thread_groups(&[gid])?;
    rustix::thread::set_thread_res_gid(gid, gid, gid)?;
    rustix::thread::set_thread_res_uid(uid, uid, uid)?;
    let kept = rustix::thread::capabilities(None)?.permitted & CapabilitySet::NET_RAW;
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
        assert_eq!(find(passwd, "web"), Some(Identity { user: 33, group: 44 }));
        assert_eq!(find(passwd, "we"), None);
        assert_eq!(find(passwd, "broken"), None);
        assert_eq!(find_user("7:8").ok(), Some(Identity { user: 7, group: 8 }));
    }
}
