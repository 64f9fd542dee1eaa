//! What is found, on its way to whoever asked.

use packet::Address;

use crate::protocols::Parties;
use crate::{At, Side};

/// Takes what protocols find. Every text and every byte is as hostile as the network it came from.
pub trait Sink {
    /// The flow speaks this protocol; said once a flow, and again when it turns into another (STARTTLS, CONNECT, upgrade).
    fn protocol(&mut self, at: At, name: &'static str);

    /// Something that identifies the flow or what was in it; one field can be told many times a flow.
    fn fact(&mut self, at: At, field: Field, text: &str);

    /// A name was resolved to an address, as the answer said.
    fn resolved(&mut self, at: At, name: &str, address: Address);

    /// A file begins. Bytes, gaps and the end that carry the identifier belong to it.
    fn file_start(&mut self, at: At, start: FileStart) -> FileId;

    /// The next bytes of a file's body.
    fn file_data(&mut self, file: FileId, body: Body, bytes: &[u8]);

    /// So many bytes of a file's body are missing here; `u64::MAX`: all the rest of it, however much that is.
    fn file_gap(&mut self, file: FileId, body: Body, bytes: u64);

    /// The rest of the file begins at this offset of it (a range, a retry, a block that was asked for by number).
    fn file_seek(&mut self, file: FileId, offset: u64);

    /// Nothing more comes of a file.
    fn file_end(&mut self, file: FileId, ends: Ends);

    /// Another connection is announced, that will carry a file (FTP's data connection, TFTP's answering port).
    fn expect(&mut self, at: At, expected: Expected);

    /// Something that does not fit: overlapping data that differs, a bomb, a malformed message; shown, and counted.
    fn oddity(&mut self, at: At, what: &'static str);
}

/// What a fact is about. The names are those of the flow fields, where there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// Server name that a TLS or QUIC client asked for (RFC 6066).
    TlsSni,
    /// Application protocol that was chosen, or else the first offered (RFC 7301).
    TlsAlpn,
    /// Version that was chosen, such as "TLS 1.3".
    TlsVersion,
    /// JA3 of the client, as hexadecimal MD5.
    Ja3,
    /// JA3S of the server.
    Ja3s,
    /// JA4 of the client.
    Ja4,
    /// hassh of an SSH client.
    Hassh,
    /// hassh of an SSH server.
    HasshServer,
    /// SHA-256 of a certificate's DER, hexadecimal; the leaf first.
    CertSha256,
    /// Subject of a certificate (RFC 4514).
    CertSubject,
    /// Issuer of a certificate.
    CertIssuer,
    /// `Host`, or `:authority`.
    HttpHostname,
    /// `User-Agent`.
    HttpUserAgent,
    /// Request method and target, such as "GET /index.html".
    HttpRequest,
    /// Status code of a response.
    HttpStatus,
    /// A URL, whole.
    Url,
    /// Name that was asked for.
    DnsQuery,
    /// What was answered, as dig shows the data of a record, names without their last dot.
    DnsAnswer,
    /// Address of a mail's sender.
    MailFrom,
    /// Address of a mail's recipient.
    MailTo,
    /// Subject of a mail.
    MailSubject,
    /// Message-Id of a mail.
    MailId,
    /// Who logged in.
    User,
    /// What a client or server calls itself and its version: banner, server header, product.
    Software,
    /// Version of the protocol.
    Version,
    /// Name of a host that calls itself so (DHCP, NTLM, SMB).
    HostName,
    /// Anything else that identifies, as "key=value": a share, a topic, a database, a command.
    Detail,
}

impl Field {
    /// All of them.
    pub const ALL: [Self; 27] = [
        Self::TlsSni,
        Self::TlsAlpn,
        Self::TlsVersion,
        Self::Ja3,
        Self::Ja3s,
        Self::Ja4,
        Self::Hassh,
        Self::HasshServer,
        Self::CertSha256,
        Self::CertSubject,
        Self::CertIssuer,
        Self::HttpHostname,
        Self::HttpUserAgent,
        Self::HttpRequest,
        Self::HttpStatus,
        Self::Url,
        Self::DnsQuery,
        Self::DnsAnswer,
        Self::MailFrom,
        Self::MailTo,
        Self::MailSubject,
        Self::MailId,
        Self::User,
        Self::Software,
        Self::Version,
        Self::HostName,
        Self::Detail,
    ];

    /// The field of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }

    /// Its name in answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::TlsSni => "tls_sni",
            Self::TlsAlpn => "tls_alpn",
            Self::TlsVersion => "tls_version",
            Self::Ja3 => "ja3",
            Self::Ja3s => "ja3s",
            Self::Ja4 => "ja4",
            Self::Hassh => "hassh",
            Self::HasshServer => "hassh_server",
            Self::CertSha256 => "cert_sha256",
            Self::CertSubject => "cert_subject",
            Self::CertIssuer => "cert_issuer",
            Self::HttpHostname => "http_hostname",
            Self::HttpUserAgent => "http_user_agent",
            Self::HttpRequest => "http_request",
            Self::HttpStatus => "http_status",
            Self::Url => "url",
            Self::DnsQuery => "dns_queries",
            Self::DnsAnswer => "dns_answers",
            Self::MailFrom => "mail_from",
            Self::MailTo => "mail_to",
            Self::MailSubject => "mail_subject",
            Self::MailId => "mail_id",
            Self::User => "user",
            Self::Software => "software",
            Self::Version => "version",
            Self::HostName => "host_name",
            Self::Detail => "detail",
        }
    }
}

/// A file on its way, as the sink numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u64);

/// Which form of a file's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Body {
    /// As a user would save it; the only one, where nothing was encoded.
    Plain,
    /// As it was transferred, before its content encoding was undone (gzip of HTTP, base64 of mail).
    Wire,
}

/// What is known of a file as it begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileStart {
    /// What carries it, as `app_proto` says it: "http", "smb", "ftp-data".
    pub protocol: &'static str,
    /// Its name, as the protocol says it: a path of the network, never one of this host.
    pub name: Option<String>,
    /// Its type, as the protocol says it.
    pub mime: Option<String>,
    /// Its whole size in bytes, if the protocol says it.
    pub size: Option<u64>,
    /// Where its first bytes stand in it.
    pub offset: u64,
    /// Who sent it.
    pub sender: Option<Side>,
    /// Between whom it is moved; whoever puts packets together says it.
    pub between: Option<Parties>,
    /// Pieces of one file have the same: the URL with its validator, the handle, the path and its time.
    pub joins: Option<String>,
    /// Its content is also told as [`Body::Wire`], since its plain form differs.
    pub is_encoded: bool,
    /// Only a range of it is on its way, which begins at `offset`; what was transferred has hashes of its own.
    pub is_piece: bool,
    /// Size in bytes of what is transferred, where that is not the file itself and the protocol says it.
    pub wire_size: Option<u64>,
}

/// How a file ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// As the protocol says: all of it was there, but for the gaps that were told.
    Whole,
    /// Its conversation ended before it, or went on with something else.
    CutOff,
}

/// A connection that another one announced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// One end of it.
    pub address: Address,
    /// The port of that end.
    pub port: u16,
    /// IP protocol number.
    pub proto: u8,
    /// What speaks there: a name of [`KNOWN`](crate::protocols::KNOWN), or another if it carries nothing but the file.
    pub protocol: &'static str,
    /// The file that it carries, if that is known.
    pub file: FileStart,
    /// Whether `address` sends the file, or the other end; if that is known.
    pub is_sender: Option<bool>,
}
