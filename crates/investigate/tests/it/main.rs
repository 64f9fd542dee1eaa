//! Investigations of captures and of streams made up.

mod arkime;
mod captures;
mod carved;
mod collect;
mod cut_everywhere;
mod disturbed;
mod every_capture;
mod fingerprints;
mod shared;
mod truth_files;
mod tshark;
mod tshark_follow;
mod tshark_http;
