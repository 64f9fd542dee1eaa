//! Names of link types, as tcpdump's `-y` and `-L` have them.

use packet::LinkType;

/// The link type of that name; upper and lower case are the same.
pub(crate) fn link_type(name: &str) -> Option<LinkType> {
    let plain = name.strip_prefix("DLT_").unwrap_or(name);
    NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(plain)).map(|(_, number)| LinkType(*number))
}

/// The name nearest to one that is not known.
pub(crate) fn nearest_name(name: &str) -> &'static str {
    let upper = name.to_ascii_uppercase();
    let nearest = NAMES.iter().map(|(known, _)| (strsim::jaro_winkler(&upper, known), *known));
    nearest.max_by(|(a, _), (b, _)| a.total_cmp(b)).map_or("EN10MB", |(_, name)| name)
}

/// All names that libpcap 1.10.3 knows (`pcap_datalink_val_to_name`), with the LINKTYPE_ values that it writes for them.
#[rustfmt::skip]
const NAMES: &[(&str, u16)] = &[
    ("NULL", 0), ("EN10MB", 1), ("IEEE802", 6), ("ARCNET", 7), ("SLIP", 8), ("PPP", 9), ("FDDI", 10),
    ("ATM_RFC1483", 100), ("RAW", 101), ("SLIP_BSDOS", 102), ("PPP_BSDOS", 103), ("ATM_CLIP", 106),
    ("PPP_SERIAL", 50), ("PPP_ETHER", 51), ("SYMANTEC_FIREWALL", 99), ("C_HDLC", 104), ("IEEE802_11", 105),
    ("FRELAY", 107), ("LOOP", 108), ("ENC", 109), ("LINUX_SLL", 113), ("LTALK", 114), ("PFLOG", 117),
    ("PRISM_HEADER", 119), ("IP_OVER_FC", 122), ("SUNATM", 123), ("IEEE802_11_RADIO", 127), ("ARCNET_LINUX", 129),
    ("JUNIPER_MLPPP", 130), ("JUNIPER_MLFR", 131), ("JUNIPER_ES", 132), ("JUNIPER_GGSN", 133), ("JUNIPER_MFR", 134),
    ("JUNIPER_ATM2", 135), ("JUNIPER_SERVICES", 136), ("JUNIPER_ATM1", 137), ("APPLE_IP_OVER_IEEE1394", 138),
    ("MTP2_WITH_PHDR", 139), ("MTP2", 140), ("MTP3", 141), ("SCCP", 142), ("DOCSIS", 143), ("LINUX_IRDA", 144),
    ("IEEE802_11_RADIO_AVS", 163), ("JUNIPER_MONITOR", 164), ("BACNET_MS_TP", 165), ("PPP_PPPD", 166),
    ("JUNIPER_PPPOE", 167), ("JUNIPER_PPPOE_ATM", 168), ("GPRS_LLC", 169), ("GPF_T", 170), ("GPF_F", 171),
    ("JUNIPER_PIC_PEER", 174), ("ERF_ETH", 175), ("ERF_POS", 176), ("LINUX_LAPD", 177), ("JUNIPER_ETHER", 178),
    ("JUNIPER_PPP", 179), ("JUNIPER_FRELAY", 180), ("JUNIPER_CHDLC", 181), ("MFR", 182), ("JUNIPER_VP", 183),
    ("A429", 184), ("A653_ICM", 185), ("USB_FREEBSD", 186), ("BLUETOOTH_HCI_H4", 187), ("IEEE802_16_MAC_CPS", 188),
    ("USB_LINUX", 189), ("CAN20B", 190), ("IEEE802_15_4_LINUX", 191), ("PPI", 192), ("IEEE802_16_MAC_CPS_RADIO", 193),
    ("JUNIPER_ISM", 194), ("IEEE802_15_4", 195), ("SITA", 196), ("ERF", 197), ("RAIF1", 198), ("IPMB_KONTRON", 199),
    ("JUNIPER_ST", 200), ("BLUETOOTH_HCI_H4_WITH_PHDR", 201), ("AX25_KISS", 202), ("IPMB_LINUX", 209),
    ("IEEE802_15_4_NONASK_PHY", 215), ("LINUX_EVDEV", 216), ("MPLS", 219), ("USB_LINUX_MMAPPED", 220), ("DECT", 221),
    ("AOS", 222), ("WIHART", 223), ("FC_2", 224), ("FC_2_WITH_FRAME_DELIMS", 225), ("IPNET", 226),
    ("CAN_SOCKETCAN", 227), ("IPV4", 228), ("IPV6", 229), ("IEEE802_15_4_NOFCS", 230), ("DBUS", 231),
    ("JUNIPER_VS", 232), ("JUNIPER_SRX_E2E", 233), ("JUNIPER_FIBRECHANNEL", 234), ("DVB_CI", 235), ("MUX27010", 236),
    ("STANAG_5066_D_PDU", 237), ("JUNIPER_ATM_CEMIC", 238), ("NFLOG", 239), ("NETANALYZER", 240),
    ("NETANALYZER_TRANSPARENT", 241), ("IPOIB", 242), ("MPEG_2_TS", 243), ("NG40", 244), ("NFC_LLCP", 245),
    ("PFSYNC", 246), ("INFINIBAND", 247), ("SCTP", 248), ("USBPCAP", 249), ("RTAC_SERIAL", 250),
    ("BLUETOOTH_LE_LL", 251), ("NETLINK", 253), ("BLUETOOTH_LINUX_MONITOR", 254), ("BLUETOOTH_BREDR_BB", 255),
    ("BLUETOOTH_LE_LL_WITH_PHDR", 256), ("PROFIBUS_DL", 257), ("PKTAP", 258), ("EPON", 259), ("IPMI_HPM_2", 260),
    ("ZWAVE_R1_R2", 261), ("ZWAVE_R3", 262), ("WATTSTOPPER_DLM", 263), ("ISO_14443", 264), ("RDS", 265),
    ("USB_DARWIN", 266), ("OPENFLOW", 267), ("SDLC", 268), ("TI_LLN_SNIFFER", 269), ("VSOCK", 271),
    ("NORDIC_BLE", 272), ("DOCSIS31_XRA31", 273), ("ETHERNET_MPACKET", 274), ("DISPLAYPORT_AUX", 275),
    ("LINUX_SLL2", 276), ("OPENVIZSLA", 278), ("EBHSCR", 279), ("VPP_DISPATCH", 280), ("DSA_TAG_BRCM", 281),
    ("DSA_TAG_BRCM_PREPEND", 282), ("IEEE802_15_4_TAP", 283), ("DSA_TAG_DSA", 284), ("DSA_TAG_EDSA", 285),
    ("ELEE", 286), ("Z_WAVE_SERIAL", 287), ("USB_2_0", 288), ("ATSC_ALP", 289),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (name, number) in [("EN10MB", 1), ("en10mb", 1), ("DLT_RAW", 101), ("LINUX_SLL2", 276), ("PPP", 9)] {
            assert_eq!(link_type(name), Some(LinkType(number)), "{name}");
        }
        assert_eq!(link_type("EN10M"), None);
        assert_eq!(nearest_name("EN10M"), "EN10MB");
    }
}
