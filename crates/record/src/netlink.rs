//! Questions to the kernel about its network (rtnetlink(7)): dumps, and word of changes.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

const HEADER_BYTES: usize = 16;
const RECEIVE_BYTES: usize = 256 << 10;
/// A dump that goes on for longer than this many messages is cut: a full Internet routing table has a million routes,
/// and routes to far networks say nothing about which addresses are ours.
const MESSAGES_MAX: usize = 65_536;

/// A socket that hears of every change of interfaces, addresses and routes.
#[derive(Debug)]
pub(crate) struct Changes {
    socket: OwnedFd,
    buffer: Vec<u8>,
}

impl Changes {
    pub(crate) fn open() -> io::Result<Self> {
        let socket = open(SocketFlags::NONBLOCK)?;
        let groups = libc::RTMGRP_LINK
            | libc::RTMGRP_IPV4_IFADDR
            | libc::RTMGRP_IPV6_IFADDR
            | libc::RTMGRP_IPV4_ROUTE
            | libc::RTMGRP_IPV6_ROUTE;
        rustix::net::bind(&socket, &SocketAddrNetlink::new(0, groups as u32))?;
        Ok(Self { socket, buffer: vec![0; RECEIVE_BYTES] })
    }

    /// Empties the socket and tells what has changed since the last call. Too many changes to be told one by one
    /// count as a change of everything.
    pub(crate) fn read(&mut self) -> Change {
        let mut change = Change::default();
        loop {
            match rustix::net::recv(&self.socket, &mut self.buffer[..], RecvFlags::DONTWAIT) {
                Ok((0, _)) => return change,
                Ok((length, _)) => {
                    for message in Messages(self.buffer.get(..length).unwrap_or_default()) {
                        let is_route = matches!(message.kind, libc::RTM_NEWROUTE | libc::RTM_DELROUTE);
                        change.routes |= is_route;
                        change.interfaces |= !is_route;
                    }
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::NOBUFS) => change = Change { interfaces: true, routes: true },
                Err(_) => return change,
            }
        }
    }
}

impl AsFd for Changes {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// What has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Change {
    /// Interfaces or their addresses.
    pub(crate) interfaces: bool,
    pub(crate) routes: bool,
}

/// An interface (RTM_NEWLINK).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LinkMessage {
    pub(crate) index: u32,
    pub(crate) hardware: u16,
    pub(crate) flags: u32,
    pub(crate) name: String,
    pub(crate) master: Option<u32>,
    /// `veth`, `bridge`, `tun` …; empty for hardware.
    pub(crate) kind: String,
    /// What its master is: `bridge` for a bridge's port.
    pub(crate) port_kind: String,
}

/// An interface's address (RTM_NEWADDR).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AddressMessage {
    pub(crate) index: u32,
    pub(crate) address: IpAddr,
    pub(crate) prefix_bits: u8,
}

/// A unicast route of the main table (RTM_NEWROUTE).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RouteMessage {
    pub(crate) index: u32,
    /// `None` is the default route.
    pub(crate) destination: Option<(IpAddr, u8)>,
}

/// Every interface of this network namespace.
pub(crate) fn links() -> io::Result<Vec<LinkMessage>> {
    dump(libc::RTM_GETLINK, libc::RTM_NEWLINK, 16, parse_link)
}

/// Every address.
pub(crate) fn addresses() -> io::Result<Vec<AddressMessage>> {
    dump(libc::RTM_GETADDR, libc::RTM_NEWADDR, 8, parse_address)
}

/// The unicast routes of the main table.
pub(crate) fn routes() -> io::Result<Vec<RouteMessage>> {
    let routes: Vec<Vec<RouteMessage>> = dump(libc::RTM_GETROUTE, libc::RTM_NEWROUTE, 12, parse_route)?;
    Ok(routes.into_iter().flatten().collect())
}

fn open(flags: SocketFlags) -> io::Result<OwnedFd> {
    let flags = flags | SocketFlags::CLOEXEC;
    // Protocol `None` is 0, NETLINK_ROUTE.
    Ok(rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None)?)
}

fn dump<T>(kind: u16, answer: u16, body_bytes: usize, parse: fn(&[u8]) -> Option<T>) -> io::Result<Vec<T>> {
    let socket = open(SocketFlags::empty())?;
    let mut request = Vec::with_capacity(HEADER_BYTES + body_bytes);
    request.extend_from_slice(&((HEADER_BYTES + body_bytes) as u32).to_ne_bytes());
    request.extend_from_slice(&kind.to_ne_bytes());
    request.extend_from_slice(&((libc::NLM_F_REQUEST | libc::NLM_F_DUMP) as u16).to_ne_bytes());
    request.resize(HEADER_BYTES + body_bytes, 0);
    rustix::net::sendto(&socket, &request, SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;

    let mut found = Vec::new();
    let mut buffer = vec![0; RECEIVE_BYTES];
    for _ in 0..MESSAGES_MAX {
        let (length, _) = match rustix::net::recv(&socket, &mut buffer[..], RecvFlags::empty()) {
            Err(rustix::io::Errno::INTR) => continue,
            other => other?,
        };
        for message in Messages(buffer.get(..length).unwrap_or_default()) {
            match message.kind {
                NLMSG_DONE => return Ok(found),
                NLMSG_ERROR => return Err(error(message.body)),
                kind if kind == answer => found.extend(parse(message.body)),
                _ => {}
            }
            if found.len() >= MESSAGES_MAX {
                return Ok(found);
            }
        }
    }
    Ok(found)
}

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;

/// The error of `struct nlmsgerr`: a negated errno.
fn error(body: &[u8]) -> io::Error {
    let code = body.first_chunk().copied().map_or(0, i32::from_ne_bytes);
    io::Error::from_raw_os_error(code.saturating_neg())
}

struct Message<'a> {
    kind: u16,
    body: &'a [u8],
}

/// The messages of one datagram.
struct Messages<'a>(&'a [u8]);

impl<'a> Iterator for Messages<'a> {
    type Item = Message<'a>;

    fn next(&mut self) -> Option<Message<'a>> {
        let length = u32_at(self.0, 0)? as usize;
        let kind = u16_at(self.0, 4)?;
        let body = self.0.get(HEADER_BYTES..length)?;
        self.0 = self.0.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(Message { kind, body })
    }
}

/// The attributes (`struct rtattr`) of a message.
struct Attributes<'a>(&'a [u8]);

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let length = usize::from(u16_at(self.0, 0)?);
        let kind = u16_at(self.0, 2)? & !NESTED;
        let value = self.0.get(4..length)?;
        self.0 = self.0.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    }
}

/// NLA_F_NESTED and NLA_F_NET_BYTEORDER.
const NESTED: u16 = 0xc000;

/// `struct ifinfomsg` and its attributes.
fn parse_link(body: &[u8]) -> Option<LinkMessage> {
    let mut link = LinkMessage {
        hardware: u16_at(body, 2)?,
        index: u32_at(body, 4)?,
        flags: u32_at(body, 8)?,
        ..LinkMessage::default()
    };
    for (kind, value) in Attributes(body.get(16..)?) {
        match kind {
            libc::IFLA_IFNAME => link.name = text(value),
            libc::IFLA_MASTER => link.master = u32_at(value, 0),
            libc::IFLA_LINKINFO => {
                for (kind, value) in Attributes(value) {
                    match kind {
                        libc::IFLA_INFO_KIND => link.kind = text(value),
                        IFLA_INFO_SLAVE_KIND => link.port_kind = text(value),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    Some(link)
}

const IFLA_INFO_SLAVE_KIND: u16 = 4;

/// `struct ifaddrmsg` and its attributes.
fn parse_address(body: &[u8]) -> Option<AddressMessage> {
    let [family, prefix_bits, _, _] = *body.first_chunk()?;
    let index = u32_at(body, 4)?;
    let mut found = None;
    for (kind, value) in Attributes(body.get(8..)?) {
        // With a point-to-point peer IFA_ADDRESS is the peer, and IFA_LOCAL ours.
        if kind == libc::IFA_LOCAL || (kind == libc::IFA_ADDRESS && found.is_none()) {
            found = address(family, value);
        }
    }
    Some(AddressMessage { index, address: found?, prefix_bits })
}

/// `struct rtmsg` and its attributes; nothing for what is not a unicast route of the main table. A route over several
/// interfaces is one route each.
fn parse_route(body: &[u8]) -> Option<Vec<RouteMessage>> {
    let [family, prefix_bits, _, _, table, _, _, kind] = *body.first_chunk()?;
    if table != libc::RT_TABLE_MAIN || kind != libc::RTN_UNICAST {
        return None;
    }
    let mut destination = None;
    let mut interfaces = Vec::new();
    for (kind, value) in Attributes(body.get(12..)?) {
        match kind {
            libc::RTA_DST => destination = address(family, value).map(|address| (address, prefix_bits)),
            libc::RTA_OIF => interfaces.extend(u32_at(value, 0)),
            libc::RTA_MULTIPATH => interfaces.extend(next_hops(value)),
            _ => {}
        }
    }
    let destination = if prefix_bits == 0 { None } else { Some(destination?) };
    Some(interfaces.into_iter().map(|index| RouteMessage { index, destination }).collect())
}

/// The interfaces of `struct rtnexthop` records.
fn next_hops(mut bytes: &[u8]) -> Vec<u32> {
    let mut found = Vec::new();
    while let (Some(length), Some(index)) = (u16_at(bytes, 0), u32_at(bytes, 4)) {
        found.push(index);
        let step = usize::from(length).next_multiple_of(4).max(8);
        bytes = bytes.get(step..).unwrap_or_default();
    }
    found
}

fn address(family: u8, value: &[u8]) -> Option<IpAddr> {
    match i32::from(family) {
        libc::AF_INET => value.first_chunk::<4>().map(|bytes| Ipv4Addr::from(*bytes).into()),
        libc::AF_INET6 => value.first_chunk::<16>().map(|bytes| Ipv6Addr::from(*bytes).into()),
        _ => None,
    }
}

fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value.split(|&byte| byte == 0).next().unwrap_or_default()).into_owned()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().copied().map(u16::from_ne_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_messages_end_the_walk() {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&20_u32.to_ne_bytes());
        bytes.extend_from_slice(&libc::RTM_NEWLINK.to_ne_bytes());
        bytes.resize(20, 0);
        assert_eq!(Messages(&bytes).count(), 1);
        bytes[0] = 200;
        assert_eq!(Messages(&bytes).count(), 0);
        bytes[0] = 3;
        assert_eq!(Messages(&bytes).count(), 0);
        assert_eq!(Attributes(&[0, 0, 0, 0]).count(), 0);
        assert_eq!(Attributes(&[4, 0, 1]).count(), 0);
    }

    #[test]
    fn the_kernel_knows_its_loopback() {
        let links = links().unwrap();
        let loopback = links.iter().find(|link| link.name == "lo").unwrap();
        assert_eq!((loopback.index, loopback.hardware), (1, libc::ARPHRD_LOOPBACK));
        addresses().unwrap();
        routes().unwrap();
    }
}
