//! `wiretape iocs` and `wiretape sweep`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};
use investigate::indicators::Kind;

use super::{LimitArgs, QuestionArgs, SourceArgs, TimesArgs};

/// `wiretape iocs`
#[derive(Args, Debug)]
pub(crate) struct IocsArgs {
    /// What is asked.
    #[command(flatten)]
    pub(crate) question: QuestionArgs,
    /// How to print them [default: table]
    #[arg(long, value_name = "FORMAT", default_value = "table", hide_default_value = true)]
    pub(crate) format: IocsFormat,
    /// Leave out what this list covers: addresses, networks, domains with all names below them, hashes
    #[arg(long, value_name = "FILE")]
    pub(crate) allow: Option<PathBuf>,
    /// Only these: address, domain, url, email, user_agent, ja3, ja4, cert_sha1, cert_sha256, sha256 (of files). Of a tape
    /// all but url, cert_sha1 and sha256 come from rows of flows, without reading their packets
    #[arg(long, value_name = "KIND,…", value_delimiter = ',')]
    pub(crate) only: Vec<ListedKind>,
}

/// A kind of indicators that is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ListedKind(pub(crate) Kind);

impl FromStr for ListedKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // Networks are not told, and other hashes of a file stand beside its SHA-256.
        let listed = || Kind::ALL.into_iter().filter(|kind| !matches!(kind, Kind::Prefix | Kind::Md5 | Kind::Sha1));
        let found = listed().find(|kind| kind.name() == text.trim());
        let names = || listed().map(Kind::name).collect::<Vec<_>>().join(", ");
        found.map(Self).ok_or_else(|| format!("it is none of {}", names()))
    }
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
