//! Geneve (RFC 8926) and VXLAN (RFC 7348): what follows them is tested inside the tunnel.

use super::generator::{Generator, Offset};
use super::graph::Condition;
use super::layout::Link;
use super::link_type::TRANSPARENT_ETHERNET;
use super::load::{Base, Size};
use super::port::{Ports, UDP};
use crate::Error;
use crate::bpf::Instruction;
use crate::bpf::code::{ADD, ALU, AND, B, H, IMM, IND, JEQ, JMP, K, LD, LDX, MEM, MISC, MUL, ST, STX, TAX, TXA, X};
use crate::expression::Direction;

const GENEVE_PORT: u32 = 6081;
const VXLAN_PORT: u32 = 4789;
const UDP_HEADER_BYTES: u32 = 8;
const VXLAN_HEADER_BYTES: u32 = 8;
const VNI_MAX: u32 = 0xff_ffff;
const VNI_MASK: u32 = 0xffff_ff00;

/// What tells a tunnel by its port and the first byte of its header.
#[derive(Clone, Copy)]
struct Tunnel {
    port: u32,
    mask: u32,
    value: u32,
    name: &'static str,
}

/// The registers for the offsets inside of a tunnel, whose header starts at `start` behind the outer network header.
struct Inner {
    start: u32,
    type_field: u32,
    header: u32,
    payload: u32,
}

impl Generator<'_> {
    /// `geneve` or `geneve VNI`.
    pub(super) fn geneve(&mut self, vni: Option<u32>) -> Result<Condition, Error> {
        let tunnel = Tunnel { port: GENEVE_PORT, mask: 0xc0, value: 0, name: "Geneve" };
        let outer = self.tunnel(tunnel, vni)?;
        let offsets = self.geneve_offsets()?;
        let inner = self.computed(offsets);
        self.in_geneve = true;
        self.graph.is_literal = true;
        Ok(self.graph.and(outer, inner))
    }

    /// `vxlan` or `vxlan VNI`.
    pub(super) fn vxlan(&mut self, vni: Option<u32>) -> Result<Condition, Error> {
        let tunnel = Tunnel { port: VXLAN_PORT, mask: u32::MAX, value: 0x08, name: "VXLAN" };
        let outer = self.tunnel(tunnel, vni)?;
        let offsets = self.vxlan_offsets()?;
        let inner = self.computed(offsets);
        self.in_vxlan = true;
        Ok(self.graph.and(outer, inner))
    }

    /// Always true: what is computed on the way counts.
    fn computed(&mut self, mut offsets: Vec<Instruction>) -> Condition {
        offsets.push(Instruction::plain(LD | IMM, 0));
        self.graph.test(offsets, JEQ, 0)
    }

    /// The tunnel over IPv4 or IPv6. Where it holds, the accumulator is the length of the network header.
    fn tunnel(&mut self, tunnel: Tunnel, vni: Option<u32>) -> Result<Condition, Error> {
        let ports = Ports::One(tunnel.port);
        let v4 = self.port_v4(ports, Some(UDP), Some(Direction::Destination))?;
        let v4 = self.tunnel_header(v4, Base::TransportIpv4, tunnel, vni)?;
        let mut length = self.load_ipv4_header_length()?;
        length.push(Instruction::plain(MISC | TXA, 0));
        // Always true: A is X.
        let length = self.graph.test(length, JEQ | X, 0);
        let v4 = self.graph.and(v4, length);

        let v6 = self.port_v6(ports, Some(UDP), Some(Direction::Destination))?;
        let v6 = self.tunnel_header(v6, Base::TransportIpv6, tunnel, vni)?;
        let mut length = Vec::from_iter(self.index_payload()?);
        let is_variable = !length.is_empty();
        length.push(Instruction::plain(LD | IMM, 40));
        if is_variable {
            length.push(Instruction::plain(ALU | ADD | X, 0));
        }
        length.push(Instruction::plain(MISC | TAX, 0));
        let length = self.graph.test(length, JEQ | X, 0);
        let v6 = self.graph.and(v6, length);
        Ok(self.graph.or(v4, v6))
    }

    fn tunnel_header(
        &mut self,
        port: Condition,
        transport: Base,
        tunnel: Tunnel,
        vni: Option<u32>,
    ) -> Result<Condition, Error> {
        let first = self.masked_equal(transport, UDP_HEADER_BYTES, Size::Byte, tunnel.value, tunnel.mask)?;
        let condition = self.graph.and(port, first);
        let Some(vni) = vni else { return Ok(condition) };
        if vni > VNI_MAX {
            return Err(self.error(format!("{} VNI {vni} greater than maximum {VNI_MAX}", tunnel.name)));
        }
        let equal = self.masked_equal(transport, UDP_HEADER_BYTES + 4, Size::Word, vni << 8, VNI_MASK)?;
        Ok(self.graph.and(condition, equal))
    }

    /// Ethernet at an offset that is computed.
    fn inner_ethernet(&mut self) -> Result<Inner, Error> {
        let start = self.payload.constant.wrapping_add(self.network).wrapping_add(UDP_HEADER_BYTES);
        let (type_field, header, payload) = (self.take_register()?, self.take_register()?, self.take_register()?);
        self.push_header(Link::Ethernet, Offset::variable(header));
        self.type_field = Offset::variable(type_field);
        self.payload = Offset::variable(payload);
        self.network = 0;
        Ok(Inner { start, type_field, header, payload })
    }

    /// Computes where the inner headers are: the network header's length is in the accumulator, and its offset is
    /// known. Without an Ethernet header inside, the type is Geneve's own.
    fn geneve_offsets(&mut self) -> Result<Vec<Instruction>, Error> {
        let Inner { start, type_field, header, payload } = self.inner_ethernet()?;
        let mut offsets = vec![
            Instruction::plain(ALU | ADD | K, start),
            Instruction::plain(MISC | TAX, 0),
            Instruction::plain(ALU | ADD | K, 2),
            Instruction::plain(ST, type_field),
            // The length of the options, in words, then the end of the Geneve header.
            Instruction::plain(LD | IND | B, 0),
            Instruction::plain(ALU | AND | K, 0x3f),
            Instruction::plain(ALU | MUL | K, 4),
            Instruction::plain(ALU | ADD | K, 8),
            Instruction::plain(ALU | ADD | X, 0),
            Instruction::plain(ST, header),
            Instruction::plain(LD | IND | H, 2),
            Instruction::plain(LDX | MEM, header),
            Instruction::branch(JMP | JEQ | K, TRANSPARENT_ETHERNET, 0, 5),
            Instruction::plain(MISC | TXA, 0),
        ];
        offsets.extend(behind_ethernet(type_field, payload));
        Ok(offsets)
    }

    /// As `geneve_offsets`; VXLAN always has an Ethernet header inside.
    fn vxlan_offsets(&mut self) -> Result<Vec<Instruction>, Error> {
        let Inner { start, type_field, header, payload } = self.inner_ethernet()?;
        let mut offsets = vec![
            Instruction::plain(ALU | ADD | K, start.wrapping_add(VXLAN_HEADER_BYTES)),
            Instruction::plain(ST, header),
        ];
        offsets.extend(behind_ethernet(type_field, payload));
        Ok(offsets)
    }

    /// The inner link header has a length.
    pub(super) fn geneve_has_link_header(&mut self) -> Condition {
        let header = self.header.register.unwrap_or(0);
        let payload = self.payload.register.unwrap_or(0);
        let body = vec![Instruction::plain(LD | MEM, header), Instruction::plain(LDX | MEM, payload)];
        let absent = self.graph.test(body, JEQ | X, 0);
        self.graph.not(absent)
    }
}

/// Notes where the type and the payload of an Ethernet header are that starts at the offset in the accumulator.
fn behind_ethernet(type_field: u32, payload: u32) -> [Instruction; 5] {
    [
        Instruction::plain(ALU | ADD | K, 12),
        Instruction::plain(ST, type_field),
        Instruction::plain(ALU | ADD | K, 2),
        Instruction::plain(MISC | TAX, 0),
        Instruction::plain(STX, payload),
    ]
}
