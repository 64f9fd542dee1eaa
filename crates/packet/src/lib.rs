//! Shared words, the decoding of headers, and capture files. No I/O beyond the `Read` and `Write` it is handed.
#![forbid(unsafe_code)]

mod address;
mod base64;
pub mod capture;
mod community_id;
mod cursor;
pub mod decode;
#[cfg(feature = "generate")]
pub mod generate;
mod key;
mod link;
mod protocol;
mod record;
mod time;

pub use address::{Address, Mac};
pub use base64::push_base64;
pub use community_id::community_id;
pub use cursor::Cursor;
pub use decode::{Headers, decode};
pub use key::FlowKey;
pub use link::LinkType;
pub use protocol::protocol_name;
pub use record::{Interface, Packet, PacketDirection};
pub use time::Timestamp;
