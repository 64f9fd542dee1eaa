//! Packets whose times step forward and back and go over midnight: a capture that somebody made while clocks were set.

use packet::{LinkType, Timestamp};

use crate::capture::{capture_of, packets_of};
use crate::support::{run, run_with};

/// 2026-11-23T23:59:58Z.
const START_MS: i64 = 1_795_478_398_000;
const HOUR_MS: i64 = 3_600_000;

/// When each packet came, by the clock of whoever wrote it down: over midnight, two hours earlier, three days later.
fn times_ms() -> Vec<i64> {
    let run = |start: i64, packets: i64| (0..packets).map(move |number| start + number * 100);
    run(START_MS, 40).chain(run(START_MS - 2 * HOUR_MS, 10)).chain(run(START_MS + 72 * HOUR_MS, 10)).collect()
}

/// One UDP flow; each packet bears its number.
fn write_capture(path: &std::path::Path) -> Vec<Vec<u8>> {
    let data = |number: u32| {
        let mut data = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0];
        data.extend([0x45, 0, 0, 32, 0, 0, 0, 0, 64, 17, 0, 0, 10, 77, 0, 1, 192, 0, 2, 1]);
        data.extend([0x30, 0x39, 0, 53, 0, 12, 0, 0]);
        data.extend(number.to_be_bytes());
        data
    };
    let packets = (0_u32..).zip(times_ms()).map(|(number, time)| (Timestamp(time * 1_000_000), data(number)));
    let packets: Vec<(Timestamp, Vec<u8>)> = packets.collect();
    std::fs::write(path, capture_of(LinkType::ETHERNET, packets.iter().cloned())).expect("written");
    packets.into_iter().map(|(_, data)| data).collect()
}

#[test]
fn clocks_that_were_set_part_no_flow_and_lose_no_packet() {
    let scratch = tempfile::tempdir().expect("a folder");
    let capture = scratch.path().join("steps.pcap");
    let sent = write_capture(&capture);
    let capture = capture.display().to_string();
    let tape = |name: &str| scratch.path().join(name).display().to_string();
    let (plain, live) = (tape("plain"), tape("live"));
    run(&format!("import --tape {plain} {capture}")).ended_with(0);
    run(&format!("import --as-live --budget 10MB --keep-free 0 --tape {live} {capture}")).ended_with(0);
    for source in [["--tape", &plain], ["--tape", &live], ["-r", &capture]] {
        let [option, place] = source;
        let ran = run_with(&["packets", option, place, "-w", "-"]).ended_with(0);
        let found = packets_of(&ran.stdout);
        let in_order = found.iter().map(|packet| &packet.data).eq(&sent);
        assert!(in_order, "{source:?}: by arrival, whatever the clock says");
        assert!(found.iter().map(|packet| packet.time / 1_000_000).eq(times_ms()), "{source:?}");

        let ran = run_with(&["flows", option, place, "--format", "json"]).ended_with(0);
        let flows: Vec<serde_json::Value> =
            ran.text().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(flows.len(), 1, "{source:?}: one flow");
        assert_eq!(flows[0]["pkts_toserver"], 60, "{source:?}");
        assert_eq!(flows[0]["start"].as_str().map(|start| &start[..19]), Some("2026-11-23T21:59:58"), "{source:?}");

        // Over midnight, by the clock.
        let times = ["--from", "2026-11-23T23:59:58.95Z", "--to", "2026-11-24T00:00:00.95Z"];
        let words = [&["packets", option, place, "-w", "-"][..], &times].concat();
        let numbers: Vec<u8> =
            packets_of(&run_with(&words).ended_with(0).stdout).iter().map(|packet| packet.data[45]).collect();
        assert_eq!(numbers, (10..30).collect::<Vec<u8>>(), "{source:?}");
        let words = [&["flows", option, place][..], &times].concat();
        run_with(&words).ended_with(0);
    }
    run(&format!("status --tape {live}")).ended_with(0);
}
