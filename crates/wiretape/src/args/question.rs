//! What questions have in common: where to look, and when.

use std::path::PathBuf;

use clap::Args;

use crate::units::{Moment, Size, Span};

/// The options that all questions have.
pub(super) const WHERE: &str = "Where and when";

/// A question: what all commands that ask about flows and packets have.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct QuestionArgs {
    /// Where to look.
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    /// When.
    #[command(flatten)]
    pub(crate) times: TimesArgs,
    /// What it may take.
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    /// Which: pcap-filter(7) and field predicates: host 10.0.0.1, 'dest_port = 443 and bytes_toclient gt 1M' (in quotes
    /// where the shell would take signs for its own)
    #[arg(value_name = "EXPR")]
    pub(crate) expression: Vec<String>,
}

/// SOURCE.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct SourceArgs {
    /// The tape, or a folder that holds exactly one [default: $WIRETAPE_TAPE, the recorder running here, or
    /// /var/lib/wiretape]
    #[arg(long, value_name = "DIR", help_heading = WHERE)]
    pub(crate) tape: Option<PathBuf>,
    /// A capture instead of a tape; can be repeated; - is standard input
    #[arg(short = 'r', long = "read", value_name = "FILE", conflicts_with = "tape", help_heading = WHERE)]
    pub(crate) read: Vec<PathBuf>,
}

/// TIMES.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct TimesArgs {
    /// Only the last of it: 90s, 5m, 2h, 3d, 1w
    #[arg(long, value_name = "SPAN", conflicts_with_all = ["from", "to"], allow_hyphen_values = true, help_heading = WHERE)]
    pub(crate) last: Option<Span>,
    /// Not before this time: 2026-11-23T10:00:00Z, "2026-11-23 10:00", 10:00, today, yesterday, -2h, 1795428000; a
    /// time without a zone is this host's (a notice shows it in UTC)
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, alias = "since", help_heading = WHERE)]
    pub(crate) from: Option<Moment>,
    /// Before this time, written likewise
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, alias = "until", help_heading = WHERE)]
    pub(crate) to: Option<Moment>,
}

/// What a question may take.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct LimitArgs {
    /// Most memory that the question may take [default: a quarter of what there is, 128 MiB to 4 GiB]
    #[arg(long, value_name = "SIZE", hide_short_help = true)]
    pub(crate) memory: Option<Size>,
    /// Say before the answer what will be done for it and what that costs, and behind it what each stage left and how
    /// long it took; with --format json as JSON on stderr
    #[arg(long)]
    pub(crate) explain: bool,
}

/// The words of an expression as one text; `None` if there are none.
pub(crate) fn expression(words: &[String]) -> Option<String> {
    let text = words.join(" ");
    (!text.trim().is_empty()).then_some(text)
}
