//! What can be said on the command line, in Wiretape's own spelling.

mod case;
mod examples;
mod field;
mod files;
mod follow;
mod hold;
mod indicators;
mod question;
mod replay;
mod watch;

use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

pub(crate) use case::{CaseArgs, CaseCommand, CaseExportArgs};
pub(crate) use field::ByField;
pub(crate) use files::{FilesArgs, FilesFormat};
pub(crate) use follow::{FollowArgs, FollowFormat, WantedSide};
pub(crate) use hold::{HoldAddArgs, HoldArgs, HoldCommand, HoldFormat, HoldReleaseArgs};
pub(crate) use indicators::{IocsArgs, IocsFormat, SweepArgs, SweepFormat};
pub(crate) use question::{LimitArgs, QuestionArgs, SourceArgs, TimesArgs, expression};
pub(crate) use replay::{Replaced, ReplayArgs};
pub(crate) use watch::WatchArgs;

use crate::aggregate::{Interval, SortBy};
use crate::settings::{Prefixes, Settings};
use crate::units::{Limit, Moment, Size, Span};

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "wiretape",
    version,
    about = "A flight recorder for a server's network",
    after_help = AFTER_HELP,
    disable_help_subcommand = true,
    infer_subcommands = false
)]
pub(crate) struct Cli {
    /// What to do; nothing shows examples.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// The options that make an answer of many flows.
const SUMS: &str = "Sums";

const AFTER_HELP: &str = "\
tcpdump's own spelling works too, when the first argument starts with a dash:
  wiretape -i eth0 -n -s 0 -C 1000 -W 10 -w /data/dump.pcap

Exit status: 0 done; 1 nothing matched; 2 wrong call; 3 damaged data; 4 the system said no; 5 nothing matched, but not \
everything could be looked at.";

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Record the network onto a tape
    Record(Box<RecordArgs>),
    /// Bring captures (pcap, pcapng, .gz, .zst) onto a tape of their own
    Import(ImportArgs),
    /// List conversations, or sum them
    #[command(after_help = examples::FLOWS, after_long_help = examples::FLOWS_LONG)]
    Flows(FlowsArgs),
    /// Get packets, as text or as a capture
    #[command(after_help = examples::PACKETS)]
    Packets(PacketsArgs),
    /// Show what the two sides of a conversation said
    #[command(after_help = examples::FOLLOW)]
    Follow(FollowArgs),
    /// List the files that were transferred, with their hashes, or write them
    #[command(after_help = examples::FILES)]
    Files(FilesArgs),
    /// List what tells of others: addresses, names, URLs, hashes, fingerprints; also as STIX and MISP
    #[command(after_help = examples::IOCS)]
    Iocs(IocsArgs),
    /// Tell where indicators of a list or a report have been seen
    #[command(after_help = examples::SWEEP)]
    Sweep(SweepArgs),
    /// Send packets out of an interface, as they came
    #[command(after_help = examples::REPLAY)]
    Replay(ReplayArgs),
    /// Put together what there is of an incident, for others
    #[command(after_help = examples::CASE)]
    Case(CaseArgs),
    /// Keep flows out of the reach of ageing
    #[command(after_help = examples::HOLD)]
    Hold(HoldArgs),
    /// Make holds of the alerts of others: Suricata, Zeek, or anything that writes JSON lines
    #[command(after_help = examples::WATCH)]
    Watch(Box<WatchArgs>),
    /// Show what a filter compiles to, or try it on a capture
    Filter(FilterArgs),
    /// Tell what a tape holds and how far back it reaches
    Status(StatusArgs),
    /// Measure the rates that this host sustains
    Bench(BenchArgs),
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
    /// Print the manual page
    Man,
}

/// `wiretape record`
#[derive(Args, Debug)]
pub(crate) struct RecordArgs {
    /// Configuration file [default: $WIRETAPE_CONFIG, or /etc/wiretape.toml if it is there]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The settings that a file or the environment can give too.
    #[command(flatten)]
    pub(crate) settings: Settings,
    /// Record only what matches (pcap-filter(7)); a filter loses what it leaves out
    #[arg(value_name = "EXPR")]
    pub(crate) expression: Vec<String>,
}

/// `wiretape import`
#[derive(Args, Debug)]
pub(crate) struct ImportArgs {
    /// The tape, made when it is missing
    #[arg(long, value_name = "DIR")]
    pub(crate) tape: PathBuf,
    /// Compression of the tape
    #[arg(long, value_name = "LEVEL")]
    pub(crate) compress: Option<crate::settings::Compression>,
    /// Disk that stays free whatever others do [default: 5%, but at most 1GiB unless --as-live]
    #[arg(long, value_name = "SIZE")]
    pub(crate) keep_free: Option<Limit>,
    /// Import captures that the tape has already once more
    #[arg(long)]
    pub(crate) again: bool,
    /// Do with the packets what a recorder does as they come, at the times that they bear: keep a budget, age,
    /// tell junk from the rest
    #[arg(long)]
    pub(crate) as_live: bool,
    /// As when recording.
    #[command(flatten)]
    pub(crate) live: AsLiveArgs,
    /// Captures, in this order; - is standard input
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
}

/// What `import --as-live` does as `record` does.
#[derive(Args, Debug)]
#[command(next_help_heading = "As live")]
pub(crate) struct AsLiveArgs {
    /// Most disk that the tape may take, as 10GB or 20% of the file system [default: 20%]
    #[arg(long, value_name = "SIZE", requires = "as_live")]
    pub(crate) budget: Option<Limit>,
    /// First bytes of a flow, which are kept longest [default: 16KiB]
    #[arg(long, value_name = "SIZE", requires = "as_live")]
    pub(crate) head: Option<Size>,
    /// Nothing older is kept, even if there is room
    #[arg(long, value_name = "SPAN", requires = "as_live")]
    pub(crate) max_age: Option<Span>,
    /// No flow row older is kept [default: as --max-age]
    #[arg(long, value_name = "SPAN", requires = "as_live")]
    pub(crate) max_age_flows: Option<Span>,
    /// Segments are closed at this age [default: 24h]
    #[arg(long, value_name = "SPAN", requires = "as_live")]
    pub(crate) roll: Option<Span>,
    /// Networks that are ours [default: the private ranges]
    #[arg(long, value_name = "PREFIX,…", requires = "as_live")]
    pub(crate) home_net: Option<Prefixes>,
}

/// `wiretape flows`
#[derive(Args, Debug)]
pub(crate) struct FlowsArgs {
    /// What is asked.
    #[command(flatten)]
    pub(crate) question: QuestionArgs,
    /// Go on with what is being recorded, until interrupted or the recorder stops
    #[arg(long)]
    pub(crate) live: bool,
    /// At most this many
    #[arg(short = 'c', long, value_name = "N")]
    pub(crate) limit: Option<u64>,
    /// Instead of flows, the N greatest groups of flows that have the same values of --by
    #[arg(long, value_name = "N", requires = "by", conflicts_with_all = ["live", "limit"], help_heading = SUMS)]
    pub(crate) top: Option<usize>,
    /// Fields to group by, such as dest_ip,dest_port (addr and port_any: of either side); without --top all groups
    #[arg(long, value_name = "FIELD,…", value_delimiter = ',', conflicts_with = "live", help_heading = SUMS)]
    pub(crate) by: Vec<ByField>,
    /// What the greatest groups have most of [default: bytes]
    #[arg(long, value_name = "WHAT", requires = "by", help_heading = SUMS)]
    pub(crate) sort: Option<SortBy>,
    /// Instead of flows, destinations, names and fingerprints (or the values of --by) that no flow had before TIME
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, help_heading = SUMS)]
    #[arg(conflicts_with_all = ["live", "top", "sort", "last"])]
    pub(crate) new_since: Option<Moment>,
    /// Instead of flows, how much there was when: packets and bytes spread evenly over each flow's time (packets
    /// --histogram counts each packet)
    #[arg(long, conflicts_with_all = ["live", "limit", "by", "new_since"], help_heading = SUMS)]
    pub(crate) histogram: bool,
    /// Width of the histogram's buckets: 1s, 1m, 1h, 1d, … [default: auto]
    #[arg(long, value_name = "SPAN", requires = "histogram", help_heading = SUMS)]
    pub(crate) interval: Option<Interval>,
    /// How to print them [default: table]
    #[arg(long, value_name = "FORMAT", default_value = "table", hide_default_value = true)]
    pub(crate) format: FlowFormat,
}

/// How flows are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FlowFormat {
    /// For people
    Table,
    /// One JSON object a line
    Json,
    /// RFC 4180, with a header
    Csv,
    /// Zeek's conn.log
    Zeek,
    /// Suricata's EVE flow events
    Eve,
}

/// `wiretape packets`
#[derive(Args, Debug)]
pub(crate) struct PacketsArgs {
    /// What is asked.
    #[command(flatten)]
    pub(crate) question: QuestionArgs,
    /// Go on with what is being recorded, until interrupted or the recorder stops
    #[arg(long)]
    pub(crate) live: bool,
    /// All packets of every flow that has a packet that matches
    #[arg(long)]
    pub(crate) whole_flows: bool,
    /// Only these flows: ids with commas between, or - to read them (or the output of flows) from standard input
    #[arg(long, value_name = "IDS|-")]
    pub(crate) flows: Option<String>,
    /// At most this many
    #[arg(short = 'c', long, value_name = "N")]
    pub(crate) limit: Option<u64>,
    /// Instead of packets, how many there were when, as a table
    #[arg(long, conflicts_with_all = ["live", "write"], help_heading = SUMS)]
    pub(crate) histogram: bool,
    /// Width of the histogram's buckets: 1s, 1m, 1h, 1d, … [default: auto]
    #[arg(long, value_name = "SPAN", requires = "histogram", help_heading = SUMS)]
    pub(crate) interval: Option<Interval>,
    /// Write a capture; - is standard output; a name in .gz or .zst is compressed
    #[arg(short = 'w', long, value_name = "FILE|-")]
    pub(crate) write: Option<PathBuf>,
    /// Format of the capture [default: what FILE's name ends in, or else pcapng]
    #[arg(long, value_name = "FORMAT", requires = "write")]
    pub(crate) format: Option<CaptureFormat>,
    /// Link layer of the capture [default: keep, where it can have several]
    #[arg(long, value_name = "LINK", requires = "write")]
    pub(crate) link: Option<LinkWanted>,
    /// Write a large capture without asking (only a terminal is asked)
    #[arg(short = 'y', long, requires = "write")]
    pub(crate) yes: bool,
    /// Write it so that others may see it: addresses mapped prefix by prefix (Crypto-PAn), payload cut off or with other
    /// names in it
    #[arg(long, requires = "write", alias = "anonymize")]
    pub(crate) anonymise: bool,
    /// Key for that, 32 bytes or 64 hex digits: the same key maps the same addresses alike [default: a new one]
    #[arg(long, value_name = "FILE", requires = "anonymise", alias = "anonymize-key")]
    pub(crate) anonymise_key: Option<PathBuf>,
    /// What becomes of payload then [default: cut]
    #[arg(long, value_name = "WHAT", requires = "anonymise", alias = "anonymize-payload", default_value = "cut")]
    #[arg(hide_default_value = true)]
    pub(crate) anonymise_payload: AnonymisedPayload,
}

/// What becomes of payload that others may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AnonymisedPayload {
    /// It is cut off
    Cut,
    /// That of DNS, HTTP/1 and TLS is kept with other names, cookies and credentials in it; bodies stay as they are
    Keep,
}

/// How captures are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CaptureFormat {
    /// The format of Wireshark, with interfaces and directions
    Pcapng,
    /// The classic format, in nanoseconds, of a single link type
    Pcap,
}

/// What becomes of link layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LinkWanted {
    /// As recorded
    Keep,
    /// Ethernet
    Ether,
    /// Linux cooked capture v2
    Sll2,
}

/// `wiretape filter`
#[derive(Args, Debug)]
pub(crate) struct FilterArgs {
    /// Print the program as tcpdump does: -d for people, -dd as C, -ddd as numbers
    #[arg(short = 'd', action = clap::ArgAction::Count)]
    pub(crate) dump: u8,
    /// Link type to compile for, by its DLT name [default: EN10MB]
    #[arg(long, short = 'y', value_name = "LINK")]
    pub(crate) link: Option<String>,
    /// Try it on a capture
    #[arg(short = 'r', long = "read", value_name = "FILE")]
    pub(crate) read: Option<PathBuf>,
    /// Print the numbers of the frames that match, the first is 1
    #[arg(long, requires = "read", conflicts_with = "count")]
    pub(crate) frames: bool,
    /// Print how many frames match
    #[arg(long, requires = "read")]
    pub(crate) count: bool,
    /// pcap-filter(7)
    #[arg(value_name = "EXPR", required = true)]
    pub(crate) expression: Vec<String>,
}

/// `wiretape status`
#[derive(Args, Debug)]
pub(crate) struct StatusArgs {
    /// Where to look.
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    /// Exit with 0 if all is well; with 1, and what is wrong on stderr, if no recorder is at work, packets are lost because
    /// the disk does not take them, or anything is damaged or missing (also while damaged/ holds anything)
    #[arg(long)]
    pub(crate) check: bool,
    /// How to print it [default: text]
    #[arg(long, value_name = "FORMAT", default_value = "text", hide_default_value = true)]
    pub(crate) format: StatusFormat,
}

/// How a status is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StatusFormat {
    /// For people
    Text,
    /// One JSON object
    Json,
}

/// `wiretape bench`
#[derive(Args, Debug)]
pub(crate) struct BenchArgs {
    /// How long to measure, all together
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) seconds: u64,
    /// Folder to write into [default: the one for temporary files]
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

/// `wiretape completions`
#[derive(Args, Debug)]
pub(crate) struct CompletionsArgs {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}

/// The command line as clap knows it, for completions and the manual page.
pub(crate) fn command() -> clap::Command {
    Cli::command()
}
