//! Primitives that are not an address, a number or a name with qualifiers.

use super::parse::Parser;
use super::{
    AtmField, AtmKind, ByteOperation, Direction, FieldTest, Keyword, LlcKind, Mtp2Kind, Mtp3Field, Primitive, Protocol,
    Relation, Symbol, TokenKind,
};
use crate::{Error, names};

/// The type bits of the first frame control byte of IEEE 802.11.
const WLAN_TYPE_MASK: u32 = 0x0c;
/// The subtype bits of the first frame control byte.
const WLAN_SUBTYPE_MASK: u32 = 0xf0;

impl Parser<'_> {
    /// A primitive that starts with the current keyword; a protocol before it has been read.
    pub(super) fn primitive(&mut self, protocol: Option<Protocol>) -> Result<Primitive, Error> {
        let TokenKind::Keyword(keyword) = self.token.kind else {
            return protocol.map(Primitive::Protocol).ok_or_else(|| self.unexpected("a condition"));
        };
        match keyword {
            Keyword::Broadcast => self.single(Primitive::Broadcast(protocol)),
            Keyword::Multicast => self.single(Primitive::Multicast(protocol)),
            Keyword::Type => self.wlan_type(),
            Keyword::Subtype => self.wlan_subtype(),
            Keyword::Dir => self.wlan_direction(),
            _ => match protocol {
                Some(protocol) => Ok(Primitive::Protocol(protocol)),
                None => self.unqualified(keyword),
            },
        }
    }

    /// A primitive that takes no protocol before it.
    fn unqualified(&mut self, keyword: Keyword) -> Result<Primitive, Error> {
        match keyword {
            Keyword::Less => self.followed(Primitive::Less),
            Keyword::Greater => self.followed(Primitive::Greater),
            Keyword::Byte => self.byte(),
            Keyword::Inbound => self.single(Primitive::Inbound),
            Keyword::Outbound => self.single(Primitive::Outbound),
            Keyword::IfIndex => self.followed(Primitive::InterfaceIndex),
            Keyword::IfName => self.named(Primitive::InterfaceName),
            Keyword::Vlan => self.optional(Primitive::Vlan),
            Keyword::Mpls => self.optional(Primitive::Mpls),
            Keyword::Pppoed => self.single(Primitive::PppoeDiscovery),
            Keyword::Pppoes => self.optional(Primitive::PppoeSession),
            Keyword::Geneve => self.optional(Primitive::Geneve),
            Keyword::Vxlan => self.optional(Primitive::Vxlan),
            Keyword::RuleSet => self.named(Primitive::PfRuleset),
            Keyword::RuleNumber => self.followed(Primitive::PfRule),
            Keyword::SubRuleNumber => self.followed(Primitive::PfSubrule),
            Keyword::Reason => self.pf_reason(),
            Keyword::Action => self.pf_action(),
            Keyword::Llc => self.llc(),
            _ => self.telephony(keyword),
        }
    }

    /// ATM and SS7.
    fn telephony(&mut self, keyword: Keyword) -> Result<Primitive, Error> {
        use Mtp2Kind::{FillIn, LinkStatus, Message};
        use Mtp3Field::{DestinationPoint, LinkSelection, OriginatingPoint, ServiceInformation};
        let mtp2 = |high_speed, kind| Primitive::Mtp2 { high_speed, kind };
        match keyword {
            Keyword::Lane => self.single(Primitive::Atm(AtmKind::Lane)),
            Keyword::MetaC => self.single(Primitive::Atm(AtmKind::MetaSignalling)),
            Keyword::Bcc => self.single(Primitive::Atm(AtmKind::Broadcast)),
            Keyword::OamF4Sc => self.single(Primitive::Atm(AtmKind::SegmentOam)),
            Keyword::OamF4Ec => self.single(Primitive::Atm(AtmKind::EndToEndOam)),
            Keyword::Sc => self.single(Primitive::Atm(AtmKind::Signalling)),
            Keyword::IlmiC => self.single(Primitive::Atm(AtmKind::Ilmi)),
            Keyword::Oam => self.single(Primitive::Atm(AtmKind::Oam)),
            Keyword::OamF4 => self.single(Primitive::Atm(AtmKind::OamF4)),
            Keyword::ConnectMsg => self.single(Primitive::Atm(AtmKind::ConnectMessage)),
            Keyword::MetaConnect => self.single(Primitive::Atm(AtmKind::MetaConnect)),
            Keyword::Vpi => self.tested(|test| Primitive::AtmField(AtmField::Vpi, test)),
            Keyword::Vci => self.tested(|test| Primitive::AtmField(AtmField::Vci, test)),
            Keyword::Fisu => self.single(mtp2(false, FillIn)),
            Keyword::Lssu => self.single(mtp2(false, LinkStatus)),
            Keyword::Msu => self.single(mtp2(false, Message)),
            Keyword::HFisu => self.single(mtp2(true, FillIn)),
            Keyword::HLssu => self.single(mtp2(true, LinkStatus)),
            Keyword::HMsu => self.single(mtp2(true, Message)),
            Keyword::Sio => self.mtp3(false, ServiceInformation),
            Keyword::Opc => self.mtp3(false, OriginatingPoint),
            Keyword::Dpc => self.mtp3(false, DestinationPoint),
            Keyword::Sls => self.mtp3(false, LinkSelection),
            Keyword::HSio => self.mtp3(true, ServiceInformation),
            Keyword::HOpc => self.mtp3(true, OriginatingPoint),
            Keyword::HDpc => self.mtp3(true, DestinationPoint),
            Keyword::HSls => self.mtp3(true, LinkSelection),
            _ => Err(self.unexpected("a condition")),
        }
    }

    fn mtp3(&mut self, high_speed: bool, field: Mtp3Field) -> Result<Primitive, Error> {
        self.tested(|test| Primitive::Mtp3 { high_speed, field, test })
    }

    fn single(&mut self, primitive: Primitive) -> Result<Primitive, Error> {
        self.advance()?;
        Ok(primitive)
    }

    /// A keyword and the number after it.
    fn followed(&mut self, primitive: fn(u32) -> Primitive) -> Result<Primitive, Error> {
        self.advance()?;
        self.number().map(primitive)
    }

    /// A keyword and the name after it.
    fn named(&mut self, primitive: fn(String) -> Primitive) -> Result<Primitive, Error> {
        self.advance()?;
        self.name("a name").map(primitive)
    }

    /// A keyword and perhaps a number after it.
    fn optional(&mut self, primitive: fn(Option<u32>) -> Primitive) -> Result<Primitive, Error> {
        self.advance()?;
        let follows = matches!(self.token.kind, TokenKind::Number(_) | TokenKind::Symbol(Symbol::ParenOpen));
        Ok(primitive(if follows { Some(self.enclosed_number()?) } else { None }))
    }

    /// `pnum`: a number, perhaps in parentheses.
    fn enclosed_number(&mut self) -> Result<u32, Error> {
        if !self.at(Symbol::ParenOpen) {
            return self.number();
        }
        self.advance()?;
        let number = self.nested(Self::enclosed_number)?;
        self.expect(Symbol::ParenClose, "\")\"")?;
        Ok(number)
    }

    fn number(&mut self) -> Result<u32, Error> {
        let TokenKind::Number(number) = self.token.kind else { return Err(self.unexpected("a number")) };
        self.advance()?;
        Ok(number)
    }

    fn name(&mut self, expected: &str) -> Result<String, Error> {
        let TokenKind::Name(name) = self.token.kind else { return Err(self.unexpected(expected)) };
        let name = name.to_owned();
        self.advance()?;
        Ok(name)
    }

    /// `byte N op V`.
    fn byte(&mut self) -> Result<Primitive, Error> {
        self.advance()?;
        let index = self.number()?;
        let operation = match self.token.kind {
            TokenKind::Symbol(Symbol::Equal) => ByteOperation::Equal,
            TokenKind::Symbol(Symbol::Less) => ByteOperation::Less,
            TokenKind::Symbol(Symbol::Greater) => ByteOperation::Greater,
            TokenKind::Symbol(Symbol::Ampersand) => ByteOperation::And,
            TokenKind::Symbol(Symbol::Bar) => ByteOperation::Or,
            _ => return Err(self.unexpected("one of = < > & |")),
        };
        self.advance()?;
        let span = self.token.span.clone();
        let value = self.number()?;
        if value > 255 {
            return Err(Error::new(&span, format!("a byte is at most 255, not {value}")));
        }
        Ok(Primitive::Byte { index, operation, value })
    }

    /// A value, a comparison with a value, or several values in parentheses joined by `or`.
    fn tested(&mut self, primitive: impl FnOnce(FieldTest) -> Primitive) -> Result<Primitive, Error> {
        self.advance()?;
        if let Some(relation) = self.relation()? {
            return Ok(primitive(FieldTest::Compare(relation, self.number()?)));
        }
        if !self.at(Symbol::ParenOpen) {
            return Ok(primitive(FieldTest::Compare(Relation::EQUAL, self.number()?)));
        }
        self.advance()?;
        let mut values = vec![self.number()?];
        while self.at_keyword(Keyword::Or) {
            self.advance()?;
            values.push(self.number()?);
        }
        self.expect(Symbol::ParenClose, "\")\" or \"or\"")?;
        Ok(primitive(FieldTest::OneOf(values)))
    }

    /// `src`, `dst`, `src or dst`, and the address fields of IEEE 802.11.
    pub(super) fn direction(&mut self) -> Result<Option<Direction>, Error> {
        let TokenKind::Keyword(keyword) = self.token.kind else { return Ok(None) };
        let direction = match keyword {
            Keyword::Src => Direction::Source,
            Keyword::Dst => Direction::Destination,
            Keyword::Addr1 => Direction::Address1,
            Keyword::Addr2 => Direction::Address2,
            Keyword::Addr3 => Direction::Address3,
            Keyword::Addr4 => Direction::Address4,
            Keyword::Ra => Direction::Receiver,
            Keyword::Ta => Direction::Transmitter,
            _ => return Ok(None),
        };
        self.advance()?;
        let joined = match (direction, &self.token.kind) {
            (Direction::Source | Direction::Destination, TokenKind::Keyword(Keyword::Or)) => Direction::Either,
            (Direction::Source | Direction::Destination, TokenKind::Keyword(Keyword::And)) => Direction::Both,
            _ => return Ok(Some(direction)),
        };
        self.advance()?;
        let (other, shown) = match direction {
            Direction::Source => (Keyword::Dst, "\"dst\""),
            _ => (Keyword::Src, "\"src\""),
        };
        if !self.at_keyword(other) {
            return Err(self.unexpected(shown));
        }
        self.advance()?;
        Ok(Some(joined))
    }

    /// A number with no bits outside `mask`, or a name.
    fn masked(&mut self, mask: u32, what: &str, find: impl Fn(&str) -> Option<u32>) -> Result<u32, Error> {
        let span = self.token.span.clone();
        match self.token.kind {
            TokenKind::Number(number) if number & !mask != 0 => {
                Err(Error::new(&span, format!("invalid {what} value {number:#04x}")))
            }
            TokenKind::Number(number) => {
                self.advance()?;
                Ok(number)
            }
            TokenKind::Name(name) => match find(name) {
                Some(value) => {
                    self.advance()?;
                    Ok(value)
                }
                None => Err(Error::new(&span, format!("unknown {what} name \"{name}\""))),
            },
            _ => Err(self.unexpected(&format!("{what}, as a number or a name,"))),
        }
    }

    /// `type T` and perhaps `subtype S`.
    fn wlan_type(&mut self) -> Result<Primitive, Error> {
        self.advance()?;
        let frame_type = self.masked(WLAN_TYPE_MASK, "802.11 type", names::wlan_type)?;
        if !self.at_keyword(Keyword::Subtype) {
            return Ok(Primitive::WlanType { value: frame_type, mask: WLAN_TYPE_MASK });
        }
        self.advance()?;
        let subtype = self.masked(WLAN_SUBTYPE_MASK, "802.11 subtype", |name| names::wlan_subtype(frame_type, name))?;
        Ok(Primitive::WlanType { value: frame_type | subtype, mask: WLAN_TYPE_MASK | WLAN_SUBTYPE_MASK })
    }

    /// `subtype S`, whose name says the type too.
    fn wlan_subtype(&mut self) -> Result<Primitive, Error> {
        self.advance()?;
        let TokenKind::Name(name) = self.token.kind else {
            return Err(self.unexpected("the name of an 802.11 subtype"));
        };
        let Some(value) = names::wlan_type_subtype(name) else {
            return Err(Error::new(&self.token.span, format!("unknown 802.11 subtype name \"{name}\"")));
        };
        self.advance()?;
        Ok(Primitive::WlanType { value, mask: WLAN_TYPE_MASK | WLAN_SUBTYPE_MASK })
    }

    /// `dir D`.
    fn wlan_direction(&mut self) -> Result<Primitive, Error> {
        self.advance()?;
        self.masked(0x03, "802.11 direction", names::wlan_direction).map(Primitive::WlanDirection)
    }

    fn pf_reason(&mut self) -> Result<Primitive, Error> {
        self.advance()?;
        self.masked(u32::MAX, "pf reason", names::pf_reason).map(Primitive::PfReason)
    }

    fn pf_action(&mut self) -> Result<Primitive, Error> {
        self.advance()?;
        if matches!(self.token.kind, TokenKind::Number(_)) {
            return Err(self.unexpected("the name of a pf action"));
        }
        self.masked(0, "pf action", names::pf_action).map(Primitive::PfAction)
    }

    /// `llc` and perhaps the kind of frame.
    fn llc(&mut self) -> Result<Primitive, Error> {
        self.advance()?;
        let kind = match self.token.kind {
            // "rnr" is a keyword for pf logs too.
            TokenKind::Keyword(Keyword::RuleNumber) => LlcKind::SupervisoryCommand(0x05),
            TokenKind::Name(name) => match names::llc_kind(name) {
                Some(kind) => kind,
                None => return Err(Error::new(&self.token.span, format!("unknown LLC type name \"{name}\""))),
            },
            _ => return Ok(Primitive::Llc(None)),
        };
        self.advance()?;
        Ok(Primitive::Llc(Some(kind)))
    }
}
