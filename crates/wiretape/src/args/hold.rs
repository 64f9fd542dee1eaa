//! `wiretape hold`: keeping flows out of the reach of ageing.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::question::{TimesArgs, WHERE};
use crate::units::{Ahead, Size, Span};

/// `wiretape hold`
#[derive(Args, Debug)]
pub(crate) struct HoldArgs {
    /// What to do with holds.
    #[command(subcommand)]
    pub(crate) command: HoldCommand,
}

/// What can be done with holds.
#[derive(Debug, Subcommand)]
pub(crate) enum HoldCommand {
    /// Keep the flows that match, those to come too if the range has no end
    Add(Box<HoldAddArgs>),
    /// List the holds of a tape
    List(HoldListArgs),
    /// Show all that is known of a hold
    Show(HoldShowArgs),
    /// End a hold: what it keeps goes, unless the tape still has it
    Release(HoldReleaseArgs),
}

/// The tape whose holds are meant.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct TapeArgs {
    /// The tape, or a folder that holds exactly one [default: $WIRETAPE_TAPE, the recorder running here, or
    /// /var/lib/wiretape]
    #[arg(long, value_name = "DIR", help_heading = WHERE)]
    pub(crate) tape: Option<PathBuf>,
}

/// `wiretape hold add`
#[derive(Args, Debug)]
pub(crate) struct HoldAddArgs {
    /// Where.
    #[command(flatten)]
    pub(crate) tape: TapeArgs,
    /// When: flows with a matching packet in this time are kept whole.
    #[command(flatten)]
    pub(crate) times: TimesArgs,
    /// Why they are kept
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// Who answers for it
    #[arg(long, value_name = "NAME")]
    pub(crate) owner: String,
    /// When somebody should look whether it is still needed: 2027-01-31, or in 90d
    #[arg(long, value_name = "DATE")]
    pub(crate) review: Option<Ahead>,
    /// Go on for so long with what comes [default: until it is released, where the range has no end]
    #[arg(long, value_name = "SPAN", conflicts_with = "to")]
    pub(crate) follow: Option<Span>,
    /// Most bytes of packets that it may keep; what comes after them is not kept [default: what there is room for]
    #[arg(long, value_name = "SIZE")]
    pub(crate) max_size: Option<Size>,
    /// What to call it: letters, digits, -, _ and . [default: the time and the reason's first words]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// How to print it [default: text]
    #[arg(long, value_name = "FORMAT", default_value = "text", hide_default_value = true)]
    pub(crate) format: HoldFormat,
    /// pcap-filter(7) and field predicates; without it everything of that time
    #[arg(value_name = "EXPR")]
    pub(crate) expression: Vec<String>,
}

/// `wiretape hold list`
#[derive(Args, Debug)]
pub(crate) struct HoldListArgs {
    /// Where.
    #[command(flatten)]
    pub(crate) tape: TapeArgs,
    /// How to print them: as a table, or one JSON object a line [default: text]
    #[arg(long, value_name = "FORMAT", default_value = "text", hide_default_value = true)]
    pub(crate) format: HoldFormat,
}

/// `wiretape hold show`
#[derive(Args, Debug)]
pub(crate) struct HoldShowArgs {
    /// Where.
    #[command(flatten)]
    pub(crate) tape: TapeArgs,
    /// How to print it [default: text]
    #[arg(long, value_name = "FORMAT", default_value = "text", hide_default_value = true)]
    pub(crate) format: HoldFormat,
    /// Its name
    #[arg(value_name = "HOLD")]
    pub(crate) name: String,
}

/// `wiretape hold release`
#[derive(Args, Debug)]
pub(crate) struct HoldReleaseArgs {
    /// Where.
    #[command(flatten)]
    pub(crate) tape: TapeArgs,
    /// Why it is not needed any more; goes into the log
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Who says so; goes into the log
    #[arg(long, value_name = "NAME")]
    pub(crate) owner: Option<String>,
    /// Its name
    #[arg(value_name = "HOLD")]
    pub(crate) name: String,
}

/// How holds are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum HoldFormat {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}
