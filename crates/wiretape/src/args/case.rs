//! `wiretape case`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::QuestionArgs;

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
    /// What is asked.
    #[command(flatten)]
    pub(crate) question: QuestionArgs,
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
}
