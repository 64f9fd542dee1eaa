//! What hellos hold (RFC 8446, 4.1; RFC 6347, 4.2.1).

use packet::Cursor;

/// Numbers of extensions.
pub(crate) mod kind {
    pub(crate) const SERVER_NAME: u16 = 0;
    pub(crate) const GROUPS: u16 = 10;
    pub(crate) const POINT_FORMATS: u16 = 11;
    pub(crate) const SIGNATURES: u16 = 13;
    pub(crate) const APPLICATIONS: u16 = 16;
    pub(crate) const VERSIONS: u16 = 43;
    pub(crate) const ENCRYPTED_SERVER_NAME: u16 = 0xffce;
    pub(crate) const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;
}

/// An extension as it stands there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extension<'a> {
    pub(crate) kind: u16,
    pub(crate) data: &'a [u8],
}

/// A client's hello.
#[derive(Debug)]
pub(crate) struct ClientHello<'a> {
    /// The version in its old place.
    pub(crate) version: u16,
    ciphers: &'a [u8],
    pub(crate) extensions: Vec<Extension<'a>>,
    /// The extensions are all there, and none is malformed.
    pub(crate) is_whole: bool,
}

impl<'a> ClientHello<'a> {
    /// Reads the body of the message, as much of it as is there; `has_cookie` in datagrams.
    pub(crate) fn read(body: &'a [u8], has_cookie: bool) -> Option<Self> {
        let mut cursor = Cursor::new(body);
        let version = cursor.u16()?;
        cursor.skip(32)?;
        short(&mut cursor)?;
        if has_cookie {
            short(&mut cursor)?;
        }
        let ciphers = long(&mut cursor)?;
        short(&mut cursor)?;
        let (extensions, is_whole) = extensions(cursor);
        Some(Self { version, ciphers, extensions, is_whole })
    }

    /// Cipher suites in the client's order.
    pub(crate) fn ciphers(&self) -> impl Iterator<Item = u16> {
        pairs(self.ciphers)
    }

    /// Groups, once called elliptic curves.
    pub(crate) fn groups(&self) -> impl Iterator<Item = u16> {
        pairs(self.list(kind::GROUPS))
    }

    /// Point formats of elliptic curves.
    pub(crate) fn point_formats(&self) -> impl Iterator<Item = u16> {
        let data = self.data(kind::POINT_FORMATS);
        short(&mut Cursor::new(data)).unwrap_or_default().iter().copied().map(u16::from)
    }

    /// Signature algorithms.
    pub(crate) fn signatures(&self) -> impl Iterator<Item = u16> {
        pairs(self.list(kind::SIGNATURES))
    }

    /// Versions that the newer extension offers.
    pub(crate) fn versions(&self) -> impl Iterator<Item = u16> {
        pairs(short(&mut Cursor::new(self.data(kind::VERSIONS))).unwrap_or_default())
    }

    /// Application protocols that are offered.
    pub(crate) fn applications(&self) -> impl Iterator<Item = &'a [u8]> {
        applications(self.data(kind::APPLICATIONS))
    }

    /// The name of the server that is asked for.
    pub(crate) fn server_name(&self) -> Option<&'a [u8]> {
        const HOST_NAME: u8 = 0;
        let data = self.data(kind::SERVER_NAME);
        let mut names = Cursor::new(long(&mut Cursor::new(data))?);
        while let (Some(kind), Some(name)) = (names.u8(), long(&mut names)) {
            if kind == HOST_NAME && !name.is_empty() {
                return Some(name);
            }
        }
        None
    }

    /// Whether there is such an extension.
    pub(crate) fn has(&self, kind: u16) -> bool {
        self.extensions.iter().any(|extension| extension.kind == kind)
    }

    fn data(&self, kind: u16) -> &'a [u8] {
        data(&self.extensions, kind)
    }

    fn list(&self, kind: u16) -> &'a [u8] {
        long(&mut Cursor::new(self.data(kind))).unwrap_or_default()
    }
}

/// A server's hello.
#[derive(Debug)]
pub(crate) struct ServerHello<'a> {
    /// The version in its old place.
    pub(crate) version: u16,
    pub(crate) cipher: u16,
    pub(crate) extensions: Vec<Extension<'a>>,
    /// It asks the client for another hello (RFC 8446, 4.1.3).
    pub(crate) is_retry: bool,
    /// The extensions are all there, and none is malformed.
    pub(crate) is_whole: bool,
}

impl<'a> ServerHello<'a> {
    /// Reads the body of the message, as much of it as is there.
    pub(crate) fn read(body: &'a [u8]) -> Option<Self> {
        /// SHA-256 of "HelloRetryRequest".
        const RETRY: [u8; 8] = [0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11];
        let mut cursor = Cursor::new(body);
        let version = cursor.u16()?;
        let random = cursor.take(32)?;
        // The drafts of TLS 1.3 before the 22nd had no session and no compression here.
        let is_early_draft = matches!(version, 0x7f00..=0x7f15);
        if !is_early_draft {
            short(&mut cursor)?;
        }
        let cipher = cursor.u16()?;
        if !is_early_draft {
            cursor.skip(1)?;
        }
        let (extensions, is_whole) = extensions(cursor);
        Some(Self { version, cipher, extensions, is_retry: random.starts_with(&RETRY), is_whole })
    }

    /// The version that was chosen, wherever it stands.
    pub(crate) fn chosen_version(&self) -> u16 {
        Cursor::new(data(&self.extensions, kind::VERSIONS)).u16().unwrap_or(self.version)
    }

    /// The application protocol that was chosen.
    pub(crate) fn application(&self) -> Option<&'a [u8]> {
        applications(data(&self.extensions, kind::APPLICATIONS)).next()
    }
}

/// The extensions, and whether they are all there.
fn extensions(mut cursor: Cursor<'_>) -> (Vec<Extension<'_>>, bool) {
    let mut extensions = Vec::new();
    if cursor.is_empty() {
        return (extensions, true);
    }
    let Some(bytes) = cursor.u16() else { return (extensions, false) };
    let bytes = usize::from(bytes);
    let is_whole = cursor.len() >= bytes;
    let mut list = Cursor::new(cursor.rest().get(..bytes).unwrap_or(cursor.rest()));
    while !list.is_empty() {
        let (Some(kind), Some(data)) = (list.u16(), long(&mut list)) else { return (extensions, false) };
        extensions.push(Extension { kind, data });
    }
    (extensions, is_whole)
}

fn data<'a>(extensions: &[Extension<'a>], kind: u16) -> &'a [u8] {
    extensions.iter().find(|extension| extension.kind == kind).map_or(&[], |extension| extension.data)
}

fn applications(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut names = Cursor::new(long(&mut Cursor::new(data)).unwrap_or_default());
    std::iter::from_fn(move || short(&mut names))
}

/// Bytes after a length of one byte.
fn short<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let length = cursor.u8()?;
    cursor.take(usize::from(length))
}

/// Bytes after a length of two bytes.
fn long<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let length = cursor.u16()?;
    cursor.take(usize::from(length))
}

fn pairs(bytes: &[u8]) -> impl Iterator<Item = u16> {
    bytes.as_chunks::<2>().0.iter().copied().map(u16::from_be_bytes)
}
