//! The first bytes of a conversation, until it is known who speaks.

use crate::protocols::{KNOWN, OPENING_BYTES_MAX, Opening, Parties, Probe, Recognised};
use crate::{At, Ends, Side};

/// Datagrams and gaps that are kept to be told to the protocol. Of streams, each byte may come alone.
const PIECES_MAX: usize = 32;
/// Datagrams that nobody recognised before it is given up.
const DATAGRAMS_MAX: u32 = 16;

/// What has been said while nobody was recognised.
#[derive(Debug, Default)]
pub(crate) struct Beginning {
    client: Said,
    server: Said,
    first: Option<Side>,
    pieces: Vec<(Side, At, Piece)>,
    /// Bit by bit: which of [`KNOWN`] said that it is another.
    refused: u64,
    /// Datagrams that nobody recognised.
    datagrams: u32,
}

/// What a side has said.
#[derive(Debug, Default)]
struct Said {
    bytes: Vec<u8>,
    /// How much of it is looked at.
    shown_bytes: usize,
    has_ended: bool,
}

/// Something that was said, in the order in which it was.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Piece {
    /// So many bytes.
    Data(usize),
    /// A gap of so many bytes.
    Gap(u64),
    /// The side's end.
    End(Ends),
}

/// Who speaks.
pub(crate) enum Verdict {
    /// It cannot be said yet.
    Wait,
    /// This protocol.
    Known(&'static Recognised),
    /// Nobody who is known.
    Nobody,
}

impl Beginning {
    /// Looks at the next bytes. With [`Verdict::Wait`] they are kept if they are still wanted, otherwise not.
    pub(crate) fn data(&mut self, side: Side, at: At, data: &[u8], parties: &Parties) -> Verdict {
        self.first.get_or_insert(side);
        let is_first = self.said(side).bytes.is_empty();
        let verdict = if is_first && self.is_empty() {
            self.judge(Some((side, data)), parties, data.len() >= OPENING_BYTES_MAX)
        } else {
            let said = self.said(side);
            said.bytes.extend_from_slice(data);
            if is_first || parties.is_stream {
                said.shown_bytes = said.bytes.len().min(OPENING_BYTES_MAX);
            }
            let is_full = !parties.is_stream && self.pieces.len() + 1 >= PIECES_MAX
                || self.said(side).bytes.len() >= OPENING_BYTES_MAX;
            let verdict = self.judge(None, parties, is_full);
            let said = self.said(side);
            said.bytes.truncate(said.bytes.len() - data.len());
            verdict
        };
        match verdict {
            Verdict::Wait => {
                let said = self.said(side);
                said.bytes.extend_from_slice(data);
                said.shown_bytes = if is_first { data.len() } else { said.shown_bytes };
                self.pieces.push((side, at, Piece::Data(data.len())));
            }
            Verdict::Nobody if !parties.is_stream && self.datagrams < DATAGRAMS_MAX => {
                *self = Self { datagrams: self.datagrams + 1, ..Self::default() };
                return Verdict::Wait;
            }
            _ => {}
        }
        verdict
    }

    /// So many bytes of a side are missing.
    pub(crate) fn gap(&mut self, side: Side, at: At, bytes: u64, parties: &Parties) -> Verdict {
        let gaps = self.pieces.iter().filter(|(_, _, piece)| matches!(piece, Piece::Gap(_))).count();
        if !self.said(side).bytes.is_empty() || gaps >= PIECES_MAX {
            return self.judge(None, parties, true);
        }
        if !(self.is_empty() && self.datagrams > 0) {
            self.pieces.push((side, at, Piece::Gap(bytes)));
        }
        Verdict::Wait
    }

    /// A side has ended.
    pub(crate) fn end(&mut self, side: Side, at: At, ends: Ends, parties: &Parties) -> Verdict {
        self.pieces.push((side, at, Piece::End(ends)));
        self.said(side).has_ended = true;
        match self.client.has_ended && self.server.has_ended {
            true => self.judge(None, parties, true),
            false => Verdict::Wait,
        }
    }

    /// Tells what was kept, in the order in which it was said.
    pub(crate) fn replay(&self, mut tell: impl FnMut(Side, At, Piece, &[u8])) {
        let (mut client, mut server) = (self.client.bytes.as_slice(), self.server.bytes.as_slice());
        for &(side, at, piece) in &self.pieces {
            let rest = if side == Side::Client { &mut client } else { &mut server };
            let count = if let Piece::Data(count) = piece { count } else { 0 };
            let (now, later) = rest.split_at_checked(count).unwrap_or_default();
            *rest = later;
            tell(side, at, piece, now);
        }
    }

    /// Whether nothing was kept.
    pub(crate) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Whether bytes were kept.
    pub(crate) fn has_data(&self) -> bool {
        !(self.client.bytes.is_empty() && self.server.bytes.is_empty())
    }

    /// Bytes that it holds on to.
    pub(crate) fn held_bytes(&self) -> usize {
        self.client.bytes.capacity() + self.server.bytes.capacity() + self.pieces.capacity() * 48
    }

    fn said(&mut self, side: Side) -> &mut Said {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    /// Asks everyone; `only` is what was said, if nothing was kept. If it `is_last`, who only could be has it.
    fn judge(&mut self, only: Option<(Side, &[u8])>, parties: &Parties, is_last: bool) -> Verdict {
        let Parties { client_port, server_port, is_stream, .. } = *parties;
        let first = self.first.unwrap_or(Side::Client);
        let (mut client, mut server) = (self.client.shown(), self.server.shown());
        if let Some((side, data)) = only {
            let shown = data.get(..OPENING_BYTES_MAX).unwrap_or(data);
            *(if side == Side::Client { &mut client } else { &mut server }) = shown;
        }
        let opening = Opening { client, server, first, client_port, server_port, is_stream };
        let have_both_spoken = !client.is_empty() && !server.is_empty();
        let (mut refused, mut wants_more, mut likely) = (self.refused, false, None);
        for (i, recognised) in KNOWN.iter().enumerate() {
            let bit = 1_u64.checked_shl(i as u32).unwrap_or(0);
            if refused & bit != 0 {
                continue;
            }
            match (recognised.probe)(&opening) {
                Probe::Yes => return Verdict::Known(recognised),
                Probe::No => refused |= bit,
                Probe::More => wants_more = true,
                Probe::Maybe => likely = likely.or(Some(recognised)),
            }
        }
        self.refused = refused;
        match likely {
            Some(likely) if is_last || (have_both_spoken && !wants_more) => Verdict::Known(likely),
            None if is_last || !wants_more => Verdict::Nobody,
            _ => Verdict::Wait,
        }
    }
}

impl Said {
    fn shown(&self) -> &[u8] {
        self.bytes.get(..self.shown_bytes).unwrap_or_default()
    }
}
