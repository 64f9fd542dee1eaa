//! hassh of SSH clients and servers (<https://github.com/salesforce/hassh>).

use md5::{Digest, Md5};

use super::hexadecimal;

/// MD5 of the lists of key exchange, encryption, authentication and compression that a side offers for what it sends.
pub(crate) fn hassh(lists: [&[u8]; 4]) -> String {
    hexadecimal(&Md5::digest(lists.join(&b';')))
}
