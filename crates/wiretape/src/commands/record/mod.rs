//! `wiretape record`, and tcpdump's spelling of it.

mod plan;
mod privileges;
mod signals;

pub(crate) use plan::capture_options;
pub(crate) use privileges::{become_user, find_user};
pub(crate) use signals::{obey, print_counters};
