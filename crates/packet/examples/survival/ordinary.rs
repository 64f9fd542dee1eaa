//! The traffic of ordinary days: a web server and its neighbours, with nights and days.

use crate::conversation::Message;
use crate::crowd::Planned;
use crate::frame::Side;
use crate::random::Random;

pub(crate) const VICTIM: u32 = 0x0a14_0005;
pub(crate) const RESOLVER: u32 = 0x0909_0909;
const DAY_NS: f64 = 86_400e9;
/// What a flow has on average, by the mix below; measured.
const FLOW_BYTES_MEAN: f64 = 36_000.0;
const CLIENTS: usize = 5000;
const SERVERS: usize = 300;

/// Begins flows as a Poisson process, half as many at night.
pub(crate) struct Ordinary {
    random: Random,
    now: f64,
    gap_ns: f64,
    clients: Vec<u32>,
    servers: Vec<u32>,
}

impl Ordinary {
    pub(crate) fn new(seed: u64, start: u64, bytes_a_day: f64) -> Self {
        let mut random = Random::new(seed);
        // Some networks have many of our clients.
        let networks: Vec<u32> = (0..CLIENTS / 3).map(|_| random.stranger() & !0xff).collect();
        let clients = (0..CLIENTS).map(|_| skewed(&mut random, &networks) | random.between(1, 255)).collect();
        let servers = (0..SERVERS).map(|_| random.stranger()).collect();
        Self { random, now: start as f64, gap_ns: DAY_NS * FLOW_BYTES_MEAN / bytes_a_day, clients, servers }
    }

    pub(crate) fn next(&mut self) -> Planned {
        loop {
            let busiest = 1.4;
            self.now += self.random.exponential(self.gap_ns / busiest);
            let of_day = (self.now / DAY_NS).fract();
            let busy = 1.0 - 0.4 * (of_day * std::f64::consts::TAU).cos();
            if self.random.chance(busy / busiest) {
                return self.flow();
            }
        }
    }

    fn flow(&mut self) -> Planned {
        let random = &mut self.random;
        let stranger = Side(skewed(random, &self.clients), random.port());
        let neighbour = Side(VICTIM + random.below(12), random.port());
        let server = skewed(random, &self.servers);
        let (protocol, client, server, messages) = match random.below(1000) {
            0..430 => (6, stranger, Side(VICTIM, 443), web(random, 11_000.0)),
            430..530 => (17, stranger, Side(VICTIM, 53), question(random)),
            530..550 => (6, stranger, Side(VICTIM + 1, 22), shell(random)),
            550..570 => (6, stranger, Side(VICTIM + 2, 25), mail(random)),
            570..770 => (6, neighbour, Side(server, 443), web(random, 8000.0)),
            770..980 => (17, neighbour, Side(RESOLVER, 53), question(random)),
            980..990 => (6, stranger, Side(VICTIM, 443), download(random)),
            _ => (6, neighbour, Side(server, 443), download(random)),
        };
        Planned { start: self.now as u64, group: "ordinary", protocol, client, server, messages }
    }
}

/// One of them, the first ones more often.
fn skewed(random: &mut Random, all: &[u32]) -> u32 {
    let share = random.share();
    all[((share * share * all.len() as f64) as usize).min(all.len() - 1)]
}

pub(crate) fn say(pause_ms: u64, from_client: bool, bytes: u32) -> Message {
    Message { pause_ns: pause_ms * 1_000_000, from_client, bytes: bytes.max(1) }
}

/// A few requests on one connection.
pub(crate) fn web(random: &mut Random, median: f64) -> Vec<Message> {
    let mut messages = vec![say(1, true, 517), say(1, false, 3200), say(2, true, 80)];
    for _ in 0..random.between(1, 4) {
        messages.push(say(u64::from(random.below(800)), true, random.between(200, 1200)));
        messages.push(say(u64::from(random.below(60)), false, random.around(median / 2.0, 1.0) as u32));
    }
    messages
}

pub(crate) fn question(random: &mut Random) -> Vec<Message> {
    vec![say(0, true, random.between(28, 60)), say(u64::from(random.between(1, 30)), false, random.between(60, 400))]
}

/// Keys and their echo, for minutes.
pub(crate) fn shell(random: &mut Random) -> Vec<Message> {
    let mut messages = vec![say(1, false, 40), say(1, true, 40), say(2, true, 1400), say(2, false, 1100)];
    for _ in 0..random.between(30, 90) {
        messages.push(say(u64::from(random.between(200, 9000)), true, 36));
        messages.push(say(1, false, random.between(36, 120)));
    }
    messages
}

fn mail(random: &mut Random) -> Vec<Message> {
    let mut messages = vec![say(20, false, 60)];
    for _ in 0..4 {
        messages.push(say(5, true, random.between(20, 80)));
        messages.push(say(5, false, random.between(20, 60)));
    }
    messages.push(say(5, true, random.around(9000.0, 1.0) as u32));
    messages
}

/// A heavy tail, from 200 KB to 8 MB.
fn download(random: &mut Random) -> Vec<Message> {
    let bytes = (200e3 * (1.0 - random.share()).powf(-1.0 / 1.2)).min(8e6);
    vec![say(1, true, 517), say(1, false, 3200), say(2, true, 400), say(20, false, bytes as u32)]
}
