//! Messages: header, questions, records (RFC 1035, 4).

use packet::Cursor;

use super::name;

pub(super) const A: u16 = 1;
pub(super) const NS: u16 = 2;
pub(super) const CNAME: u16 = 5;
pub(super) const PTR: u16 = 12;
pub(super) const AAAA: u16 = 28;
pub(super) const NETBIOS: u16 = 32;
pub(super) const NETBIOS_STATUS: u16 = 33;
pub(super) const DNAME: u16 = 39;
/// Carries flags of the message, not data of a name.
const OPT: u16 = 41;

/// Records that are read of one message.
const RECORDS_MAX: usize = 2048;

/// A message, as far as it could be read.
#[derive(Debug)]
pub(super) struct Message<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) is_response: bool,
    pub(super) operation: u8,
    pub(super) code: u8,
    pub(super) questions: Vec<Question>,
    pub(super) records: Vec<Record<'a>>,
    /// It ends early, or says what cannot be.
    pub(super) is_malformed: bool,
    /// Bytes after it.
    pub(super) rest: usize,
}

/// What is asked.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) name: String,
    pub(super) kind: u16,
    pub(super) class: u16,
}

/// A record of an answer.
#[derive(Debug)]
pub(super) struct Record<'a> {
    pub(super) section: Section,
    pub(super) name: String,
    pub(super) kind: u16,
    pub(super) data: &'a [u8],
    /// The name that is its data.
    pub(super) target: Option<String>,
}

/// The part of a message where a record stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    Answer,
    Authority,
    Additional,
}

impl<'a> Message<'a> {
    /// Reads a message; `None` if not even the header is there.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut cursor = Cursor::new(bytes);
        cursor.skip(2)?;
        let [high, low] = cursor.array()?;
        let questions = cursor.u16()?;
        let sections = [
            (Section::Answer, cursor.u16()?),
            (Section::Authority, cursor.u16()?),
            (Section::Additional, cursor.u16()?),
        ];
        let mut message = Self {
            bytes,
            is_response: high & 0x80 != 0,
            operation: high >> 3 & 0x0f,
            code: low & 0x0f,
            questions: Vec::new(),
            records: Vec::new(),
            is_malformed: false,
            rest: 0,
        };
        message.is_malformed = message.body(&mut cursor, questions, sections).is_none();
        message.rest = cursor.len();
        Some(message)
    }

    /// Whether nothing is asked or told, as far as it could be read.
    pub(super) fn is_empty(&self) -> bool {
        self.questions.is_empty() && self.records.is_empty()
    }

    fn body(&mut self, cursor: &mut Cursor<'a>, questions: u16, sections: [(Section, u16); 3]) -> Option<()> {
        for _ in 0..questions {
            let name = name::read(self.bytes, cursor)?;
            let (kind, class) = (cursor.u16()?, cursor.u16()?);
            let name =
                if matches!(kind, NETBIOS | NETBIOS_STATUS) { name::netbios(&name).unwrap_or(name) } else { name };
            self.questions.push(Question { name, kind, class });
        }
        for (section, count) in sections {
            for _ in 0..count {
                let record = self.record(section, cursor)?;
                if self.records.len() >= RECORDS_MAX {
                    return None;
                }
                if record.kind != OPT {
                    self.records.push(record);
                }
            }
        }
        Some(())
    }

    fn record(&self, section: Section, cursor: &mut Cursor<'a>) -> Option<Record<'a>> {
        let name = name::read(self.bytes, cursor)?;
        let kind = cursor.u16()?;
        cursor.skip(6)?;
        let length = cursor.u16()?;
        let data = cursor.take(usize::from(length))?;
        let target = match kind {
            NS | CNAME | PTR | DNAME => name::read(self.bytes, &mut Cursor::new(data)),
            _ => None,
        };
        let name = if matches!(kind, NETBIOS | NETBIOS_STATUS) { name::netbios(&name).unwrap_or(name) } else { name };
        Some(Record { section, name, kind, data, target })
    }
}

/// A code of a response, as dig names it.
pub(super) fn code_name(code: u8) -> String {
    match code {
        0 => "NOERROR".to_owned(),
        1 => "FORMERR".to_owned(),
        2 => "SERVFAIL".to_owned(),
        3 => "NXDOMAIN".to_owned(),
        4 => "NOTIMP".to_owned(),
        5 => "REFUSED".to_owned(),
        6 => "YXDOMAIN".to_owned(),
        7 => "YXRRSET".to_owned(),
        8 => "NXRRSET".to_owned(),
        9 => "NOTAUTH".to_owned(),
        10 => "NOTZONE".to_owned(),
        _ => format!("RCODE{code}"),
    }
}
