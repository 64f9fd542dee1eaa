//! Names of IEEE 802.11 frames, 802.2 LLC frames and pf log entries, as pcap-filter(7) lists them.

use crate::expression::LlcKind;

/// Frame types, as the type bits of the first frame control byte.
const TYPES: &[(&str, u32)] = &[("data", 0x08), ("mgt", 0x00), ("management", 0x00), ("ctl", 0x04), ("control", 0x04)];

const MANAGEMENT: &[(&str, u32)] = &[
    ("assocreq", 0x00),
    ("assoc-req", 0x00),
    ("assocresp", 0x10),
    ("assoc-resp", 0x10),
    ("reassocreq", 0x20),
    ("reassoc-req", 0x20),
    ("reassocresp", 0x30),
    ("reassoc-resp", 0x30),
    ("probereq", 0x40),
    ("probe-req", 0x40),
    ("proberesp", 0x50),
    ("probe-resp", 0x50),
    ("beacon", 0x80),
    ("atim", 0x90),
    ("disassoc", 0xa0),
    ("disassociation", 0xa0),
    ("auth", 0xb0),
    ("authentication", 0xb0),
    ("deauth", 0xc0),
    ("deauthentication", 0xc0),
];

const CONTROL: &[(&str, u32)] = &[
    ("bar", 0x80),
    ("ps-poll", 0xa0),
    ("rts", 0xb0),
    ("cts", 0xc0),
    ("ack", 0xd0),
    ("cf-end", 0xe0),
    ("cf-end-ack", 0xf0),
];

const DATA: &[(&str, u32)] = &[
    ("data", 0x00),
    ("data-cf-ack", 0x10),
    ("data-cf-poll", 0x20),
    ("data-cf-ack-poll", 0x30),
    ("null", 0x40),
    ("cf-ack", 0x50),
    ("cf-poll", 0x60),
    ("cf-ack-poll", 0x70),
    ("qos-data", 0x80),
    ("qos-data-cf-ack", 0x90),
    ("qos-data-cf-poll", 0xa0),
    ("qos-data-cf-ack-poll", 0xb0),
    ("qos", 0xc0),
    ("qos-cf-poll", 0xe0),
    ("qos-cf-ack-poll", 0xf0),
];

const SUBTYPES: &[(u32, &[(&str, u32)])] = &[(0x00, MANAGEMENT), (0x04, CONTROL), (0x08, DATA)];

const LLC: &[(&str, LlcKind)] = &[
    ("i", LlcKind::Information),
    ("s", LlcKind::Supervisory),
    ("u", LlcKind::Unnumbered),
    ("rr", LlcKind::SupervisoryCommand(0x01)),
    ("rnr", LlcKind::SupervisoryCommand(0x05)),
    ("rej", LlcKind::SupervisoryCommand(0x09)),
    ("ui", LlcKind::UnnumberedCommand(0x03)),
    ("ua", LlcKind::UnnumberedCommand(0x63)),
    ("disc", LlcKind::UnnumberedCommand(0x43)),
    ("dm", LlcKind::UnnumberedCommand(0x0f)),
    ("sabme", LlcKind::UnnumberedCommand(0x6f)),
    ("test", LlcKind::UnnumberedCommand(0xe3)),
    ("xid", LlcKind::UnnumberedCommand(0xaf)),
    ("frmr", LlcKind::UnnumberedCommand(0x87)),
];

const PF_REASONS: &[(&str, u32)] = &[
    ("match", 0),
    ("bad-offset", 1),
    ("fragment", 2),
    ("short", 3),
    ("normalize", 4),
    ("memory", 5),
    ("bad-timestamp", 6),
    ("congestion", 7),
    ("ip-option", 8),
    ("proto-cksum", 9),
    ("state-mismatch", 10),
    ("state-insert", 11),
    ("state-limit", 12),
    ("src-limit", 13),
    ("synproxy", 14),
];

const PF_ACTIONS: &[(&str, u32)] = &[
    ("pass", 0),
    ("accept", 0),
    ("drop", 1),
    ("block", 1),
    ("scrub", 2),
    ("noscrub", 3),
    ("nat", 4),
    ("nonat", 5),
    ("binat", 6),
    ("nobinat", 7),
    ("rdr", 8),
    ("nordr", 9),
    ("synproxy-drop", 10),
];

/// The value of a frame type.
pub(crate) fn wlan_type(name: &str) -> Option<u32> {
    find(TYPES, name)
}

/// The value of a subtype of a frame type.
pub(crate) fn wlan_subtype(frame_type: u32, name: &str) -> Option<u32> {
    let &(_, names) = SUBTYPES.iter().find(|&&(known, _)| known == frame_type)?;
    find(names, name)
}

/// Type and subtype of a name that may belong to any frame type.
pub(crate) fn wlan_type_subtype(name: &str) -> Option<u32> {
    SUBTYPES.iter().find_map(|&(frame_type, names)| Some(find(names, name)? | frame_type))
}

/// The direction bits of the second frame control byte.
pub(crate) fn wlan_direction(name: &str) -> Option<u32> {
    find(&[("nods", 0), ("tods", 1), ("fromds", 2), ("dstods", 3)], name)
}

/// A kind of LLC frame.
pub(crate) fn llc_kind(name: &str) -> Option<LlcKind> {
    find(LLC, name)
}

/// Why pf logged a packet.
pub(crate) fn pf_reason(name: &str) -> Option<u32> {
    find(PF_REASONS, name)
}

/// What pf did with a packet.
pub(crate) fn pf_action(name: &str) -> Option<u32> {
    find(PF_ACTIONS, name)
}

fn find<T: Copy>(names: &[(&str, T)], name: &str) -> Option<T> {
    names.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|&(_, value)| value)
}
