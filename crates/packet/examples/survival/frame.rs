//! Ethernet frames with right lengths and checksums, written behind one another as records of a nanosecond pcap.

/// Segments carry at most this, with a time stamp option's room left free.
pub(crate) const SEGMENT_BYTES: usize = 1448;
/// Ethernet and IPv4, without options.
pub(crate) const HEADER_BYTES: usize = 34;

pub(crate) const FIN: u8 = 0x01;
pub(crate) const SYN: u8 = 0x02;
pub(crate) const RST: u8 = 0x04;
pub(crate) const PSH: u8 = 0x08;
pub(crate) const ACK: u8 = 0x10;

const RECORD_BYTES: usize = 16;
const FRAME_BYTES_MIN: usize = 60;
const OUR_MAC: [u8; 6] = [2, 0, 0, 0, 0, 5];
const GATEWAY_MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];

/// Address and port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Side(pub(crate) u32, pub(crate) u16);

/// Our network: 10.20.0.0/16.
pub(crate) fn is_ours(address: u32) -> bool {
    address >> 16 == 0x0a14
}

/// Records that were made and are not written yet.
#[derive(Default)]
pub(crate) struct Records {
    bytes: Vec<u8>,
    /// Where each frame begins, and how long it is.
    frames: Vec<(usize, usize)>,
    ident: u16,
}

impl Records {
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.frames.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.frames.len()
    }

    /// With what the records have beside the frames.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.len() as u64
    }

    pub(crate) fn frame(&self, number: usize) -> &[u8] {
        let (start, bytes) = self.frames[number];
        &self.bytes[start..start + bytes]
    }

    /// The record of a frame, once it has its time.
    pub(crate) fn record(&mut self, number: usize, time: u64) -> &[u8] {
        let (start, bytes) = self.frames[number];
        let length = (bytes as u32).to_le_bytes();
        let header = &mut self.bytes[start - RECORD_BYTES..start];
        header[0..4].copy_from_slice(&((time / 1_000_000_000) as u32).to_le_bytes());
        header[4..8].copy_from_slice(&((time % 1_000_000_000) as u32).to_le_bytes());
        header[8..12].copy_from_slice(&length);
        header[12..16].copy_from_slice(&length);
        &self.bytes[start - RECORD_BYTES..start + bytes]
    }

    /// A frame as it is.
    pub(crate) fn raw(&mut self, frame: &[u8]) {
        let start = self.begin();
        self.bytes.extend_from_slice(frame);
        self.end(start);
    }

    pub(crate) fn tcp(&mut self, from: Side, to: Side, flags: u8, seq: u32, ack: u32, payload: &[u8]) {
        let mss: &[u8] = if flags & SYN != 0 { &[2, 4, 5, 0xb4] } else { &[] };
        let tcp_bytes = 20 + mss.len() + payload.len();
        let start = self.begin();
        self.network(from.0, to.0, 6, tcp_bytes, 0x4000);
        let mut header = [0; 24];
        header[0..2].copy_from_slice(&from.1.to_be_bytes());
        header[2..4].copy_from_slice(&to.1.to_be_bytes());
        header[4..8].copy_from_slice(&seq.to_be_bytes());
        header[8..12].copy_from_slice(&ack.to_be_bytes());
        header[12] = (5 + mss.len() as u8 / 4) << 4;
        header[13] = flags;
        header[14..16].copy_from_slice(&0xfaf0u16.to_be_bytes());
        header[20..20 + mss.len()].copy_from_slice(mss);
        let header = &mut header[..20 + mss.len()];
        let checksum = folded(sum(header) + sum(payload) + pseudo(from.0, to.0, 6, tcp_bytes));
        header[16..18].copy_from_slice(&(!checksum).to_be_bytes());
        self.bytes.extend_from_slice(header);
        self.bytes.extend_from_slice(payload);
        self.end(start);
    }

    pub(crate) fn udp(&mut self, from: Side, to: Side, payload: &[u8]) {
        let start = self.begin();
        self.network(from.0, to.0, 17, 8 + payload.len(), 0x4000);
        self.bytes.extend_from_slice(&udp_header(from, to, payload));
        self.bytes.extend_from_slice(payload);
        self.end(start);
    }

    /// A UDP datagram in fragments of `piece` bytes (a multiple of 8), of which only those that `keeps` are written.
    pub(crate) fn udp_in_fragments(
        &mut self,
        from: Side,
        to: Side,
        payload: &[u8],
        piece: usize,
        keeps: impl Fn(usize) -> bool,
    ) {
        let datagram = [&udp_header(from, to, payload)[..], payload].concat();
        let ident = self.ident.wrapping_add(1);
        for (number, part) in datagram.chunks(piece).enumerate().filter(|(number, _)| keeps(*number)) {
            let more = if (number + 1) * piece < datagram.len() { 0x2000 } else { 0 };
            let start = self.begin();
            self.ident = ident.wrapping_sub(1);
            self.network(from.0, to.0, 17, part.len(), more | (number * piece / 8) as u16);
            self.bytes.extend_from_slice(part);
            self.end(start);
        }
    }

    /// An ICMP message; `rest` is what follows the checksum.
    pub(crate) fn icmp(&mut self, from: u32, to: u32, kind: u8, code: u8, rest: &[u8]) {
        let start = self.begin();
        self.network(from, to, 1, 4 + rest.len(), 0);
        let checksum = !folded(sum(&[kind, code]) + sum(rest));
        self.bytes.extend_from_slice(&[kind, code]);
        self.bytes.extend_from_slice(&checksum.to_be_bytes());
        self.bytes.extend_from_slice(rest);
        self.end(start);
    }

    /// Says that the port of the frame `number` is closed: ICMP with what the frame began with.
    pub(crate) fn unreachable(&mut self, number: usize) {
        let frame = self.frame(number);
        let address = |at: usize| u32::from_be_bytes([frame[at], frame[at + 1], frame[at + 2], frame[at + 3]]);
        let (from, to) = (address(26), address(30));
        let mut rest = vec![0; 4];
        rest.extend_from_slice(&frame[14..frame.len().min(14 + 28)]);
        self.icmp(to, from, 3, 3, &rest);
    }

    fn begin(&mut self) -> usize {
        self.bytes.extend_from_slice(&[0; RECORD_BYTES]);
        self.ident = self.ident.wrapping_add(1);
        self.bytes.len()
    }

    fn end(&mut self, start: usize) {
        let bytes = (self.bytes.len() - start).max(FRAME_BYTES_MIN);
        self.bytes.resize(start + bytes, 0);
        self.frames.push((start, bytes));
    }

    fn network(&mut self, from: u32, to: u32, protocol: u8, bytes: usize, fragment: u16) {
        let (source, destination) = if is_ours(from) { (OUR_MAC, GATEWAY_MAC) } else { (GATEWAY_MAC, OUR_MAC) };
        let mut header = [0; HEADER_BYTES];
        header[0..6].copy_from_slice(&destination);
        header[6..12].copy_from_slice(&source);
        header[12..16].copy_from_slice(&[8, 0, 0x45, 0]);
        header[16..18].copy_from_slice(&((20 + bytes) as u16).to_be_bytes());
        header[18..20].copy_from_slice(&self.ident.to_be_bytes());
        header[20..22].copy_from_slice(&fragment.to_be_bytes());
        header[22..24].copy_from_slice(&[64, protocol]);
        header[26..30].copy_from_slice(&from.to_be_bytes());
        header[30..34].copy_from_slice(&to.to_be_bytes());
        let checksum = !folded(sum(&header[14..]));
        header[24..26].copy_from_slice(&checksum.to_be_bytes());
        self.bytes.extend_from_slice(&header);
    }
}

fn udp_header(from: Side, to: Side, payload: &[u8]) -> [u8; 8] {
    let length = (8 + payload.len()) as u16;
    let mut header = [0; 8];
    header[0..2].copy_from_slice(&from.1.to_be_bytes());
    header[2..4].copy_from_slice(&to.1.to_be_bytes());
    header[4..6].copy_from_slice(&length.to_be_bytes());
    let checksum = !folded(sum(&header) + sum(payload) + pseudo(from.0, to.0, 17, usize::from(length)));
    header[6..8].copy_from_slice(&checksum.max(1).to_be_bytes());
    header
}

fn pseudo(from: u32, to: u32, protocol: u8, bytes: usize) -> u64 {
    let halves = |address: u32| u64::from(address >> 16) + u64::from(address & 0xffff);
    halves(from) + halves(to) + u64::from(protocol) + bytes as u64
}

/// The sum of the 16-bit words, big-endian, not folded.
fn sum(bytes: &[u8]) -> u64 {
    let mut words = bytes.chunks_exact(4);
    let mut total: u64 =
        words.by_ref().map(|word| u64::from(u32::from_be_bytes([word[0], word[1], word[2], word[3]]))).sum();
    let mut rest = [0; 4];
    rest[..words.remainder().len()].copy_from_slice(words.remainder());
    total += u64::from(u32::from_be_bytes(rest));
    (total >> 32) + (total & 0xffff_ffff)
}

fn folded(mut total: u64) -> u16 {
    while total > 0xffff {
        total = (total >> 16) + (total & 0xffff);
    }
    total as u16
}
