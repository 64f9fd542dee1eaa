//! Link types that an expression means nothing for.

use filter::question::Programs;
use packet::LinkType;

use super::judge::Judge;
use super::view::View;
use super::{Coverage, Unjudged};
use crate::read::{Merge, Merged};
use crate::{Error, Lane};

/// An expression, asked of packets of one link type.
pub(super) struct Asked {
    pub(super) programs: Programs,
    /// Packets that were not judged, since the expression means nothing for them.
    pub(super) unjudged: u64,
}

/// Names in `coverage` the link types whose packets could not be judged.
///
/// # Errors
/// If the expression means nothing for any link type that was there.
pub(super) fn conclude(judges: &[&Judge], coverage: &mut Coverage) -> Result<(), Error> {
    let asked = || judges.iter().flat_map(|judge| judge.asked());
    let mut refused: Vec<(LinkType, &filter::Error, u64)> = Vec::new();
    for (link_type, asked) in asked() {
        refused.extend(asked.programs.refusal().map(|error| (*link_type, error, asked.unjudged)));
    }
    refused.sort_by_key(|(link_type, ..)| link_type.0);
    if let (Some((link_type, error, _)), true) = (refused.first(), refused.len() == asked().count()) {
        return Err(Error::Expression { link_type: *link_type, source: (*error).clone() });
    }
    for (link_type, error, packets) in refused.into_iter().filter(|(_, _, packets)| *packets > 0) {
        // A packet may have been looked at twice.
        match coverage.unjudged.iter_mut().find(|unjudged| unjudged.link_type == link_type) {
            Some(unjudged) => unjudged.packets = unjudged.packets.max(packets),
            None => coverage.unjudged.push(Unjudged { link_type, packets, reason: error.message.clone() }),
        }
    }
    Ok(())
}

/// As `conclude`, of a tape's packets: where rows have ruled out all of them, the expression is asked of one of them.
pub(super) fn conclude_of_tape(
    view: &mut View,
    judges: &mut [&mut Judge],
    coverage: &mut Coverage,
) -> Result<(), Error> {
    if judges.iter().all(|judge| judge.asked().is_empty())
        && let Some(judge) = judges.first_mut()
        && let Some(link_type) = a_link_type(view, judge)?
    {
        judge.ask(link_type);
    }
    let judges: Vec<&Judge> = judges.iter().map(|judge| &**judge).collect();
    conclude(&judges, coverage)
}

/// The link type of a packet of the times that are asked for, looked for where these end.
fn a_link_type(view: &mut View, judge: &Judge) -> Result<Option<LinkType>, Error> {
    for lane in Lane::ALL {
        let segments = view.listing.segments(lane);
        let end = segments.partition_point(|name| judge.begins_before_end(name.time));
        let around: Vec<u64> = segments.iter().take(end + 1).rev().take(3).map(|name| name.number).collect();
        for number in around {
            let frames = view.listing.frames(&mut view.tape, lane, number)?;
            let Some(frame) = frames.iter().rfind(|frame| judge.can_hold(frame)).cloned() else { continue };
            if let Some(Merged { interface, .. }) = Merge::new(&mut view.tape, vec![frame]).next()? {
                return Ok(Some(interface.link_type));
            }
        }
    }
    Ok(None)
}
