//! From `[[policy]]` to what the recorder does.

use packet::LinkType;
use record::{Keep, Policy};
use tape::holds::{Retained, is_name};

use super::plan::kernel_filter;
use crate::commands::packet_filter;
use crate::errors::Failure;
use crate::names::LocalNames;
use crate::settings::PolicySettings;
use crate::terminal::escaped;

/// Policies that there can be.
const POLICIES_MAX: usize = 64;

/// What the recorder and the tape have to know of policies.
pub(super) struct Settled {
    /// In the order in which they are asked.
    pub(super) policies: Vec<Policy>,
    /// Those that keep for a time.
    pub(super) retained: Vec<Retained>,
}

/// Settles policies, given how long a head is.
pub(super) fn settle(settings: &[PolicySettings], head_bytes: u32) -> Result<Settled, Failure> {
    let mut settled = Settled { policies: Vec::new(), retained: Vec::new() };
    if settings.len() > POLICIES_MAX {
        return Err(Failure::call(format!("there can be at most {POLICIES_MAX} policies")));
    }
    for (number, one) in (1..).zip(settings) {
        let name = one.name.clone().unwrap_or_else(|| format!("policy-{number}"));
        let wrong = |why: &str| Failure::call(format!("policy {} cannot be used", escaped(&name))).because(why);
        if !is_name(&format!("policy-{name}")) {
            return Err(wrong("its name has to be letters, digits, -, _ and ."));
        }
        if settled.policies.iter().any(|policy: &Policy| policy.name == name) {
            return Err(wrong("another policy has that name"));
        }
        packet_filter::look_at(&one.expression)?;
        check(&one.expression)?;
        match one.keep.0 {
            Keep::Bytes(bytes) if bytes > head_bytes => {
                return Err(wrong(&format!("it keeps more of a flow than a head has: {head_bytes} bytes"))
                    .attempt("keep = \"full\", or a greater head"));
            }
            Keep::None if one.retain.is_some() || one.lane.is_some() => {
                return Err(wrong("it keeps nothing, so it has no lane and retains nothing"));
            }
            _ => {}
        }
        if let Some(span) = one.retain {
            settled.retained.push(Retained { name: name.clone(), expression: one.expression.clone(), span: span.0 });
        }
        let filter = kernel_filter(one.expression.clone());
        settled.policies.push(Policy { name, filter, keep: one.keep.0, lane: one.lane.map(|lane| lane.0) });
    }
    Ok(settled)
}

/// An expression has to mean something for the usual links.
fn check(text: &str) -> Result<(), Failure> {
    let names = LocalNames::read();
    let compiled = |link_type| {
        let options = filter::Options { resolver: &names, ..filter::Options::new(link_type) };
        filter::compile(text, &options)
    };
    match compiled(LinkType::ETHERNET) {
        Err(error) if compiled(LinkType::RAW).is_err() => Err(Failure::expression(text, &error)),
        _ => Ok(()),
    }
}
