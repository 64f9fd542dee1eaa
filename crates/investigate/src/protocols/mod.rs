//! What speaks in a conversation: recognised by its content, never by its port alone.

mod ber;
mod bgp;
mod bittorrent;
mod carried;
mod cutter;
mod dcerpc;
mod dhcp;
mod dhcpv6;
mod dns;
mod dotted;
mod dtls;
mod ftp;
mod fuzz;
mod gquic;
mod http;
mod http1;
mod http2;
mod ike;
mod imap;
mod intake;
mod irc;
mod kerberos;
mod ldap;
mod line;
mod mime;
mod modbus;
mod mongodb;
mod mqtt;
mod mysql;
mod nbdgm;
mod ntlm;
mod ntp;
mod once;
mod openvpn;
mod ordered;
mod pop3;
mod postgresql;
mod quic;
mod radius;
mod rdp;
mod redis;
mod rfb;
mod rpc;
mod rtsp;
mod sasl;
mod sip;
mod smb;
mod smtp;
mod snmp;
mod socks;
mod ssdp;
mod ssh;
mod stratum;
mod stun;
mod syslog;
mod tds;
mod telnet;
mod tftp;
pub(crate) mod tls;
mod utf16;
#[cfg(test)]
mod vectors;
mod websocket;
mod wireguard;
mod xmpp;

pub use fuzz::fuzz_protocols;

use packet::{Address, FlowKey, Headers};

use crate::fragments::{TCP, UDP};
use crate::{At, Ends, Expected, Side, Sink};

/// Bytes of each side that are looked at to recognise a protocol.
pub const OPENING_BYTES_MAX: usize = 4096;

/// A protocol at work on one conversation.
///
/// A stream's bytes come in order, each side by itself, in pieces of any size; a datagram comes whole, in one piece, or as
/// what was captured of it and a gap. What it keeps is bounded, whatever it is told. That the conversation speaks this
/// protocol has been told to the sink before the first piece, under the name of its [`Recognised`].
pub trait Protocol: Send {
    /// The conversation was announced by another one; said before the first piece.
    fn expected(&mut self, _at: At, _expected: &Expected, _sink: &mut dyn Sink) {}

    /// The next bytes of one side, or one datagram.
    fn data(&mut self, side: Side, at: At, data: &[u8], sink: &mut dyn Sink) -> Step;

    /// So many bytes of one side are missing here: lost, cut off by the snap length, or beyond the kept head.
    /// Datagrams need not care.
    fn gap(&mut self, _side: Side, _at: At, _bytes: u64, _sink: &mut dyn Sink) -> Step {
        Step::Go
    }

    /// One side has ended: [`Ends::Whole`] if it closed (FIN), [`Ends::CutOff`] by a reset, idleness or the capture's end.
    /// It is said once of each side; of datagrams it is always `CutOff`.
    fn end(&mut self, _side: Side, _at: At, _ends: Ends, _sink: &mut dyn Sink) {}

    /// Bytes that it holds on to, roughly, if they can be more than a few hundred: when memory is short, the conversation
    /// that was silent for the longest is ended.
    fn held_bytes(&self) -> usize {
        0
    }
}

/// Whether a protocol goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It does.
    Go,
    /// It has all that it wants: nothing more needs to be told to it.
    Done,
    /// It is not this protocol, or no longer one that can be followed.
    Lost,
    /// What follows on both sides is another protocol, to be recognised anew (STARTTLS, CONNECT, upgrade). The number of
    /// bytes, from the start of the piece, that still belonged to this one.
    Turns(usize),
}

/// What the first bytes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Probe {
    /// It is another protocol.
    No,
    /// Too few bytes to say.
    More,
    /// It could be: taken when both sides have spoken and no protocol is [`Probe::Yes`] or [`Probe::More`], or when nothing
    /// more comes; the first of several in [`KNOWN`]. A port may make a `Maybe` of a `No`.
    Maybe,
    /// It is this one.
    Yes,
}

/// The first bytes of a conversation, at most [`OPENING_BYTES_MAX`] of each side; of datagrams the first of each side.
#[derive(Clone, Copy, Debug)]
pub struct Opening<'a> {
    /// What the client said first.
    pub client: &'a [u8],
    /// What the server said first.
    pub server: &'a [u8],
    /// Who spoke first; of a stream that began before the capture, whom it caught first.
    pub first: Side,
    /// Port of the client.
    pub client_port: u16,
    /// Port of the server.
    pub server_port: u16,
    /// Whether it is a stream (TCP) or datagrams (UDP).
    pub is_stream: bool,
}

/// Between whom a conversation is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parties {
    /// Address of the client.
    pub client: Address,
    /// Port of the client.
    pub client_port: u16,
    /// Address of the server.
    pub server: Address,
    /// Port of the server.
    pub server_port: u16,
    /// Whether it is a stream (TCP) or datagrams (UDP).
    pub is_stream: bool,
}

impl Parties {
    /// Those of a packet that `sender` sent.
    pub(crate) fn of(headers: &Headers, sender: Side, is_stream: bool) -> Option<Self> {
        let key = headers.key?;
        let key = if sender == Side::Client { key } else { key.reversed() };
        Some(Self {
            client: key.src,
            client_port: key.src_port,
            server: key.dest,
            server_port: key.dest_port,
            is_stream,
        })
    }

    /// The flow that they make, from client to server.
    pub fn key(&self) -> FlowKey {
        let is_v4 = |address: Address| address.as_v4().is_some();
        FlowKey {
            src: self.client,
            dest: self.server,
            src_port: self.client_port,
            dest_port: self.server_port,
            proto: if self.is_stream { TCP } else { UDP },
            ip_version: if is_v4(self.client) && is_v4(self.server) { 4 } else { 6 },
            one_way: false,
        }
    }

    /// Who has this address and port.
    pub(crate) fn side_of(&self, address: Address, port: u16) -> Option<Side> {
        match (address, port) {
            end if end == (self.server, self.server_port) => Some(Side::Server),
            end if end == (self.client, self.client_port) => Some(Side::Client),
            _ => None,
        }
    }
}

/// A protocol that can be recognised.
pub struct Recognised {
    /// Its name, as `app_proto` says it.
    pub name: &'static str,
    /// What the first bytes say.
    pub probe: fn(&Opening<'_>) -> Probe,
    /// Begins with it.
    pub begin: fn(&Parties) -> Box<dyn Protocol>,
}

/// Every protocol that can be recognised, the surest to recognise first.
pub const KNOWN: &[Recognised] = &[
    http2::RECOGNISED,
    http1::RECOGNISED,
    ssh::RECOGNISED,
    imap::RECOGNISED,
    pop3::RECOGNISED,
    smb::RECOGNISED,
    smtp::RECOGNISED,
    ftp::RECOGNISED,
    tls::RECOGNISED,
    quic::RECOGNISED,
    dtls::RECOGNISED,
    stun::RECOGNISED,
    gquic::RECOGNISED,
    dhcp::RECOGNISED,
    dhcpv6::RECOGNISED,
    snmp::RECOGNISED,
    kerberos::DATAGRAM,
    kerberos::STREAM,
    ldap::DATAGRAM,
    ldap::STREAM,
    postgresql::RECOGNISED,
    mysql::RECOGNISED,
    mqtt::RECOGNISED,
    redis::RECOGNISED,
    rdp::RECOGNISED,
    dcerpc::RECOGNISED,
    rfb::RECOGNISED,
    rtsp::RECOGNISED,
    sip::DATAGRAM,
    sip::STREAM,
    irc::RECOGNISED,
    xmpp::RECOGNISED,
    stratum::RECOGNISED,
    socks::RECOGNISED,
    tftp::RECOGNISED,
    rpc::STREAM,
    rpc::DATAGRAM,
    tds::RECOGNISED,
    mongodb::RECOGNISED,
    telnet::RECOGNISED,
    bgp::RECOGNISED,
    bittorrent::STREAM,
    bittorrent::DATAGRAM,
    ssdp::RECOGNISED,
    ike::RECOGNISED,
    syslog::RECOGNISED,
    wireguard::RECOGNISED,
    openvpn::STREAM,
    openvpn::DATAGRAM,
    nbdgm::RECOGNISED,
    radius::RECOGNISED,
    dns::NBNS,
    dns::MDNS,
    dns::LLMNR,
    dns::LLMNR_STREAM,
    dns::DNS,
    ntp::RECOGNISED,
    dns::DNS_STREAM,
    modbus::RECOGNISED,
];
