//! What lies in `held/<hold>/` beside the hold's tape: `hold.toml` says what is wanted, `progress.json` what was done.

use std::collections::BTreeMap;

use packet::Timestamp;
use serde::{Deserialize, Serialize};

use super::state::Covers;
use super::time::{optional_rfc3339, serde_rfc3339};
use crate::Lane;

/// What a hold is for.
pub const ORDER: &str = "hold.toml";
/// What has been done for it.
pub const PROGRESS: &str = "progress.json";
/// That it is to end, and why.
pub const RELEASE: &str = "release.json";

/// Letters of a hold's name.
pub const NAME_LETTERS_MAX: usize = 64;

/// Whether a hold can have this name: it is one of a directory, and is typed by people.
pub fn is_name(name: &str) -> bool {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    plain && !name.starts_with(['.', '-']) && (1..=NAME_LETTERS_MAX).contains(&name.len())
}

/// `hold.toml`: what is to be kept, why, and for whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// When it was asked for.
    #[serde(with = "serde_rfc3339")]
    pub created: Timestamp,
    /// Flows with a packet that matches this are kept; all without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
    /// Only flows with a matching packet at or after this time.
    #[serde(default, with = "optional_rfc3339", skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// Only flows with a matching packet before this time; without it the hold goes on until it is released.
    #[serde(default, with = "optional_rfc3339", skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
    /// When somebody should look whether it is still needed.
    #[serde(default, with = "optional_rfc3339", skip_serializing_if = "Option::is_none")]
    pub review: Option<Timestamp>,
    /// Most captured bytes of packets; what comes after them is not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_max: Option<u64>,
    /// What is older than so many seconds goes: the hold of a policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retain_s: Option<u64>,
}

impl Order {
    /// The text of the file.
    pub fn encode(&self) -> String {
        let fields = toml::to_string(self).expect("an order is plain data");
        format!("# A hold of Wiretape; docs/holds.md says what it is.\n{fields}")
    }

    /// Reads the text of the file.
    pub fn decode(text: &str) -> Option<Self> {
        toml::from_str(text).ok()
    }
}

/// How far a hold is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// What is on the tape has not been copied yet, or not all of it.
    #[default]
    Copying,
    /// What was on the tape is kept, what comes will be.
    Following,
    /// All that it asks for is kept.
    Kept,
    /// What came later did not fit any more: it ends where it ends.
    Full,
    /// It was not kept at all.
    Refused,
}

impl State {
    /// The word in answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Copying => "copying",
            Self::Following => "following",
            Self::Kept => "kept",
            Self::Full => "full",
            Self::Refused => "refused",
        }
    }

    /// Whether there is nothing more to do for it.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Kept | Self::Full | Self::Refused)
    }
}

/// `progress.json`: what has been done for a hold. Files that it does not count are of a copy that was interrupted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// How far it is.
    pub state: State,
    /// Why it is full, was refused, or ends before its time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The tape's flow files up to this number have been looked at.
    pub flow_file: u64,
    /// Up to where these count the tape's packets.
    #[serde(default)]
    pub covers: Covers,
    /// The number of its last own flow file.
    pub rows_file: u64,
    /// By lane: the number of its last own segment.
    #[serde(default)]
    pub segments: BTreeMap<String, u64>,
    /// Flows that it keeps.
    pub flows: u64,
    /// Packets that it keeps.
    pub packets: u64,
    /// What was captured of them.
    pub captured_bytes: u64,
    /// Time of its earliest packet.
    #[serde(default, with = "optional_rfc3339", skip_serializing_if = "Option::is_none")]
    pub first: Option<Timestamp>,
    /// Time of its latest packet.
    #[serde(default, with = "optional_rfc3339", skip_serializing_if = "Option::is_none")]
    pub last: Option<Timestamp>,
    /// Matching flows of which packets had expired before they could be copied.
    pub incomplete_flows: u64,
    /// Lanes, or `flows`, that did not reach back far enough any more when it was asked for, and what they still had.
    #[serde(default)]
    pub expired: Vec<Expired>,
    /// Times without recording in what it asks for.
    #[serde(default)]
    pub gaps: u64,
    /// Of a policy: packets up to this time went before theirs, because there was no room.
    #[serde(default, with = "optional_rfc3339", skip_serializing_if = "Option::is_none")]
    pub given_up: Option<Timestamp>,
    /// When this was written.
    #[serde(with = "serde_rfc3339")]
    pub updated: Timestamp,
}

/// What a hold could not get because it was gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expired {
    /// A lane, or `flows`.
    pub lane: String,
    /// The oldest that was left.
    #[serde(default, with = "optional_rfc3339", skip_serializing_if = "Option::is_none")]
    pub oldest: Option<Timestamp>,
}

impl Progress {
    /// Whether a policy's hold reaches back as far as it should, as far as there was anything.
    pub fn retains(&self, order: &Order, now: Timestamp) -> bool {
        let span_ns = order
            .retain_s
            .map_or(i64::MAX, |seconds| i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000_000_000));
        self.given_up.is_none_or(|given_up| now.since(given_up) >= span_ns)
    }

    /// The text of the file.
    pub fn encode(&self) -> String {
        let mut text = serde_json::to_string(self).expect("progress is plain data");
        text.push('\n');
        text
    }

    /// Reads the text of the file.
    pub fn decode(text: &[u8]) -> Option<Self> {
        serde_json::from_slice(text).ok()
    }

    /// The number of its last segment in a lane.
    pub fn last_segment(&self, lane: Lane) -> u64 {
        self.segments.get(lane.name()).copied().unwrap_or(0)
    }
}

/// `release.json`: that a hold is to end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// Why, if anybody said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_written_and_read() {
        let order = Order {
            reason: "a \"quoted\"\nreason".into(),
            owner: "soc@example.org".into(),
            created: Timestamp(1_795_401_065_123_456_789),
            expression: Some("host 203.0.113.7 and not port 22".into()),
            from: Some(Timestamp(0)),
            to: None,
            review: Some(Timestamp(1_800_000_000_000_000_000)),
            bytes_max: Some(1 << 26),
            retain_s: None,
        };
        let text = order.encode();
        assert!(text.contains("created = \"2026-11-23T02:31:05.123456789Z\"\n"), "{text}");
        assert_eq!(Order::decode(&text), Some(order));
        assert_eq!(Order::decode("reason = 1"), None);
    }

    #[test]
    fn progress_is_written_and_read() {
        let progress = Progress {
            state: State::Following,
            flow_file: 7,
            segments: [("client".to_owned(), 3)].into(),
            first: Some(Timestamp(1)),
            expired: vec![Expired { lane: "bulk".into(), oldest: None }],
            ..Progress::default()
        };
        assert_eq!(Progress::decode(progress.encode().as_bytes()), Some(progress.clone()));
        assert_eq!((progress.last_segment(Lane::Client), progress.last_segment(Lane::Bulk)), (3, 0));
    }

    #[test]
    fn names_are_those_of_directories() {
        let long = "x".repeat(65);
        for (name, expected) in [
            ("20261123-ssh", true),
            ("a.b_c", true),
            ("", false),
            (".a", false),
            ("-a", false),
            ("a/b", false),
            ("ä", false),
            (&long, false),
        ] {
            assert_eq!(is_name(name), expected, "{name}");
        }
    }
}
