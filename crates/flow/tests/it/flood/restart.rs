//! Restarts, and limits.

use super::survival::settled;
use super::tape::Recorder;
use super::traffic::{FLOODS, Random};
use crate::conversation::{ACK, SECOND, SYN, key};
use flow::{Config, FlowTable, Lane, Place};

fn config() -> Config {
    Config::new([7; 16], [9; 32])
}

/// The recorder after a restart: its table comes from a snapshot.
fn restarted(mut recorder: Recorder) -> Recorder {
    recorder.tick();
    let mut parked = 0;
    recorder.parking.drain(|_, _| parked += 1);
    recorder.table.checkpoint();
    recorder.lanes.iter_mut().for_each(|lane| lane.before = lane.filled);
    let mut snapshot = Vec::new();
    recorder.table.snapshot(&mut snapshot);
    recorder.table = FlowTable::restore(config(), &snapshot).expect("a snapshot");
    recorder
}

#[test]
fn a_restart_in_the_middle_of_a_flood_changes_little() {
    let (_, shape) = FLOODS[4];
    let kept = [false, true].map(|restarts| {
        let mut random = Random(42);
        let (mut recorder, reach) = settled(&mut random);
        let before = recorder.lanes[Lane::Server.number()].filled;
        for turn in 0..20_000 {
            shape(&mut recorder, &mut random);
            recorder.now += reach / 100_000;
            if restarts && turn % 2_000 == 1_999 {
                recorder = restarted(recorder);
            }
        }
        recorder.lanes[Lane::Server.number()].filled - before
    });
    let [without, with] = kept.map(|bytes| bytes as f64);
    assert!((with / without - 1.0).abs() < 0.2, "{kept:?}");
}

#[test]
fn three_million_connections_leave_established_ones_alone() {
    let mut random = Random(3);
    let mut recorder = Recorder::new(FlowTable::new(config()), 100_000_000);
    let ssh = key(6, ([198, 51, 100, 7], 4000), ([10, 0, 0, 1], 22));
    recorder.connection(ssh, 100, 100);
    recorder.tcp(ssh, SYN, 1_000_099, 0, 0);
    recorder.tcp(ssh.reversed(), SYN | ACK, 499, 1_000_100, 0);
    recorder.tcp(ssh, ACK, 1_000_100, 500, 0);
    for number in 0..3_000_000_u32 {
        let [a, b, c, d] = (random.next() as u32).to_be_bytes();
        let key = key(6, ([30 + a % 60, b, c, d], 1024 + number as u16 % 60_000), ([10, 0, 0, 1], 443));
        recorder.tcp(key, SYN, 7, 0, 0);
        recorder.now -= 990_000;
        if number % 30_000 == 0 {
            let payload_bytes = 10;
            let transport = packet::decode::Transport::Tcp { seq: 1_000_100, ack: 500, flags: ACK, window: 1000 };
            let headers = packet::Headers { key: Some(ssh), transport, payload_bytes, ..packet::Headers::default() };
            assert_eq!(recorder.packet(&headers, 64).place, Place::Lane(Lane::Server));
            // Newcomers that are real get through too.
            recorder.mark = 1;
            recorder.connection(
                crate::conversation::key(6, ([203, 0, 113, 5], 1024 + (number / 30_000) as u16), ([10, 0, 0, 1], 443)),
                100,
                500,
            );
            recorder.mark = 0;
        }
    }
    assert!(recorder.now < crate::conversation::START + 40 * SECOND);
    let part = recorder.kept(1) as f64 / recorder.came[1].max(1) as f64;
    assert!(part > 0.9, "{part}");
}
