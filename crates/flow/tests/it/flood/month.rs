//! Ordinary months.

use super::tape::Recorder;
use super::traffic::Random;
use crate::conversation::{SECOND, key};
use flow::{Config, FlowTable};

const HOUR: i64 = 3600 * SECOND;
/// So that every lane has its share for a month.
const DAYS: i64 = 60;
const DOUBLED_DAY: i64 = 45;

/// Connections an hour by day and hour: busy days, quiet nights and week-ends, and for some hours twice as much.
fn rate(hour: i64, doubled_hours: i64) -> f64 {
    let (day, of_day) = (hour / 24, hour % 24);
    let daily = match of_day {
        8..=17 => 2.0,
        6 | 7 | 18..=21 => 1.0,
        _ => 0.3,
    };
    let weekly = if day % 7 >= 5 { 0.4 } else { 1.2 };
    let doubled = if (DOUBLED_DAY * 24 + 8..DOUBLED_DAY * 24 + 8 + doubled_hours).contains(&hour) { 2.0 } else { 1.0 };
    60.0 * daily * weekly * doubled
}

/// A time in which nothing is cut, on a tape of so many bytes.
fn check(tape_bytes: u64, doubled_hours: i64) {
    let mut random = Random(7);
    let mut recorder = Recorder::new(FlowTable::new(Config::new([7; 16], [9; 32])), tape_bytes);
    for hour in 0..DAYS * 24 {
        let end = recorder.now + HOUR;
        let pause = (HOUR as f64 / rate(hour, doubled_hours)) as u64;
        while recorder.now < end {
            recorder.ordinary(&mut random);
            recorder.now += random.below(2 * pause) as i64;
        }
        if hour % 24 == 3 {
            // The backup: one connection with much in it, and many small ones to one place.
            recorder.connection(
                key(6, ([10, 0, 0, 1], 50_000 + hour as u16), ([192, 0, 250, 1], 873)),
                30_000_000,
                100,
            );
            for number in 0..50 {
                recorder.connection(key(6, ([10, 0, 0, 1], 20_000 + number), ([192, 0, 250, 1], 873)), 12_000, 500);
            }
        }
    }
    let reaches = [flow::Lane::Client, flow::Lane::Server, flow::Lane::Bulk].map(|lane| recorder.reach(lane) / HOUR);
    eprintln!("{tape_bytes}: reach {reaches:?} h, cut {} of {}", recorder.cut[0], recorder.came[0]);
    assert_eq!(recorder.cut[0], 0, "{tape_bytes}");
}

#[test]
fn nothing_is_cut_in_a_month() {
    // Days, weeks and backups need two and a half days of reach, twice as much on top of a busy day a week.
    [(250_000_000, 0), (500_000_000, 10), (1_600_000_000, 10)]
        .into_iter()
        .for_each(|(bytes, hours)| check(bytes, hours));
}

#[test]
fn a_steady_load_is_not_cut_however_short_the_reach() {
    for tape_bytes in [2_000_000, 20_000_000, 200_000_000] {
        let mut random = Random(7);
        let mut recorder = Recorder::new(FlowTable::new(Config::new([7; 16], [9; 32])), tape_bytes);
        let end = recorder.now + 600 * SECOND;
        while recorder.now < end {
            recorder.ordinary(&mut random);
        }
        let reach = recorder.reach(flow::Lane::Server) / SECOND;
        assert_eq!(recorder.cut[0], 0, "{tape_bytes} bytes reach back {reach} s");
    }
}
