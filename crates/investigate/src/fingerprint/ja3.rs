//! JA3 and JA3S (<https://github.com/salesforce/ja3>).

use md5::{Digest, Md5};

use super::{hexadecimal, is_grease};
use crate::protocols::tls::{ClientHello, ServerHello};

/// MD5 of the client's version, cipher suites, extensions, groups and point formats.
pub(crate) fn ja3(hello: &ClientHello<'_>) -> String {
    let text = format!(
        "{},{},{},{},{}",
        hello.version,
        dashed(hello.ciphers()),
        dashed(hello.extensions.iter().map(|extension| extension.kind)),
        dashed(hello.groups()),
        dashed(hello.point_formats()),
    );
    hexadecimal(&Md5::digest(text))
}

/// MD5 of the server's version, cipher suite and extensions.
pub(crate) fn ja3s(hello: &ServerHello<'_>) -> String {
    let extensions = dashed(hello.extensions.iter().map(|extension| extension.kind));
    hexadecimal(&Md5::digest(format!("{},{},{extensions}", hello.version, hello.cipher)))
}

fn dashed(values: impl Iterator<Item = u16>) -> String {
    let values: Vec<String> = values.filter(|&value| !is_grease(value)).map(|value| value.to_string()).collect();
    values.join("-")
}
