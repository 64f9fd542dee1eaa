//! `[[policy]]`: what is kept of some packets.

use std::str::FromStr;

use flow::Lane;
use record::Keep;
use serde::Deserialize;

use crate::units::{Size, Span, Word};

/// One `[[policy]]` of a configuration file; the first that matches a packet counts.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct PolicySettings {
    /// What it is called in counts; by default its number.
    pub(crate) name: Option<String>,
    /// Which packets: pcap-filter(7).
    #[serde(rename = "match")]
    pub(crate) expression: String,
    /// How much of them.
    #[serde(default)]
    pub(crate) keep: KeepWord,
    /// In which lane.
    pub(crate) lane: Option<LaneWord>,
    /// For how long at least, as far as holds have room.
    pub(crate) retain: Option<Span>,
}

/// full, head, a size, headers or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Word")]
pub(crate) struct KeepWord(pub(crate) Keep);

/// The name of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Word")]
pub(crate) struct LaneWord(pub(crate) Lane);

impl Default for KeepWord {
    fn default() -> Self {
        Self(Keep::Full)
    }
}

impl TryFrom<Word> for KeepWord {
    type Error = String;

    fn try_from(Word(text): Word) -> Result<Self, String> {
        Ok(Self(match text.trim() {
            "full" => Keep::Full,
            "head" => Keep::Head,
            "headers" => Keep::Headers,
            "none" => Keep::None,
            other => {
                let Size(bytes) = Size::from_str(other)
                    .map_err(|_| format!("{other:?} is not full, head, headers, none or a size such as 4KiB"))?;
                Keep::Bytes(u32::try_from(bytes).unwrap_or(u32::MAX))
            }
        }))
    }
}

impl TryFrom<Word> for LaneWord {
    type Error = String;

    fn try_from(Word(text): Word) -> Result<Self, String> {
        Lane::from_name(text.trim()).map(Self).ok_or_else(|| {
            let names: Vec<&str> = Lane::ALL.iter().map(|lane| lane.name()).collect();
            format!("{text:?} is no lane; there are {}", names.join(", "))
        })
    }
}
