//! Instruction codes, as `linux/bpf_common.h` and `linux/filter.h` number them.

pub(crate) const LD: u16 = 0x00;
pub(crate) const LDX: u16 = 0x01;
pub(crate) const ST: u16 = 0x02;
pub(crate) const STX: u16 = 0x03;
pub(crate) const ALU: u16 = 0x04;
pub(crate) const JMP: u16 = 0x05;
pub(crate) const RET: u16 = 0x06;
pub(crate) const MISC: u16 = 0x07;

pub(crate) const W: u16 = 0x00;
pub(crate) const H: u16 = 0x08;
pub(crate) const B: u16 = 0x10;

pub(crate) const IMM: u16 = 0x00;
pub(crate) const ABS: u16 = 0x20;
pub(crate) const IND: u16 = 0x40;
pub(crate) const MEM: u16 = 0x60;
pub(crate) const LEN: u16 = 0x80;
pub(crate) const MSH: u16 = 0xa0;

pub(crate) const ADD: u16 = 0x00;
pub(crate) const SUB: u16 = 0x10;
pub(crate) const MUL: u16 = 0x20;
pub(crate) const DIV: u16 = 0x30;
pub(crate) const OR: u16 = 0x40;
pub(crate) const AND: u16 = 0x50;
pub(crate) const LSH: u16 = 0x60;
pub(crate) const RSH: u16 = 0x70;
pub(crate) const NEG: u16 = 0x80;
pub(crate) const MOD: u16 = 0x90;
pub(crate) const XOR: u16 = 0xa0;

pub(crate) const JA: u16 = 0x00;
pub(crate) const JEQ: u16 = 0x10;
pub(crate) const JGT: u16 = 0x20;
pub(crate) const JGE: u16 = 0x30;
pub(crate) const JSET: u16 = 0x40;

pub(crate) const K: u16 = 0x00;
pub(crate) const X: u16 = 0x08;
pub(crate) const A: u16 = 0x10;

pub(crate) const TAX: u16 = 0x00;
pub(crate) const TXA: u16 = 0x80;

/// Loads from here on read what the kernel knows about the packet (`SKF_AD_OFF`).
pub(crate) const ANCILLARY: u32 = 0xffff_f000;
pub(crate) const ANCILLARY_PROTOCOL: u32 = ANCILLARY;
pub(crate) const ANCILLARY_PACKET_TYPE: u32 = ANCILLARY + 4;
pub(crate) const ANCILLARY_INTERFACE: u32 = ANCILLARY + 8;
pub(crate) const ANCILLARY_VLAN_TAG: u32 = ANCILLARY + 44;
pub(crate) const ANCILLARY_VLAN_PRESENT: u32 = ANCILLARY + 48;
pub(crate) const ANCILLARY_VLAN_TPID: u32 = ANCILLARY + 60;

/// `PACKET_OUTGOING` of `linux/if_packet.h`, also Linux cooked's packet type.
pub(crate) const PACKET_OUTGOING: u32 = 4;
