//! `wiretape files`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::QuestionArgs;

/// `wiretape files`
#[derive(Args, Debug)]
pub(crate) struct FilesArgs {
    /// What is asked.
    #[command(flatten)]
    pub(crate) question: QuestionArgs,
    /// Write them into a folder: each under its SHA-256, with what is known of it in a .json beside it; what is not
    /// whole under incomplete-…
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Each file in a zip of its own, with the password "infected"
    #[arg(long, requires = "out")]
    pub(crate) zip: bool,
    /// Match them against the YARA rules of this file; can be repeated
    #[arg(long, value_name = "RULES")]
    pub(crate) yara: Vec<PathBuf>,
    /// How to print them [default: table]
    #[arg(long, value_name = "FORMAT", default_value = "table", hide_default_value = true)]
    pub(crate) format: FilesFormat,
}

/// How files are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FilesFormat {
    /// For people
    Table,
    /// One JSON object a line
    Json,
}
