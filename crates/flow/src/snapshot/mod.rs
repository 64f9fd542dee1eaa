//! The table's state in bytes, so that flows go on over restarts.
//!
//! Big-endian. `"WTFLOWS"` and a zero byte, version (u16), tape id (16), secret (32), then in this order: counters, clock,
//! ours, listening ports, fragments, flows, admission, the pace of rows. A list is its length (u32) and its items. There is no checksum: whoever
//! stores a snapshot adds one.

mod flow;

use crate::clock::{Clock, Tick};
use crate::entry::Entry;
use crate::fragment::Datagram;
use crate::idle::Class;
use crate::ours::{Network, Networks, Ours};
use crate::row_pace::RowPace;
use crate::table::Counters;
use crate::{Admission, Config, Error, FlowTable};
use packet::Cursor;

const MAGIC: &[u8; 8] = b"WTFLOWS\0";
const VERSION: u16 = 7;

impl FlowTable {
    /// Appends the table's state. What was observed since the last checkpoint is in the flows' states but not in any
    /// part that the restored table will hand out: take a snapshot right after a checkpoint.
    pub fn snapshot(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&VERSION.to_be_bytes());
        out.extend_from_slice(&self.tape_id);
        out.extend_from_slice(&self.secret);
        put_counters(out, &self.counters);
        put_clock(out, &self.clock);
        put_ours(out, &self.ours);
        for ports in &self.listening {
            out.extend_from_slice(&ports.to_be_bytes());
        }
        put_count(out, self.fragments.iter().count());
        for datagram in self.fragments.iter() {
            out.extend_from_slice(&datagram.hash.to_be_bytes());
            out.extend_from_slice(&datagram.src_port.to_be_bytes());
            out.extend_from_slice(&datagram.dest_port.to_be_bytes());
            out.extend_from_slice(&datagram.since.0.to_be_bytes());
        }
        put_count(out, self.live_flows() as usize);
        for class in Class::ALL {
            for slot in self.queues.slots(class, &self.entries) {
                let Some(entry) = self.entries.get(slot as usize) else { break };
                // The next one is on its way from memory while this one is written.
                std::hint::black_box(self.entries.get(entry.link.next as usize).map(Entry::touch));
                flow::put(out, entry, self.paths.path(entry.path));
            }
        }
        self.admission.put(out);
        out.extend_from_slice(&self.junk_rows.left.to_be_bytes());
        out.extend_from_slice(&self.junk_rows.filled.to_be_bytes());
        self.row_pace.put(out);
    }

    /// A table that goes on where the snapshot was taken. Sizes come from `config`, what is ours and the secret from
    /// the snapshot; the tape's id has to be the same. Of more flows than there is room for the worthiest stay; the others
    /// count as evicted.
    ///
    /// # Errors
    /// When the bytes are not a whole snapshot of this version and tape.
    pub fn restore(config: Config, snapshot: &[u8]) -> Result<Self, Error> {
        let mut input = Input { cursor: Cursor::new(snapshot), bytes: snapshot.len() };
        if &input.array::<8>()? != MAGIC {
            return Err(Error::NotASnapshot);
        }
        let version = input.u16()?;
        if version != VERSION {
            return Err(Error::OtherVersion { got: version, expected: VERSION });
        }
        if input.array::<16>()? != config.tape_id {
            return Err(Error::OtherTape);
        }
        let mut table = Self::new(Config { secret: input.array()?, ..config });
        table.counters = counters(&mut input)?;
        table.clock = clock(&mut input)?;
        table.ours = ours(&mut input)?;
        for ports in &mut table.listening {
            *ports = input.u64()?;
        }
        for _ in 0..input.count(16)? {
            let (hash, src_port, dest_port) = (input.u64()?, input.u16()?, input.u16()?);
            table.fragments.restore(Datagram { hash, src_port, dest_port, since: Tick(input.u32()?) });
        }
        table.restore_flows(&mut input)?;
        table.admission = Admission::take(&table.secret, &mut input)?;
        let left = f64::from_bits(input.u64()?);
        table.junk_rows.left = if left.abs() < 1e12 { left } else { return Err(Error::Impossible { field: "rows" }) };
        table.junk_rows.filled = input.u64()?;
        table.row_pace = RowPace::take(&table.secret, &mut input)?;
        if input.cursor.is_empty() { Ok(table) } else { Err(Error::Impossible { field: "length" }) }
    }

    fn restore_flows(&mut self, input: &mut Input<'_>) -> Result<(), Error> {
        let flows = input.count(flow::BYTES_MIN)?;
        let mut stays = self.who_stays(input.clone(), flows)?;
        for _ in 0..flows {
            let (mut entry, path) = flow::take(input)?;
            let hash = self.hasher.hash(&entry.key);
            if self.holds(&entry.key, hash) {
                return Err(Error::Impossible { field: "key" });
            }
            let class = Class::numbered(entry.facts.queue).ok_or(Error::Impossible { field: "queue" })?;
            if !stays(worth(&entry, class, self.clock.tick())) {
                self.counters.flows_evicted += 1;
                continue;
            }
            let Some(slot) = self.next_slot() else { return Err(Error::Impossible { field: "flows" }) };
            entry.path = self.paths.take(path);
            let since = entry.link.since;
            self.insert(slot, entry, hash, (class, since));
        }
        Ok(())
    }

    /// Says of the worth of each flow, in their order, whether there is room for it.
    fn who_stays(&self, mut input: Input<'_>, flows: u32) -> Result<impl FnMut(Worth) -> bool + use<>, Error> {
        let capacity = self.capacity as usize;
        let mut worths = Vec::new();
        if flows as usize > capacity {
            for _ in 0..flows {
                let (entry, _) = flow::take(&mut input)?;
                let class = Class::numbered(entry.facts.queue).ok_or(Error::Impossible { field: "queue" })?;
                worths.push(worth(&entry, class, self.clock.tick()));
            }
            worths.sort_unstable_by(|one, other| other.cmp(one));
        }
        let least = worths.get(capacity.saturating_sub(1)).copied();
        let mut left_of_least = worths.iter().take(capacity).filter(|worth| Some(**worth) == least).count();
        Ok(move |worth: Worth| match least {
            Some(least) if worth == least => {
                let stays = left_of_least > 0;
                left_of_least = left_of_least.saturating_sub(1);
                stays
            }
            _ => Some(worth) > least,
        })
    }
}

/// What a flow is worth keeping: by its class, then who was silent for a shorter time.
type Worth = (u8, std::cmp::Reverse<u32>);

fn worth(entry: &Entry, class: Class, now: Tick) -> Worth {
    (class.worth(), std::cmp::Reverse(now.since(entry.active)))
}

/// Reads what [`FlowTable::snapshot`] wrote.
#[derive(Clone)]
pub(crate) struct Input<'a> {
    cursor: Cursor<'a>,
    bytes: usize,
}

impl Input<'_> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        self.cursor.array().ok_or(Error::Truncated { bytes: self.bytes })
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Error> {
        self.array().map(u8::from_be_bytes)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Error> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Error> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Error> {
        self.array().map(u64::from_be_bytes)
    }

    /// The length of a list whose items take at least `item_bytes`, so that it cannot be longer than what is left.
    pub(crate) fn count(&mut self, item_bytes: usize) -> Result<u32, Error> {
        let count = self.u32()?;
        let fits = (count as usize).checked_mul(item_bytes).is_some_and(|bytes| bytes <= self.cursor.len());
        if fits { Ok(count) } else { Err(Error::Truncated { bytes: self.bytes }) }
    }
}

pub(crate) fn put_count(out: &mut Vec<u8>, count: usize) {
    out.extend_from_slice(&(count as u32).to_be_bytes());
}

fn put_counters(out: &mut Vec<u8>, counters: &Counters) {
    let Counters { packets, packets_rowless, flows, flows_proven, flows_evicted, packets_without_ip } = *counters;
    for count in [packets, packets_rowless, flows, flows_proven, flows_evicted, packets_without_ip] {
        out.extend_from_slice(&count.to_be_bytes());
    }
}

fn counters(input: &mut Input<'_>) -> Result<Counters, Error> {
    let mut count = || match input.u64()? {
        count if count < 1 << 62 => Ok(count),
        _ => Err(Error::Impossible { field: "counters" }),
    };
    Ok(Counters {
        packets: count()?,
        packets_rowless: count()?,
        flows: count()?,
        flows_proven: count()?,
        flows_evicted: count()?,
        packets_without_ip: count()?,
    })
}

fn put_clock(out: &mut Vec<u8>, clock: &Clock) {
    out.extend_from_slice(&clock.nanoseconds.to_be_bytes());
    out.push(u8::from(clock.last_time.is_some()));
    out.extend_from_slice(&clock.last_time.unwrap_or(0).to_be_bytes());
    out.extend_from_slice(&clock.minute_start.to_be_bytes());
    out.extend_from_slice(&clock.minute_packets.to_be_bytes());
    out.extend_from_slice(&clock.previous_packets.to_be_bytes());
}

fn clock(input: &mut Input<'_>) -> Result<Clock, Error> {
    let nanoseconds = input.u64()?;
    let is_running = input.u8()? != 0;
    let last_time = input.u64()? as i64;
    let minute_start = input.u64()?;
    if minute_start > nanoseconds {
        return Err(Error::Impossible { field: "minute_start" });
    }
    let last_time = is_running.then_some(last_time);
    Ok(Clock { nanoseconds, last_time, minute_start, minute_packets: input.u32()?, previous_packets: input.u32()? })
}

fn put_ours(out: &mut Vec<u8>, ours: &Ours) {
    let (home, sets, interfaces) = ours.parts();
    put_networks(out, home);
    put_count(out, sets.len());
    sets.iter().for_each(|set| put_networks(out, set));
    put_count(out, interfaces.len());
    interfaces.iter().for_each(|number| out.extend_from_slice(&number.to_be_bytes()));
}

fn ours(input: &mut Input<'_>) -> Result<Ours, Error> {
    let home = networks(input)?;
    let sets = (0..input.count(4)?).map(|_| networks(input)).collect::<Result<_, _>>()?;
    let interfaces = (0..input.count(4)?).map(|_| input.u32()).collect::<Result<_, _>>()?;
    Ours::from_parts(home, sets, interfaces).ok_or(Error::Impossible { field: "interfaces" })
}

fn put_networks(out: &mut Vec<u8>, networks: &Networks) {
    put_count(out, networks.iter().count());
    for network in networks.iter() {
        let (bits, prefix_bits) = network.to_parts();
        out.extend_from_slice(&bits.to_be_bytes());
        out.push(prefix_bits);
    }
}

fn networks(input: &mut Input<'_>) -> Result<Networks, Error> {
    let network = |input: &mut Input<'_>| {
        let bits = u128::from_be_bytes(input.array()?);
        match input.u8()? {
            prefix_bits @ 0..=128 => Ok(Network::masked(bits, prefix_bits)),
            _ => Err(Error::Impossible { field: "prefix_bits" }),
        }
    };
    (0..input.count(17)?).map(|_| network(input)).collect()
}
