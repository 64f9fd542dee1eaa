//! `tape.toml`: what a tape is.

use packet::Timestamp;
use serde::{Deserialize, Serialize};

use super::time::serde_rfc3339;

/// The format that this version reads and writes.
pub const FORMAT: u32 = 1;

/// What `tape.toml` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Version of the format.
    pub format: u32,
    /// 32 hex digits, made with the tape.
    pub id: String,
    /// The host's name when the tape was made.
    pub sensor: String,
    /// When the tape was made.
    #[serde(with = "serde_rfc3339")]
    pub created: Timestamp,
}

/// Why `tape.toml` could not be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// It is of another version.
    Version(i64),
    /// It is not what `tape.toml` has to be.
    Malformed,
}

impl Identity {
    /// The text of the file.
    pub fn encode(&self) -> String {
        let Self { format, id, sensor, created } = self;
        let sensor = toml::Value::String(sensor.clone());
        let created = super::time::rfc3339(*created);
        format!(
            "# A tape of Wiretape; docs/format.md draws it.\nformat = {format}\nid = \"{id}\"\nsensor = {sensor}\ncreated = \"{created}\"\n"
        )
    }

    /// Reads the text of the file; the version is judged before anything else, since others may have other fields.
    pub fn decode(text: &str) -> Result<Self, Unfit> {
        let table: toml::Table = text.parse().map_err(|_| Unfit::Malformed)?;
        let format = table.get("format").and_then(toml::Value::as_integer).ok_or(Unfit::Malformed)?;
        if format != i64::from(FORMAT) {
            return Err(Unfit::Version(format));
        }
        let identity: Self = table.try_into().map_err(|_| Unfit::Malformed)?;
        let hex = identity.id.len() == 32 && identity.id.bytes().all(|byte| byte.is_ascii_hexdigit());
        if hex { Ok(identity) } else { Err(Unfit::Malformed) }
    }

    /// The id as bytes: the key of the tape's hashes.
    pub fn id_bytes(&self) -> [u8; 16] {
        u128::from_str_radix(&self.id, 16).unwrap_or_default().to_be_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_written_and_read() {
        let identity = Identity {
            format: FORMAT,
            id: "00112233445566778899aabbccddeeff".into(),
            sensor: "a \"quoted\" host\n".into(),
            created: Timestamp(1_795_401_065_123_456_789),
        };
        assert_eq!(Identity::decode(&identity.encode()), Ok(identity.clone()));
        assert_eq!(identity.id_bytes()[..4], [0, 0x11, 0x22, 0x33]);
    }

    #[test]
    fn another_version_is_told_from_nonsense() {
        assert_eq!(Identity::decode("format = 2\nwhatever = []"), Err(Unfit::Version(2)));
        assert_eq!(Identity::decode("format = 1\n"), Err(Unfit::Malformed));
        assert_eq!(Identity::decode("\0\0\0"), Err(Unfit::Malformed));
    }
}
