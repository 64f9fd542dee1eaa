//! What a recorder can be told: by flags, the environment, a file, in this order of precedence, or by default.

mod layers;
mod policy;
mod values;

use std::path::PathBuf;

use clap::Args;
use serde::Deserialize;

pub(crate) use layers::{environment, from_environment, layered};
pub(crate) use policy::PolicySettings;
pub(crate) use values::{Compression, Directions, Interfaces, Prefixes, Switch};

use crate::units::{Limit, Size, Span};

/// The settings of a recorder. A flag `--max-age` is `max-age` in the file and `WIRETAPE_MAX_AGE` in the environment.
#[derive(Args, Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Settings {
    /// Interfaces: auto (the uplinks, and bridges' heads), any (every one), or names with commas between [default: auto]
    #[arg(short = 'i', long, value_name = "auto|any|IFACE,…")]
    pub(crate) interface: Option<Interfaces>,
    /// Where to record [default: /var/lib/wiretape]
    #[arg(long, value_name = "DIR")]
    pub(crate) tape: Option<PathBuf>,
    /// Most disk that the tape may take, as 10GB or 20% of the file system [default: 20%]
    #[arg(long, value_name = "SIZE")]
    pub(crate) budget: Option<Limit>,
    /// Disk that stays free whatever others do [default: 5%]
    #[arg(long, value_name = "SIZE")]
    pub(crate) keep_free: Option<Limit>,
    /// Most of the budget that holds may take, as 10GB or 20% of the budget [default: 10%]
    #[arg(long, value_name = "SIZE")]
    pub(crate) hold_budget: Option<Limit>,
    /// First bytes of a flow, which are kept longest [default: 16KiB]
    #[arg(long, value_name = "SIZE")]
    pub(crate) head: Option<Size>,
    /// Most bytes kept of a packet; 0 is all [default: 0]
    #[arg(long, value_name = "N")]
    #[serde(deserialize_with = "values::number")]
    pub(crate) snaplen: Option<u32>,
    /// Nothing older is kept, even if there is room
    #[arg(long, value_name = "SPAN")]
    pub(crate) max_age: Option<Span>,
    /// No flow row older is kept [default: as --max-age]
    #[arg(long, value_name = "SPAN")]
    pub(crate) max_age_flows: Option<Span>,
    /// Segments are closed at this age [default: 24h]
    #[arg(long, value_name = "SPAN")]
    pub(crate) roll: Option<Span>,
    /// How often data is forced to the disk [default: 5s]
    #[arg(long, value_name = "SPAN")]
    pub(crate) sync: Option<Span>,
    /// zstd level 1 to 3, or none [default: 1]
    #[arg(long, value_name = "LEVEL")]
    pub(crate) compress: Option<Compression>,
    /// Networks that are ours on interfaces without addresses [default: the private ranges]
    #[arg(long, value_name = "PREFIX,…")]
    pub(crate) home_net: Option<Prefixes>,
    /// Memory of the kernel's rings together [default: 64MiB]
    #[arg(long, value_name = "SIZE")]
    pub(crate) buffer: Option<Size>,
    /// Kernel rings that share one interface, each read by a thread of its own [default: 1]
    #[arg(long, value_name = "N")]
    #[serde(deserialize_with = "values::number")]
    pub(crate) threads: Option<u32>,
    /// Only packets in, out, or both
    #[arg(short = 'Q', long, value_name = "in|out|inout")]
    pub(crate) direction: Option<Directions>,
    /// Leave the interfaces' promiscuous mode alone
    #[arg(short = 'p', long, num_args = 0..=1, default_missing_value = "true", require_equals = true, value_name = "true|false")]
    pub(crate) no_promiscuous: Option<Switch>,
    /// Become this user once everything is open: a name, UID or UID:GID
    #[arg(short = 'Z', long, value_name = "USER")]
    pub(crate) user: Option<String>,
    /// Name of this sensor [default: the host's]
    #[arg(long, value_name = "NAME")]
    pub(crate) sensor: Option<String>,
    /// What is kept of some packets; in a file alone.
    #[arg(skip)]
    pub(crate) policy: Vec<PolicySettings>,
    /// The expression: positional on the command line.
    #[arg(skip)]
    pub(crate) filter: Option<String>,
}

impl Settings {
    /// These settings, and those of `below` where these say nothing.
    pub(crate) fn over(self, below: Self) -> Self {
        Self {
            interface: self.interface.or(below.interface),
            tape: self.tape.or(below.tape),
            budget: self.budget.or(below.budget),
            keep_free: self.keep_free.or(below.keep_free),
            hold_budget: self.hold_budget.or(below.hold_budget),
            head: self.head.or(below.head),
            snaplen: self.snaplen.or(below.snaplen),
            max_age: self.max_age.or(below.max_age),
            max_age_flows: self.max_age_flows.or(below.max_age_flows),
            roll: self.roll.or(below.roll),
            sync: self.sync.or(below.sync),
            compress: self.compress.or(below.compress),
            home_net: self.home_net.or(below.home_net),
            buffer: self.buffer.or(below.buffer),
            threads: self.threads.or(below.threads),
            direction: self.direction.or(below.direction),
            no_promiscuous: self.no_promiscuous.or(below.no_promiscuous),
            user: self.user.or(below.user),
            sensor: self.sensor.or(below.sensor),
            policy: if self.policy.is_empty() { below.policy } else { self.policy },
            filter: self.filter.or(below.filter),
        }
    }
}
