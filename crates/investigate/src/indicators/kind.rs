//! What an indicator is.

/// What an indicator is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// An IPv4 or IPv6 address.
    Address,
    /// A network.
    Prefix,
    /// A name, and every name below it.
    Domain,
    /// A URL.
    Url,
    /// MD5 of a file.
    Md5,
    /// SHA-1 of a file.
    Sha1,
    /// SHA-256 of a file.
    Sha256,
    /// Address of a mail's sender or recipient.
    Email,
    /// `User-Agent`.
    UserAgent,
    /// JA3 of a TLS client.
    Ja3,
    /// JA4 of a TLS or QUIC client.
    Ja4,
    /// SHA-1 of a certificate.
    CertSha1,
    /// SHA-256 of a certificate.
    CertSha256,
}

impl Kind {
    /// All of them, in the order in which they are listed.
    pub const ALL: [Self; 13] = [
        Self::Address,
        Self::Prefix,
        Self::Domain,
        Self::Url,
        Self::Md5,
        Self::Sha1,
        Self::Sha256,
        Self::Email,
        Self::UserAgent,
        Self::Ja3,
        Self::Ja4,
        Self::CertSha1,
        Self::CertSha256,
    ];

    /// Its name in answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Prefix => "prefix",
            Self::Domain => "domain",
            Self::Url => "url",
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Email => "email",
            Self::UserAgent => "user_agent",
            Self::Ja3 => "ja3",
            Self::Ja4 => "ja4",
            Self::CertSha1 => "cert_sha1",
            Self::CertSha256 => "cert_sha256",
        }
    }

    /// By the names that lists, MISP and Zeek have for it.
    pub(super) fn named(name: &str) -> Option<Self> {
        let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
        Some(match plain.as_str() {
            "address" | "addr" | "ip" | "ipv4" | "ipv6" | "ipsrc" | "ipdst" | "ipsrcport" | "ipdstport" | "ipport"
            | "ipv4addr" | "ipv6addr" | "inteladdr" | "host" => Self::Address,
            "prefix" | "subnet" | "network" | "net" | "cidr" | "intelsubnet" => Self::Prefix,
            "domain" | "hostname" | "domainname" | "fqdn" | "inteldomain" | "dns" => Self::Domain,
            "url" | "uri" | "intelurl" => Self::Url,
            "md5" | "hashmd5" | "filehashmd5" | "filemd5" => Self::Md5,
            "sha1" | "hashsha1" | "filehashsha1" | "filesha1" => Self::Sha1,
            "sha256" | "hashsha256" | "filehashsha256" | "filesha256" => Self::Sha256,
            "email" | "emailaddr" | "emailsrc" | "emaildst" | "emailreplyto" | "mail" | "intelemail" => Self::Email,
            "useragent" | "httpuseragent" | "intelsoftware" => Self::UserAgent,
            "ja3" | "ja3fingerprintmd5" | "ja3hash" | "intelja3" => Self::Ja3,
            "ja4" | "ja4fingerprint" => Self::Ja4,
            "certsha1" | "x509fingerprintsha1" | "sslcertsha1" | "intelcerthash" => Self::CertSha1,
            "certsha256" | "x509fingerprintsha256" => Self::CertSha256,
            _ => return None,
        })
    }
}
