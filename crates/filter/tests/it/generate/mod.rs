//! Random expressions that cover the grammar, and packets that they might match.

pub(crate) mod arithmetic;
pub(crate) mod expression;
pub(crate) mod frame;
pub(crate) mod link;
pub(crate) mod mutate;
pub(crate) mod network;
pub(crate) mod soup;
pub(crate) mod term;

/// Hardware addresses that expressions and packets share.
pub(crate) const MACS: &[[u8; 6]] = &[
    [0xff; 6],
    [0, 1, 2, 3, 4, 5],
    [0x01, 0x80, 0xc2, 0, 0, 0],
    [0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff],
    [0x33, 0x33, 0, 0, 0, 1],
];

/// IPv4 addresses that they share.
pub(crate) const V4: &[[u8; 4]] = &[[10, 0, 0, 1], [10, 0, 0, 2], [192, 168, 1, 255], [192, 168, 1, 0], [224, 0, 0, 1]];

/// IPv6 addresses that they share.
pub(crate) const V6: &[&str] = &["2001:db8::1", "fe80::1:2", "ff02::1", "::", "2001:db8:1:2:3:4:5:6"];

/// Ports that they share: services, tunnels, and others.
pub(crate) const PORTS: &[u16] = &[80, 53, 25, 6081, 1, 1024, 65535];

/// IP protocols that they share.
pub(crate) const PROTOCOLS: &[u8] = &[6, 17, 132, 1, 2, 9, 103, 112, 58, 51, 50, 44, 0, 60, 43, 59, 47];

/// Types of the link layer that they share, as Ethertypes.
pub(crate) const ETHER_TYPES: &[u16] = &[
    0x0800, 0x86dd, 0x0806, 0x8035, 0x8100, 0x88a8, 0x9100, 0x8847, 0x8863, 0x8864, 0x6003, 0x6004, 0x6001, 0x6002,
    0x6007, 0x809b, 0x80f3, 0x8137, 0x88cc, 0xfefe, 0x0021, 0x0057, 0x0281,
];

/// LLC service access points that they share.
pub(crate) const SAPS: &[u8] = &[0xfe, 0x42, 0xe0, 0xf0, 0x06, 0xaa, 0xff, 0x81];
