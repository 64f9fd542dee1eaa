//! Messages of DNS (RFC 1035): labels and addresses replaced in place, other data blanked.

use super::names::Names;
use crate::rewrite::Mapping;

const RECORDS_MAX: usize = 1024;

/// Replaces what a message says of whom; false if it cannot be read to its end.
pub(super) fn replace(message: &mut [u8], names: &Names, addresses: &mut dyn Mapping) -> bool {
    Message { bytes: message, names, addresses, at: 12 }.all().is_some()
}

struct Message<'a> {
    bytes: &'a mut [u8],
    names: &'a Names,
    addresses: &'a mut dyn Mapping,
    at: usize,
}

impl Message<'_> {
    fn all(&mut self) -> Option<()> {
        let counts: Vec<usize> = (0..4).map(|count| self.word(4 + count * 2)).collect::<Option<_>>()?;
        let [questions, records @ ..] = counts.as_slice() else { return None };
        let records: usize = records.iter().sum();
        if questions + records > RECORDS_MAX {
            return None;
        }
        for _ in 0..*questions {
            self.name()?;
            self.at += 4;
        }
        for _ in 0..records {
            self.record()?;
        }
        (self.at == self.bytes.len()).then_some(())
    }

    fn record(&mut self) -> Option<()> {
        self.name()?;
        let (kind, data) = (self.word(self.at)?, self.at + 10);
        let end = data + self.word(self.at + 8)?;
        self.at = data;
        let has = |bytes: usize| end - data == bytes;
        match kind {
            1 if has(4) => {
                let place = self.bytes.get_mut(data..end)?.first_chunk_mut()?;
                *place = self.addresses.v4(*place);
            }
            28 if has(16) => {
                let place = self.bytes.get_mut(data..end)?.first_chunk_mut()?;
                *place = self.addresses.v6(*place);
            }
            // NS, CNAME, PTR, DNAME; MX; SRV.
            2 | 5 | 12 | 39 => self.name()?,
            15 => self.name_behind(2)?,
            33 => self.name_behind(6)?,
            6 => {
                self.name()?;
                self.name()?;
                self.at += 20;
            }
            _ => self.bytes.get_mut(data..end)?.fill(0),
        }
        // Names end where their record does.
        let is_read = !matches!(kind, 2 | 5 | 12 | 39 | 15 | 33 | 6) || self.at == end;
        self.at = end;
        (is_read && end <= self.bytes.len()).then_some(())
    }

    fn name_behind(&mut self, bytes: usize) -> Option<()> {
        self.at += bytes;
        self.name()
    }

    /// Replaces the labels up to the end or a pointer: what that points at is replaced where it stands.
    fn name(&mut self) -> Option<()> {
        loop {
            let length = usize::from(*self.bytes.get(self.at)?);
            self.at += 1;
            match length {
                0 => return Some(()),
                0xc0.. => {
                    self.at += 1;
                    return Some(());
                }
                0x40.. => return None,
                _ => {
                    self.names.label(self.bytes.get_mut(self.at..self.at + length)?);
                    self.at += length;
                }
            }
        }
    }

    fn word(&self, at: usize) -> Option<usize> {
        let bytes = self.bytes.get(at..)?.first_chunk().copied()?;
        Some(usize::from(u16::from_be_bytes(bytes)))
    }
}
