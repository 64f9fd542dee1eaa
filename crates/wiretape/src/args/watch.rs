//! `wiretape watch`: alerts become holds.

use std::path::PathBuf;

use clap::Args;

use super::hold::TapeArgs;
use crate::units::{Ahead, Size, Span};

/// `wiretape watch`
#[derive(Args, Debug)]
pub(crate) struct WatchArgs {
    /// Where.
    #[command(flatten)]
    pub(crate) tape: TapeArgs,
    /// Alerts: Suricata's eve.json, Zeek's notice.log (TSV or JSON), or JSON lines with src_ip, dest_ip and time; - is
    /// standard input, unix:PATH and unixgram:PATH are sockets to listen on
    #[arg(long, alias = "alerts", value_name = "FILE|SOCKET")]
    pub(crate) eve: PathBuf,
    /// How much from before an alert is held
    #[arg(long, value_name = "SPAN", default_value = "10m")]
    pub(crate) before: Span,
    /// How much from after it
    #[arg(long, value_name = "SPAN", default_value = "20m")]
    pub(crate) after: Span,
    /// Only alerts of Suricata's that are as severe: 1 is the worst
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(crate) severity: u64,
    /// Most holds an hour; a quarter of them by one rule or because of one network
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) per_hour: usize,
    /// Most that one alert can have kept; what comes after that is not held
    #[arg(long, value_name = "SIZE", default_value = "64MiB")]
    pub(crate) max_size: Size,
    /// Who answers for the holds
    #[arg(long, value_name = "NAME", default_value = "watch")]
    pub(crate) owner: String,
    /// When somebody should look whether they are still needed [default: no date]
    #[arg(long, value_name = "DATE")]
    pub(crate) review: Option<Ahead>,
    /// Begin with what is in the file already, when it is watched for the first time
    #[arg(long)]
    pub(crate) from_start: bool,
    /// Take what is in the file, and end
    #[arg(long)]
    pub(crate) once: bool,
}
