//! Restarts, and limits.

use super::survival::settled;
use super::tape::Recorder;
use super::traffic::{FLOODS, Random};
use crate::conversation::{ACK, SECOND, SYN, key};
use flow::{Config, FlowTable, Lane, Place};

fn config() -> Config {
    Config::new([7; 16], [9; 32])
}

/// The recorder stops; its table in bytes.
fn stop(recorder: &mut Recorder) -> Vec<u8> {
    recorder.tick();
    recorder.parking.drain(|_, _| ());
    recorder.table.checkpoint();
    let mut snapshot = Vec::new();
    recorder.table.snapshot(&mut snapshot);
    snapshot
}

/// It goes on after a restart: with the table that is in the snapshot, and a tape that counts from its opening.
fn restart(recorder: &mut Recorder, snapshot: &[u8]) {
    recorder.lanes.iter_mut().for_each(|lane| lane.before = lane.filled);
    recorder.table = FlowTable::restore(config(), snapshot).expect("a snapshot");
}

/// What was kept, where, of whom.
fn kept(recorder: &Recorder) -> impl PartialEq + std::fmt::Debug + use<> {
    (recorder.lanes.each_ref().map(|lane| (lane.filled, lane.held)), recorder.came, recorder.cut)
}

#[test]
fn a_restart_in_the_middle_of_a_flood_changes_nothing() {
    let mut random = Random(42);
    let (settled, reach) = settled(&mut random);
    for shape in ["spoofed UDP that is answered", "ten thousand sources", "all at once"] {
        let (_, flood) = FLOODS.into_iter().find(|(name, _)| *name == shape).expect("a shape");
        let mut recorders = [settled.clone(), settled.clone()];
        for turn in 1..=20_000 {
            for recorder in &mut recorders {
                let mut random = Random(turn);
                flood(recorder, &mut random);
                recorder.ordinary(&mut random);
                recorder.now += reach / 100_000;
            }
            if turn % 2_000 == 0 {
                let snapshots = recorders.each_mut().map(stop);
                let [lived, restarted] = &mut recorders;
                assert_eq!(kept(lived), kept(restarted), "{shape}, {turn}");
                assert!(snapshots[0] == snapshots[1], "{shape}, {turn}: the tables differ");
                restart(restarted, &snapshots[1]);
            }
        }
        let judged = recorders[0].table.admission().reports().iter().any(|(_, report)| report.is_judged);
        assert!(judged, "{shape}: nothing was cut");
    }
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
