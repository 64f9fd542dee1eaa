//! ONC RPC (RFC 5531) over TCP and UDP: portmapper, mount, and NFS versions 3 and 4 (RFC 1813, RFC 7530, RFC 8881) with the
//! files that are read and written.

mod nfs3;
mod nfs4;
mod probe;
mod records;
#[cfg(test)]
mod tests;
mod xdr;

use std::collections::BTreeMap;

use packet::Cursor;

use self::records::{Found, Reader, Records};
use super::carried::{Carried, Handle, Way};
use super::intake::Payload;
use super::{Parties, Protocol, Recognised, Step};
use crate::{At, Ends, Field, Side, Sink};

/// RPC over TCP, as it is recognised.
pub(crate) const STREAM: Recognised =
    Recognised { name: "rpc", probe: probe::stream, begin: |parties| Box::new(Rpc::new(parties)) };

/// RPC over UDP, as it is recognised.
pub(crate) const DATAGRAM: Recognised =
    Recognised { name: "rpc", probe: probe::datagram, begin: |parties| Box::new(Rpc::new(parties)) };

/// Calls that wait for their replies.
const CALLS_MAX: usize = 512;

/// Handles whose names are remembered.
const NAMES_MAX: usize = 2048;

/// A path is cut to this.
const PATH_BYTES_MAX: usize = 1024;

/// Names that are told of one conversation.
const TOLD_MAX: u32 = 1024;

const PORTMAP: u32 = 100_000;
const NFS: u32 = 100_003;
const MOUNT: u32 = 100_005;

struct Rpc {
    client: Records,
    server: Records,
    is_stream: bool,
    talk: Talk,
    /// Bytes of file data that a datagram still owes: it was cut.
    owed: u64,
}

/// What the programs share.
struct Talk {
    calls: BTreeMap<u32, Call>,
    carried: Carried<Vec<u8>>,
    names: BTreeMap<Vec<u8>, String>,
    client: Option<(Vec<u8>, Way)>,
    server: Option<(Vec<u8>, Way)>,
    told: u32,
    program: u32,
    is_told: Told,
}

/// What is told once.
#[derive(Default)]
struct Told {
    version: Option<(u32, u32)>,
    credentials: Option<Vec<u8>>,
    is_sealed: bool,
}

/// What was called.
#[derive(Clone, Debug)]
struct Call {
    program: u32,
    version: u32,
    procedure: u32,
    about: About,
}

/// What a reply will be about.
#[derive(Clone, Debug)]
enum About {
    Nothing,
    /// A name in a folder, whose handle the reply brings.
    Name {
        folder: Vec<u8>,
        name: String,
    },
    Read {
        handle: Vec<u8>,
        offset: u64,
    },
    Written {
        handle: Vec<u8>,
    },
    Folder {
        handle: Vec<u8>,
    },
    /// Operations of version 4.
    Compound(Vec<nfs4::Operation>),
}

impl Rpc {
    fn new(parties: &Parties) -> Self {
        let talk = Talk {
            calls: BTreeMap::new(),
            carried: Carried::new("nfs"),
            names: BTreeMap::new(),
            client: None,
            server: None,
            told: 0,
            program: 0,
            is_told: Told::default(),
        };
        let (client, server) = (Records::default(), Records::default());
        Self { client, server, is_stream: parties.is_stream, talk, owed: 0 }
    }

    fn datagram(&mut self, side: Side, at: At, data: &[u8], sink: &mut dyn Sink) {
        self.owed = 0;
        let Found::Payload { start, bytes } = self.talk.record(side, at, data, true, sink) else { return };
        let rest = data.get(start..).unwrap_or_default();
        let here = rest.get(..usize::try_from(bytes).unwrap_or(usize::MAX)).unwrap_or(rest);
        self.talk.payload(side, Payload::Bytes(here), sink);
        self.owed = bytes - here.len() as u64;
        if self.owed == 0 {
            self.talk.payload_end(side, sink);
        }
    }
}

impl Protocol for Rpc {
    fn data(&mut self, side: Side, at: At, data: &[u8], sink: &mut dyn Sink) -> Step {
        match side {
            _ if !self.is_stream => self.datagram(side, at, data, sink),
            Side::Client => self.client.data(&mut self.talk, side, at, data, sink),
            Side::Server => self.server.data(&mut self.talk, side, at, data, sink),
        }
        Step::Go
    }

    fn gap(&mut self, side: Side, at: At, bytes: u64, sink: &mut dyn Sink) -> Step {
        match side {
            _ if !self.is_stream => {
                let missing = std::mem::take(&mut self.owed).min(bytes);
                self.talk.payload(side, Payload::Missing(missing), sink);
            }
            Side::Client => self.client.gap(&mut self.talk, side, at, bytes, sink),
            Side::Server => self.server.gap(&mut self.talk, side, at, bytes, sink),
        }
        Step::Go
    }

    fn end(&mut self, side: Side, _at: At, _ends: Ends, sink: &mut dyn Sink) {
        if side == Side::Server {
            self.talk.carried.clear(sink);
        }
    }

    fn held_bytes(&self) -> usize {
        let Talk { calls, carried, names, .. } = &self.talk;
        let of_calls = calls.len() * (size_of::<Call>() + 256);
        self.client.held_bytes() + self.server.held_bytes() + carried.held_bytes() + of_calls + names.len() * 256
    }
}

impl Reader for Talk {
    fn record(&mut self, _side: Side, at: At, head: &[u8], is_whole: bool, sink: &mut dyn Sink) -> Found {
        match self.message(at, head, is_whole, sink) {
            Some(found) => found,
            None => {
                if is_whole {
                    Found::Done
                } else {
                    Found::More
                }
            }
        }
    }

    fn payload(&mut self, side: Side, payload: Payload<'_>, sink: &mut dyn Sink) {
        let target = if side == Side::Client { &self.client } else { &self.server };
        let Some((handle, way)) = target else { return };
        match payload {
            Payload::Bytes(bytes) => self.carried.data(handle, *way, bytes, sink),
            Payload::Missing(bytes) => self.carried.gap(handle, *way, bytes, sink),
        }
    }

    fn payload_end(&mut self, side: Side, sink: &mut dyn Sink) {
        let target = if side == Side::Client { self.client.take() } else { self.server.take() };
        if let Some((handle, Way::Read)) = target {
            self.carried.end_read(&handle, sink);
        }
    }
}

impl Talk {
    /// A call or reply; nothing if there is too little of it.
    fn message(&mut self, at: At, head: &[u8], is_whole: bool, sink: &mut dyn Sink) -> Option<Found> {
        let mut cursor = Cursor::new(head);
        let number = cursor.u32()?;
        match cursor.u32()? {
            0 => self.call(at, number, cursor, (head, is_whole), sink),
            1 => self.reply(at, number, cursor, (head, is_whole), sink),
            _ => Some(Found::Done),
        }
    }

    fn call(
        &mut self,
        at: At,
        number: u32,
        mut cursor: Cursor<'_>,
        (head, is_whole): (&[u8], bool),
        sink: &mut dyn Sink,
    ) -> Option<Found> {
        cursor.skip(4)?;
        let (program, version, procedure) = (cursor.u32()?, cursor.u32()?, cursor.u32()?);
        let flavor = cursor.u32()?;
        let credentials = xdr::opaque(&mut cursor, 400)?;
        cursor.skip(4)?;
        xdr::opaque(&mut cursor, 400)?;
        let is_plain = self.credentials(at, flavor, credentials, sink);
        let mut call = Call { program, version, procedure, about: About::Nothing };
        let mut found = Found::Done;
        if is_plain {
            match (program, version) {
                (NFS, 2 | 3) => found = nfs3::call(self, at, &mut call, cursor, head, sink)?,
                (NFS, 4) if procedure == 1 => found = nfs4::call(self, at, &mut call, cursor, head, is_whole, sink)?,
                (PORTMAP, _) => portmap(at, &call, cursor, sink),
                (MOUNT, _) if procedure == 1 => {
                    let name = xdr::text(&mut cursor)?;
                    sink.fact(at, Field::Detail, &format!("mount={name}"));
                    call.about = About::Name { folder: Vec::new(), name };
                }
                _ => {}
            }
        }
        self.tell_program(at, program, version, sink);
        if self.calls.len() >= CALLS_MAX {
            self.calls.pop_first();
        }
        self.calls.insert(number, call);
        Some(found)
    }

    fn reply(
        &mut self,
        at: At,
        number: u32,
        mut cursor: Cursor<'_>,
        (head, is_whole): (&[u8], bool),
        sink: &mut dyn Sink,
    ) -> Option<Found> {
        let Some(call) = self.calls.get(&number).cloned() else { return Some(Found::Done) };
        if cursor.u32()? != 0 {
            return Some(Found::Done);
        }
        cursor.skip(4)?;
        xdr::opaque(&mut cursor, 400)?;
        if cursor.u32()? != 0 {
            return Some(Found::Done);
        }
        let found = match (call.program, call.version) {
            (NFS, 3) => nfs3::reply(self, at, &call, cursor, head, is_whole, sink)?,
            (NFS, 4) => nfs4::reply(self, at, &call, cursor, head, is_whole, sink)?,
            (PORTMAP, _) => {
                port(at, &call, cursor, sink);
                Found::Done
            }
            (MOUNT, 3) => {
                if let (0, About::Name { name, .. }) = (cursor.u32()?, &call.about) {
                    let handle = xdr::opaque(&mut cursor, 64)?.to_vec();
                    self.name(handle, name.clone());
                }
                Found::Done
            }
            _ => Found::Done,
        };
        self.calls.remove(&number);
        Some(found)
    }

    /// Who calls; false if what follows is sealed.
    fn credentials(&mut self, at: At, flavor: u32, credentials: &[u8], sink: &mut dyn Sink) -> bool {
        /// RFC 5531 appendix A, RFC 2203 5.
        const SYSTEM: u32 = 1;
        const GSS: u32 = 6;
        let mut cursor = Cursor::new(credentials);
        if flavor == GSS {
            let service = cursor.skip(12).and_then(|()| cursor.u32()).unwrap_or(0);
            if service > 1 && !std::mem::replace(&mut self.is_told.is_sealed, true) {
                sink.fact(at, Field::Detail, "sealed=rpcsec_gss");
            }
            return service <= 1;
        }
        let mut who = credentials.get(4..).unwrap_or_default().to_vec();
        who.truncate(PATH_BYTES_MAX);
        if flavor == SYSTEM && self.is_told.credentials.as_ref() != Some(&who) {
            self.is_told.credentials = Some(who);
            let read = cursor.skip(4).and_then(|()| xdr::text(&mut cursor)).zip(cursor.u32());
            if let Some((host, user)) = read {
                if !host.is_empty() {
                    sink.fact(at, Field::HostName, &host);
                }
                sink.fact(at, Field::Detail, &format!("uid={user}"));
            }
        }
        true
    }

    fn tell_program(&mut self, at: At, program: u32, version: u32, sink: &mut dyn Sink) {
        if self.is_told.version == Some((program, version)) {
            return;
        }
        self.is_told.version = Some((program, version));
        let name = match program {
            PORTMAP => "portmap",
            NFS => "nfs",
            MOUNT => "mount",
            _ => {
                sink.fact(at, Field::Detail, &format!("program={program} version={version}"));
                return;
            }
        };
        if self.program != program {
            self.program = program;
            sink.protocol(at, name);
        }
        sink.fact(at, Field::Version, &format!("{name} {version}"));
    }

    fn name(&mut self, handle: Vec<u8>, name: String) {
        if self.names.len() >= NAMES_MAX && !self.names.contains_key(&handle) {
            self.names.pop_first();
        }
        self.names.insert(handle, name);
    }

    /// A name in a folder, as a path as far as the folder's is known.
    fn path(&self, folder: &[u8], name: &str) -> String {
        match self.names.get(folder) {
            Some(parent) if parent.len() + name.len() < PATH_BYTES_MAX => {
                format!("{}/{name}", parent.trim_end_matches('/'))
            }
            _ => name.to_owned(),
        }
    }

    fn tell(&mut self, at: At, verb: &str, name: &str, sink: &mut dyn Sink) {
        self.told += 1;
        if self.told <= TOLD_MAX && !name.is_empty() {
            sink.fact(at, Field::Detail, &format!("{verb}={name}"));
        }
    }

    /// File data of a handle begins at an offset; `size` is the file's, if it is known.
    fn place(&mut self, at: At, handle: &[u8], way: Way, offset: u64, size: Option<u64>, sink: &mut dyn Sink) {
        let key = handle.to_vec();
        if self.carried.handle(&key).is_none() {
            let hexadecimal: String = handle.iter().map(|byte| format!("{byte:02x}")).collect();
            let opened = Handle {
                name: self.names.get(handle).cloned(),
                joins: Some(format!("nfs {hexadecimal}")),
                ..Handle::default()
            };
            self.carried.open(at, key.clone(), opened, sink);
        }
        if let Some(size) = size {
            self.carried.size(&key, size);
        }
        let is_file = self.carried.place(at, &key, way, offset, sink);
        let target = is_file.then_some((key, way));
        match way {
            Way::Written => self.client = target,
            Way::Read => self.server = target,
        }
    }
}

/// GETPORT (RFC 1833 3.1) and GETADDR (2.2.1).
fn portmap(at: At, call: &Call, mut cursor: Cursor<'_>, sink: &mut dyn Sink) {
    if call.procedure == 3
        && let (Some(program), Some(version)) = (cursor.u32(), cursor.u32())
    {
        sink.fact(at, Field::Detail, &format!("getport={program} version={version}"));
    }
}

fn port(at: At, call: &Call, mut cursor: Cursor<'_>, sink: &mut dyn Sink) {
    let port = match (call.version, call.procedure) {
        (2, 3) => cursor.u32().map(|port| port.to_string()),
        (3 | 4, 3) => xdr::text(&mut cursor),
        _ => None,
    };
    if let Some(port) = port.filter(|port| !port.is_empty()) {
        sink.fact(at, Field::Detail, &format!("port={port}"));
    }
}
