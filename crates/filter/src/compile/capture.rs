//! What is known of where a packet was captured: direction, interface, and the entries of a pf log.

use super::generator::Generator;
use super::graph::Condition;
use super::layout::Link;
use super::load::{Base, Size};
use crate::Error;
use crate::bpf::code::{ANCILLARY_INTERFACE, ANCILLARY_PACKET_TYPE, PACKET_OUTGOING};

/// The fields of pf's log header (`net/if_pflog.h`): offsets, and sizes of names.
const PF_ACTION: u32 = 2;
const PF_REASON: u32 = 3;
const PF_INTERFACE: u32 = 4;
const PF_RULESET: u32 = 20;
const PF_NAME_BYTES: usize = 16;
const PF_RULE: u32 = 36;
const PF_SUBRULE: u32 = 40;
const PF_DIRECTION: u32 = 60;

impl Generator<'_> {
    /// `inbound` or `outbound`.
    pub(super) fn direction(&mut self, outbound: bool) -> Result<Condition, Error> {
        let header = Base::LinkHeader;
        let outgoing = match self.link {
            Link::Slip => {
                let inbound = self.equal(header, 0, Size::Byte, 0)?;
                self.graph.not(inbound)
            }
            Link::LinuxCooked => self.equal(header, 0, Size::Half, PACKET_OUTGOING)?,
            Link::LinuxCooked2 => self.equal(header, 10, Size::Byte, PACKET_OUTGOING)?,
            Link::IpNet => return self.equal(header, 2, Size::Half, if outbound { 1 } else { 2 }),
            Link::PfLog => return self.equal(header, PF_DIRECTION, Size::Byte, if outbound { 2 } else { 1 }),
            Link::PppPppd => return self.equal(header, 0, Size::Byte, outbound.into()),
            Link::Juniper => return self.masked_equal(header, 3, Size::Byte, (!outbound).into(), 0x01),
            Link::BroadcomTag => {
                return self.masked_equal(header, 12, Size::Byte, if outbound { 0x20 } else { 0 }, 0xe0);
            }
            Link::MarvellTag => {
                return self.masked_equal(header, 12, Size::Byte, if outbound { 0x40 } else { 0 }, 0xc0);
            }
            _ if self.options.linux_ancillary => {
                self.equal(Base::Packet, ANCILLARY_PACKET_TYPE, Size::Half, PACKET_OUTGOING)?
            }
            _ => {
                let message =
                    format!("inbound/outbound not supported on {} when reading files", self.options.link_type);
                return Err(self.error(message).hint("say which addresses are yours, as in \"src net 192.0.2.0/24\""));
            }
        };
        Ok(if outbound { outgoing } else { self.graph.not(outgoing) })
    }

    /// `ifindex N`.
    pub(super) fn interface_index(&mut self, index: u32) -> Result<Condition, Error> {
        if self.link == Link::LinuxCooked2 {
            return self.equal(Base::LinkHeader, 4, Size::Word, index);
        }
        if self.options.linux_ancillary {
            return self.equal(Base::Packet, ANCILLARY_INTERFACE, Size::Word, index);
        }
        Err(self.error(format!("ifindex not supported on {} when reading files", self.options.link_type)))
    }

    /// `ifname NAME`: the name in a pf log entry; elsewhere the index of the interface that has this name now.
    pub(super) fn interface_name(&mut self, name: &str) -> Result<Condition, Error> {
        if self.link == Link::PfLog {
            return self.pf_name(PF_INTERFACE, name);
        }
        if self.link != Link::LinuxCooked2 && !self.options.linux_ancillary {
            let message = format!("ifname not supported on {} when reading files", self.options.link_type);
            return Err(self.error(message));
        }
        match self.options.resolver.interface_index(name) {
            Some(index) => self.interface_index(index),
            None => Err(self.error(format!("unknown interface '{name}'")).hint("write its number after \"ifindex\"")),
        }
    }

    fn pf_log(&self, what: &str) -> Result<(), Error> {
        if self.link == Link::PfLog { Ok(()) } else { Err(self.error(format!("{what} supported only on PF linktype"))) }
    }

    fn pf_name(&mut self, offset: u32, name: &str) -> Result<Condition, Error> {
        if name.len() >= PF_NAME_BYTES {
            return Err(self.error(format!("names can only be {} characters", PF_NAME_BYTES - 1)));
        }
        self.bytes_equal(Base::LinkHeader, offset, name.as_bytes())
    }

    pub(super) fn pf_ruleset(&mut self, name: &str) -> Result<Condition, Error> {
        self.pf_log("ruleset")?;
        self.pf_name(PF_RULESET, name)
    }

    pub(super) fn pf_rule(&mut self, number: u32) -> Result<Condition, Error> {
        self.pf_log("rnr")?;
        self.equal(Base::LinkHeader, PF_RULE, Size::Word, number)
    }

    pub(super) fn pf_subrule(&mut self, number: u32) -> Result<Condition, Error> {
        self.pf_log("srnr")?;
        self.equal(Base::LinkHeader, PF_SUBRULE, Size::Word, number)
    }

    pub(super) fn pf_reason(&mut self, reason: u32) -> Result<Condition, Error> {
        self.pf_log("reason")?;
        self.equal(Base::LinkHeader, PF_REASON, Size::Byte, reason)
    }

    pub(super) fn pf_action(&mut self, action: u32) -> Result<Condition, Error> {
        self.pf_log("action")?;
        self.equal(Base::LinkHeader, PF_ACTION, Size::Byte, action)
    }
}
