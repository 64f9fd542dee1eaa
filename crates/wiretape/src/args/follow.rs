//! `wiretape follow`.

use clap::{Args, ValueEnum};

use super::{SourceArgs, TimesArgs};

/// `wiretape follow`
#[derive(Args, Debug)]
pub(crate) struct FollowArgs {
    /// Where to look.
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    /// When.
    #[command(flatten)]
    pub(crate) times: TimesArgs,
    /// How to show it [default: text]
    #[arg(long, value_name = "FORMAT", default_value = "text", hide_default_value = true)]
    pub(crate) format: FollowFormat,
    /// Only what this side said
    #[arg(long, value_name = "SIDE")]
    pub(crate) side: Option<WantedSide>,
    /// The flow: its id, as flows shows it, its Community ID, or an expression that only one flow matches
    #[arg(value_name = "FLOW", required = true)]
    pub(crate) flow: Vec<String>,
}

/// How a conversation is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FollowFormat {
    /// As lines, with what is not text escaped
    Text,
    /// As hex with offsets, as hexdump -C
    Hex,
    /// The bytes as they are
    Raw,
    /// One JSON object a line, for each piece: time, side, offset, arrival, data in base64
    Json,
}

/// A side of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum WantedSide {
    /// Who began it
    Client,
    /// Who was talked to
    Server,
}
