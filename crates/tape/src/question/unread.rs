//! What is said in flows whose rows do not tell: their packets are read, if the question turns on it.

use flow::{FILE_HASHES, FlowRow, PayloadReader};

use super::Query;
use super::attribute::Attribution;
use super::gather::Gathered;
use super::judge::{Judge, Truth};
use super::packets::is_from_client;
use super::view::View;
use crate::read::{Frame, Merge, Merged};
use crate::{Error, Lane};

/// Fills in what is said in those of the flows whose rows do not say whether they match.
///
/// That is rows which were made without reading payload: behind the flow files, by salvage, or while there was no time. Their
/// heads are read. If hashes of files are asked for, it is also the flows with files that their heads do not have whole, and
/// all of their packets are read. What is not there any more stays unknown.
pub(super) fn read(view: &mut View, query: &Query, judge: &Judge, flows: &mut [Gathered]) -> Result<(), Error> {
    let Some(begin) = query.payload.filter(|_| query.asks_payload()) else { return Ok(()) };
    let asks_for_files = query.asks_for_files();
    let can_tell = |row: &FlowRow| row.is_unread || (asks_for_files && lacks_files(row));
    let is_open =
        |flow: &Gathered| can_tell(&flow.row) && matches!(judge.flow(flow), Truth::Unknown | Truth::Undecidable);
    let open: Vec<usize> = (0..).zip(&*flows).filter(|(_, flow)| is_open(flow)).map(|(index, _)| index).collect();
    let places = open.iter().filter_map(|index| flows.get(*index)).flat_map(|flow| flow.frames.iter().copied());
    let mut resolved = view.resolve(places)?;
    resolved.frames.retain(|frame| (asks_for_files || frame.lane != Lane::Bulk) && frame.packets > 0);
    if resolved.frames.is_empty() {
        return Ok(());
    }
    let mut reader = begin();
    read_packets(view, std::mem::take(&mut resolved.frames), &open, flows, reader.as_mut())?;
    for index in open {
        let Some(Gathered { row, frames, .. }) = flows.get_mut(index) else { continue };
        let is_whole = !frames.is_empty() && !frames.iter().any(|number| resolved.is_missing(*number));
        let mut said = reader.take(row.flow_id, row.dest_ip, row.end).unwrap_or_default();
        let mut known = row.payload.take().unwrap_or_default();
        if is_whole && asks_for_files {
            known.forget_more(FILE_HASHES);
        }
        said.merge(&known, row.last_arrival);
        row.is_unread &= !is_whole;
        said.is_partial = row.is_unread;
        // Who asked for the server's name may be a flow that was not read here.
        said.is_nameless = said.first("dest_name").is_none();
        row.payload = Some(said);
        if !asks_for_files && row.says_more_than_head() {
            row.payload.iter_mut().for_each(|said| said.note_more(FILE_HASHES));
        }
    }
    Ok(())
}

/// Whether files were moved in a flow of which its row has no hash.
fn lacks_files(row: &FlowRow) -> bool {
    row.payload.as_ref().is_some_and(|payload| payload.may_lack(FILE_HASHES))
}

/// Reads the packets of the open ones among these flows.
fn read_packets(
    view: &mut View,
    frames: Vec<Frame>,
    open: &[usize],
    flows: &[Gathered],
    reader: &mut dyn PayloadReader,
) -> Result<(), Error> {
    let (count, listed) = (frames.len() as u64, view.listing.listed());
    let bytes = frames.iter().map(|frame| u64::from(frame.ubytes)).sum();
    let mut attribution = Attribution::new(open.iter().filter_map(|index| Some((*index, flows.get(*index)?))));
    open.iter().filter_map(|index| flows.get(*index)).for_each(|flow| reader.known(&flow.row));
    let mut packets = Merge::new(&mut view.tape, frames);
    while let Some(Merged { packet, interface, arrival, .. }) = packets.next()? {
        let headers = packet::decode(interface.link_type, packet.data, packet.wire_bytes);
        let Some(flow) = attribution.flow_of(&headers, arrival).and_then(|flow| flows.get(flow)) else { continue };
        reader.packet(flow.row.flow_id, is_from_client(&flow.row.key(), &headers), &packet, &headers);
    }
    drop(packets);
    reader.finish();
    view.stages.end("frames for what was said", count, listed, bytes);
    Ok(())
}
