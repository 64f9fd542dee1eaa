//! The incident: a way in, a download, a shell, a beacon, names that are asked for, and a slow exfiltration.

use crate::crowd::Planned;
use crate::frame::Side;
use crate::ordinary::{RESOLVER, VICTIM, say, shell, web};
use crate::random::Random;

/// The /24 that the attacker comes from, and the one of the servers that the victim is made to talk to.
#[derive(Clone, Copy)]
pub(crate) struct Networks {
    pub(crate) attacker: u32,
    pub(crate) control: u32,
}

/// Of the incident before the flood.
pub(crate) const BEFORE: Networks = Networks { attacker: 0xcb00_7100, control: 0xc633_6400 };
/// Of the one during it.
pub(crate) const DURING: Networks = Networks { attacker: 0xb94d_0a00, control: 0x2d09_9400 };

const BEACONS: u64 = 288;

/// The flows of an incident from `start` on, for `span_ns`.
pub(crate) fn incident(group: &'static str, networks: Networks, start: u64, span_ns: u64, seed: u64) -> Vec<Planned> {
    let mut random = Random::new(seed ^ 0x1c1d);
    let mut flows = Vec::new();
    let at = |share: f64| start + (span_ns as f64 * share) as u64;
    let attacker = |random: &mut Random| Side(networks.attacker + 66 + random.below(3), random.port());
    let victim = |random: &mut Random| Side(VICTIM, random.port());
    let mut plan = |start, protocol, client, server, messages| {
        flows.push(Planned { start, group, protocol, client, server, messages });
    };
    for number in 0..24 {
        let share = 0.04 * f64::from(number) / 24.0;
        plan(at(share), 6, attacker(&mut random), Side(VICTIM, 443), web(&mut random, 2000.0));
    }
    let tool = vec![say(1, true, 160), say(5, false, 300_000)];
    plan(at(0.05), 6, victim(&mut random), Side(networks.control + 80, 80), tool);
    for share in [0.06, 0.3, 0.8] {
        plan(at(share), 6, attacker(&mut random), Side(VICTIM, 22), shell(&mut random));
    }
    for number in 0..BEACONS {
        let share = 0.06 + 0.94 * number as f64 / BEACONS as f64;
        let messages =
            vec![say(1, true, 517), say(1, false, 1300), say(2, true, random.between(90, 400)), say(9, false, 120)];
        plan(at(share), 6, victim(&mut random), Side(networks.control + 23, 443), messages);
        if number % 8 == 0 {
            let messages = vec![say(0, true, random.between(60, 120)), say(12, false, random.between(80, 300))];
            plan(at(share).saturating_sub(100_000_000), 17, victim(&mut random), Side(RESOLVER, 53), messages);
        }
    }
    for share in [0.1, 0.35, 0.6] {
        // A kilobyte each half a minute, which idle TCP flows outlive.
        let pieces = (0..120).map(|_| say(u64::from(random.between(15_000, 45_000)), true, random.between(300, 1400)));
        let pieces = pieces.collect();
        plan(at(share), 6, victim(&mut random), Side(networks.control + 77, 443), pieces);
    }
    flows
}
