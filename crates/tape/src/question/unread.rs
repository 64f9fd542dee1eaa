//! What is said in flows whose rows do not tell: their packets are read, if the question turns on it.

use super::Query;
use super::attribute::Attribution;
use super::gather::Gathered;
use super::judge::{Judge, Truth};
use super::packets::is_from_client;
use super::view::View;
use crate::read::{Merge, Merged};
use crate::{Error, Lane};

/// Fills in what is said in those of the flows whose rows do not say whether they match, out of their heads.
///
/// That is rows which were made without reading payload: behind the flow files, by salvage, or while there was no time.
/// What is not there any more stays unknown.
pub(super) fn read(view: &mut View, query: &Query, judge: &Judge, flows: &mut [Gathered]) -> Result<(), Error> {
    let Some(begin) = query.payload.filter(|_| query.asks_payload()) else { return Ok(()) };
    let is_open =
        |flow: &Gathered| flow.row.is_unread && matches!(judge.flow(flow), Truth::Unknown | Truth::Undecidable);
    let open: Vec<usize> = (0..).zip(&*flows).filter(|(_, flow)| is_open(flow)).map(|(index, _)| index).collect();
    let places = open.iter().filter_map(|index| flows.get(*index)).flat_map(|flow| flow.frames.iter().copied());
    let mut resolved = view.resolve(places)?;
    resolved.frames.retain(|frame| frame.lane != Lane::Bulk && frame.packets > 0);
    if resolved.frames.is_empty() {
        return Ok(());
    }
    let (count, listed) = (resolved.frames.len() as u64, view.listing.listed());
    let bytes = resolved.frames.iter().map(|frame| u64::from(frame.ubytes)).sum();
    let mut reader = begin();
    let mut attribution = Attribution::new(open.iter().filter_map(|index| Some((*index, flows.get(*index)?))));
    let mut packets = Merge::new(&mut view.tape, std::mem::take(&mut resolved.frames));
    while let Some(Merged { packet, interface, arrival, .. }) = packets.next()? {
        let headers = packet::decode(interface.link_type, packet.data, packet.wire_bytes);
        let Some(flow) = attribution.flow_of(&headers, arrival).and_then(|flow| flows.get(flow)) else { continue };
        reader.packet(flow.row.flow_id, is_from_client(&flow.row.key(), &headers), &packet, &headers);
    }
    drop(packets);
    reader.finish();
    for index in open {
        let Some(Gathered { row, frames, .. }) = flows.get_mut(index) else { continue };
        let mut said = reader.take(row.flow_id, row.dest_ip, row.end).unwrap_or_default();
        let known = row.payload.take().unwrap_or_default();
        said.merge(&known, row.last_arrival);
        row.is_unread = frames.is_empty() || frames.iter().any(|number| resolved.is_missing(*number));
        said.is_partial = row.is_unread;
        // Who asked for the server's name may be a flow that was not read here.
        said.is_nameless = said.first("dest_name").is_none();
        row.payload = Some(said);
    }
    view.stages.end("frames for what was said", count, listed, bytes);
    Ok(())
}
