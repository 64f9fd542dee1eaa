//! Captures and truth files, where they are present.

use std::fs;
use std::io::BufReader;
use std::path::Path;

use packet::LinkType;
use packet::capture::Reader;

#[path = "../../../packet/tests/shared/captures.rs"]
mod shared;

pub(crate) use shared::{folder as captures, skipped};

/// The rows of a truth file.
pub(crate) fn truth(name: &str) -> Vec<serde_json::Value> {
    let Some(captures) = captures() else { return Vec::new() };
    let text = fs::read_to_string(captures.join("truth").join(name)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A packet of a capture, owned.
#[derive(Clone, Debug)]
pub(crate) struct Captured {
    pub(crate) link_type: LinkType,
    pub(crate) wire_bytes: u32,
    pub(crate) bytes: Vec<u8>,
}

/// All packets of a capture that can be read.
pub(crate) fn packets(path: &Path) -> Vec<Captured> {
    let mut packets = Vec::new();
    let Ok(file) = fs::File::open(path) else { return packets };
    let Ok(mut reader) = Reader::new(BufReader::new(file)) else { return packets };
    while let Ok(Some((packet, interfaces))) = reader.next_with_interfaces() {
        packets.push(Captured {
            link_type: interfaces[packet.interface as usize].link_type,
            wire_bytes: packet.wire_bytes,
            bytes: packet.data.to_vec(),
        });
    }
    packets
}

/// The LINKTYPE_ value of a DLT_ name.
pub(crate) fn link_type(name: &str) -> Option<LinkType> {
    let number = LINK_TYPES.iter().find(|&&(known, _)| known == name)?.1;
    Some(LinkType(number))
}

/// Names as `tcpdump -L` prints them, and LINKTYPE_ values.
pub(crate) const LINK_TYPES: &[(&str, u16)] = &[
    ("NULL", 0),
    ("EN10MB", 1),
    ("IEEE802", 6),
    ("ARCNET", 7),
    ("SLIP", 8),
    ("PPP", 9),
    ("FDDI", 10),
    ("PPP_SERIAL", 50),
    ("PPP_ETHER", 51),
    ("SYMANTEC_FIREWALL", 99),
    ("ATM_RFC1483", 100),
    ("RAW", 101),
    ("SLIP_BSDOS", 102),
    ("PPP_BSDOS", 103),
    ("C_HDLC", 104),
    ("IEEE802_11", 105),
    ("ATM_CLIP", 106),
    ("FRELAY", 107),
    ("LOOP", 108),
    ("ENC", 109),
    ("LINUX_SLL", 113),
    ("LTALK", 114),
    ("PFLOG", 117),
    ("PRISM_HEADER", 119),
    ("IP_OVER_FC", 122),
    ("SUNATM", 123),
    ("IEEE802_11_RADIO", 127),
    ("ARCNET_LINUX", 129),
    ("JUNIPER_MLPPP", 130),
    ("JUNIPER_MLFR", 131),
    ("JUNIPER_ES", 132),
    ("JUNIPER_GGSN", 133),
    ("JUNIPER_MFR", 134),
    ("JUNIPER_ATM2", 135),
    ("JUNIPER_SERVICES", 136),
    ("JUNIPER_ATM1", 137),
    ("APPLE_IP_OVER_IEEE1394", 138),
    ("MTP2_WITH_PHDR", 139),
    ("MTP2", 140),
    ("IEEE802_11_RADIO_AVS", 163),
    ("JUNIPER_MONITOR", 164),
    ("BACNET_MS_TP", 165),
    ("PPP_PPPD", 166),
    ("JUNIPER_PPPOE", 167),
    ("JUNIPER_PPPOE_ATM", 168),
    ("JUNIPER_ETHER", 178),
    ("JUNIPER_PPP", 179),
    ("JUNIPER_FRELAY", 180),
    ("JUNIPER_CHDLC", 181),
    ("MFR", 182),
    ("JUNIPER_VP", 183),
    ("USB_LINUX", 189),
    ("PPI", 192),
    ("JUNIPER_ISM", 194),
    ("ERF", 197),
    ("JUNIPER_ST", 200),
    ("IPNET", 226),
    ("IPV4", 228),
    ("IPV6", 229),
    ("JUNIPER_VS", 232),
    ("JUNIPER_SRX_E2E", 233),
    ("JUNIPER_FIBRECHANNEL", 234),
    ("JUNIPER_ATM_CEMIC", 238),
    ("NFLOG", 239),
    ("NETANALYZER", 240),
    ("NETANALYZER_TRANSPARENT", 241),
    ("LINUX_SLL2", 276),
    ("DSA_TAG_BRCM", 281),
    ("DSA_TAG_DSA", 284),
];
