//! The fields of flows, as DESIGN, the JSON and the Parquet columns name them.

use std::borrow::Cow;

use packet::{Address, Mac, Timestamp};

/// What a field's values are, and so what they can be compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FieldKind {
    /// A count, an id or a port.
    Number,
    /// A number of bytes: `1M`, `10KiB`.
    Bytes,
    /// A span of time: `5m`, `1h30m`.
    Duration,
    /// A point in time.
    Time,
    /// A network address, compared with addresses and prefixes.
    Address,
    /// A hardware address.
    Mac,
    /// An IP protocol, by name or number.
    Protocol,
    /// TCP flags, in hexadecimal.
    Flags,
    /// True or false.
    Boolean,
    /// Text, told apart by case.
    Text,
    /// A name, upper and lower case the same.
    Name,
}

/// What a field holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// The flow has no such thing.
    Missing,
    /// It may have, but that cannot be told here.
    Unknown,
    /// Of `Number`, `Bytes`, `Protocol` and `Flags`.
    Number(u64),
    /// Of `Duration`, in nanoseconds.
    Duration(u64),
    /// Of `Time`.
    Time(Timestamp),
    /// Of `Address`.
    Address(Address),
    /// Of `Mac`.
    Mac(Mac),
    /// Of `Boolean`.
    Boolean(bool),
    /// Of `Text` and `Name`.
    Text(Cow<'a, str>),
    /// Several values of the field's kind: `=` asks for any, `!=` for none.
    List(Vec<Value<'a>>),
}

/// Gives the fields of a packet's flow.
pub trait Fields {
    /// The value of a field; never asked for `Field::Addr` and `Field::PortAny`, which are made of others.
    fn field(&self, field: Field) -> Value<'_>;
}

macro_rules! fields {
    ($($(#[$doc:meta])* $variant:ident $name:literal $kind:ident,)*) => {
        /// A field of a flow.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Field {
            $($(#[$doc])* $variant,)*
        }

        impl Field {
            /// All fields.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its name in questions and answers.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// What its values are.
            pub fn kind(self) -> FieldKind {
                match self {
                    $(Self::$variant => FieldKind::$kind,)*
                }
            }
        }
    };
}

fields! {
    /// The flow's name, sixteen hexadecimal digits.
    FlowId "flow_id" Name,
    /// Community ID 1.0.
    CommunityId "community_id" Text,
    /// Time of the first packet.
    Start "start" Time,
    /// Time of the last packet.
    End "end" Time,
    /// From the first packet to the last.
    Duration "duration" Duration,
    /// The packet that opened it was seen.
    StartSeen "start_seen" Boolean,
    /// Why it ended.
    EndReason "end_reason" Name,
    /// IP protocol.
    Proto "proto" Protocol,
    /// Address of who started it.
    SrcIp "src_ip" Address,
    /// Port of who started it.
    SrcPort "src_port" Number,
    /// Address of the other side.
    DestIp "dest_ip" Address,
    /// Port of the other side.
    DestPort "dest_port" Number,
    /// Either address.
    Addr "addr" Address,
    /// Either port.
    PortAny "port_any" Number,
    /// inbound, outbound, internal or external.
    Direction "direction" Name,
    /// VLAN ids, outermost first.
    Vlan "vlan" Number,
    /// What carried it.
    Tunnel "tunnel" Name,
    /// The tunnel's number.
    TunnelId "tunnel_id" Number,
    /// Interfaces that it passed.
    InIface "in_iface" Text,
    /// Hardware address of who started it.
    SrcMac "src_mac" Mac,
    /// Hardware address of the other side.
    DestMac "dest_mac" Mac,
    /// ICMP type.
    IcmpType "icmp_type" Number,
    /// ICMP code.
    IcmpCode "icmp_code" Number,
    /// Packets to the server.
    PktsToserver "pkts_toserver" Number,
    /// Packets to the client.
    PktsToclient "pkts_toclient" Number,
    /// Bytes to the server.
    BytesToserver "bytes_toserver" Bytes,
    /// Bytes to the client.
    BytesToclient "bytes_toclient" Bytes,
    /// Segments on the wire that the packets stand for.
    WireSegments "wire_segments" Number,
    /// TCP flags that the client sent.
    TcpFlagsTs "tcp_flags_ts" Flags,
    /// TCP flags that the server sent.
    TcpFlagsTc "tcp_flags_tc" Flags,
    /// Zeek's connection state.
    ConnState "conn_state" Name,
    /// Zeek's history.
    History "history" Text,
    /// Application protocol.
    AppProto "app_proto" Name,
    /// Server name that the client asked for.
    TlsSni "tls_sni" Name,
    /// Application protocols that the client offered.
    TlsAlpn "tls_alpn" Name,
    /// TLS version.
    TlsVersion "tls_version" Name,
    /// JA3 of the client.
    Ja3 "ja3" Name,
    /// JA3S of the server.
    Ja3s "ja3s" Name,
    /// JA4 of the client.
    Ja4 "ja4" Name,
    /// HASSH of an SSH client.
    Hassh "hassh" Name,
    /// SHA-256 of the server's certificate.
    CertSha256 "cert_sha256" Name,
    /// Host that was asked for over HTTP.
    HttpHostname "http_hostname" Name,
    /// User agent.
    HttpUserAgent "http_user_agent" Text,
    /// Names that were asked for.
    DnsQueries "dns_queries" Name,
    /// Answers to them.
    DnsAnswers "dns_answers" Name,
    /// Name that the other side's address was known by.
    DestName "dest_name" Name,
    /// Subjects of the certificates that were shown.
    CertSubject "cert_subject" Name,
    /// Issuers of the certificates that were shown.
    CertIssuer "cert_issuer" Name,
    /// SHA-256 of the certificates that were shown.
    CertChain "cert_chain" Name,
    /// Addresses of senders of mails.
    MailFrom "mail_from" Name,
    /// Addresses of recipients of mails.
    MailTo "mail_to" Name,
    /// Subjects of mails.
    MailSubject "mail_subject" Name,
    /// Names of files that were moved.
    FileName "file_name" Name,
    /// SHA-256 of files that were moved.
    FileSha256 "file_sha256" Name,
    /// Who logged in.
    User "user" Name,
    /// What hosts called themselves.
    HostName "host_name" Name,
    /// What clients and servers called themselves and their versions.
    Software "software" Name,
    /// Anything else that identifies, as "key=value".
    Detail "detail" Name,
    /// Fields that had more values than are kept.
    MoreValues "more_values" Name,
    /// Lanes that it was recorded on.
    Lane "lane" Name,
    /// full, head, headers or none.
    Kept "kept" Name,
    /// Who recorded it.
    Sensor "sensor" Name,
}

impl Field {
    /// The field of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|field| field.name() == name)
    }

    /// Whether payload gives it.
    pub fn is_of_payload(self) -> bool {
        (Self::AppProto..=Self::MoreValues).contains(&self)
    }

    /// Whether payload gives it several values, from the beginning of a flow to its end, of which rows have those of heads
    /// and do not say whether there were others.
    pub fn is_list_of_heads(self) -> bool {
        self.is_of_payload() && self.is_list() && self != Self::FileSha256
    }

    /// Whether payload gives it several values.
    pub(super) fn is_list(self) -> bool {
        (Self::CertSubject..=Self::MoreValues).contains(&self)
            || matches!(self, Self::TlsAlpn | Self::DnsQueries | Self::DnsAnswers)
    }

    /// The words that it can hold, where these are few.
    pub(super) fn words(self) -> Option<&'static [&'static str]> {
        Some(match self {
            Self::Direction => &["inbound", "outbound", "internal", "external"],
            Self::Lane => &["client", "server", "transit", "junk", "bulk"],
            Self::Kept => &["full", "head", "headers", "none"],
            _ => return None,
        })
    }
}

impl FieldKind {
    /// What is to be written, for messages.
    pub(super) fn described(self) -> &'static str {
        match self {
            Self::Number => "a number",
            Self::Bytes => "a number of bytes, such as 1500, 10KiB or 1M",
            Self::Duration => "a span of time, such as 90s, 5m or 1h30m",
            Self::Time => "a time, such as 2026-11-23T02:00:00Z",
            Self::Address => "an address or a prefix, such as 10.0.0.1 or 10.0.0.0/8",
            Self::Mac => "a hardware address, such as 00:1b:21:3c:4d:5e",
            Self::Protocol => "an IP protocol, such as tcp or 6",
            Self::Flags => "TCP flags in hexadecimal, such as 1b",
            Self::Boolean => "true or false",
            Self::Text | Self::Name => "a text, in quotes if it has spaces or signs",
        }
    }

    pub(super) fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::Name)
    }

    pub(super) fn is_ordered(self) -> bool {
        matches!(self, Self::Number | Self::Bytes | Self::Duration | Self::Time)
    }
}
