//! `wiretape iocs` and `wiretape sweep`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{LimitArgs, SourceArgs, TimesArgs};

/// `wiretape iocs`
#[derive(Args, Debug)]
pub(crate) struct IocsArgs {
    /// Where to look.
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    /// When.
    #[command(flatten)]
    pub(crate) times: TimesArgs,
    /// How to print them [default: table]
    #[arg(long, value_name = "FORMAT", default_value = "table", hide_default_value = true)]
    pub(crate) format: IocsFormat,
    /// Leave out what this list covers: addresses, networks, domains with all names below them, hashes
    #[arg(long, value_name = "FILE")]
    pub(crate) allow: Option<PathBuf>,
    /// What it may take.
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    /// pcap-filter(7) and field predicates; everything that was said in flows that match
    #[arg(value_name = "EXPR")]
    pub(crate) expression: Vec<String>,
}

/// How indicators are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum IocsFormat {
    /// For people
    Table,
    /// RFC 4180, with a header
    Csv,
    /// One JSON object a line
    Json,
    /// A STIX 2.1 bundle
    Stix,
    /// A MISP event
    Misp,
}

/// `wiretape sweep`
#[derive(Args, Debug)]
pub(crate) struct SweepArgs {
    /// Where to look.
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    /// When.
    #[command(flatten)]
    pub(crate) times: TimesArgs,
    /// Look for them in all payload that is kept, too
    #[arg(long)]
    pub(crate) deep: bool,
    /// How to print what was seen [default: table]
    #[arg(long, value_name = "FORMAT", default_value = "table", hide_default_value = true)]
    pub(crate) format: SweepFormat,
    /// What it may take.
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    /// A list (one a line, CSV), a STIX 2 bundle, a MISP event, EVE lines, a Zeek intel file, or a report; - is standard
    /// input
    #[arg(value_name = "INDICATORS")]
    pub(crate) indicators: PathBuf,
}

/// How sightings are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SweepFormat {
    /// For people
    Table,
    /// One JSON object a line: indicators, then hosts, then hours
    Json,
}
