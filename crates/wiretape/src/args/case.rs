//! `wiretape case`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{LimitArgs, SourceArgs, TimesArgs};

/// `wiretape case`
#[derive(Args, Debug)]
pub(crate) struct CaseArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: CaseCommand,
}

/// What can be done with a case.
#[derive(Debug, Subcommand)]
pub(crate) enum CaseCommand {
    /// Write one zip: packets, flows, files, indicators, holds, coverage, a report, SHA-256 sums
    #[command(after_help = super::examples::CASE)]
    Export(CaseExportArgs),
}

/// `wiretape case export`
#[derive(Args, Debug)]
pub(crate) struct CaseExportArgs {
    /// Where to look.
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    /// When.
    #[command(flatten)]
    pub(crate) times: TimesArgs,
    /// The zip
    #[arg(short = 'o', long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// What the case is called [default: what was asked]
    #[arg(long, value_name = "TEXT")]
    pub(crate) title: Option<String>,
    /// Only list the files that were transferred: the zip has none of them
    #[arg(long)]
    pub(crate) no_files: bool,
    /// Leave out of the indicators what this list covers
    #[arg(long, value_name = "FILE")]
    pub(crate) allow: Option<PathBuf>,
    /// What it may take.
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    /// pcap-filter(7) and field predicates; flows that match go in whole
    #[arg(value_name = "EXPR")]
    pub(crate) expression: Vec<String>,
}
