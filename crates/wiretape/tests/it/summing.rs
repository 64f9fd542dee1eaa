//! Answers that sum flows: groups, what is new, histograms; held against tshark's statistics.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use packet::{LinkType, Timestamp};
use serde_json::Value;

use crate::capture::capture_of;
use crate::exporting::datagram;
use crate::support::{captures, has, run, run_with, shell};

/// Captures without tunnels, whose IP packets tshark counts as they are.
fn plain_captures() -> Vec<PathBuf> {
    let Some(folder) = captures() else { return Vec::new() };
    let names = ["teams", "netflix", "telegram", "1kxun", "webex", "wechat"];
    let folder = folder.join("ntop+nDPI/tests/cfgs/default/pcap");
    names.iter().map(|name| folder.join(format!("{name}.pcap"))).filter(|path| path.is_file()).collect()
}

fn lines(arguments: &[&str]) -> Vec<Value> {
    let ran = run_with(arguments).ended_with(0);
    ran.text().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn sum(line: &Value, what: &str) -> u64 {
    ["toserver", "toclient"].iter().filter_map(|way| line[format!("{what}_{way}")].as_u64()).sum()
}

#[test]
fn groups_are_tsharks_conversations_and_endpoints() {
    if !has("tshark") {
        return;
    }
    for path in plain_captures() {
        let path = path.to_string_lossy().into_owned();
        let theirs = shell(&format!("tshark -r {path} -q -z endpoints,ip 2>/dev/null")).text();
        let theirs: BTreeMap<String, (u64, u64)> = theirs
            .lines()
            .filter_map(|line| {
                let words: Vec<&str> = line.split_whitespace().collect();
                let [address, packets, bytes, ..] = words[..] else { return None };
                Some((address.to_owned(), (packets.parse().ok()?, bytes.parse().ok()?)))
            })
            .collect();
        let ours = lines(&["flows", "-r", &path, "ip", "--by", "addr", "--format", "json"]);
        let found: BTreeMap<String, (u64, u64)> = ours
            .iter()
            .map(|line| (line["addr"].as_str().expect("text").to_owned(), (sum(line, "pkts"), sum(line, "bytes"))))
            .collect();
        assert_eq!(found, theirs, "{path}");

        let theirs = shell(&format!("tshark -r {path} -q -z conv,ip 2>/dev/null")).text();
        let theirs: BTreeMap<(String, String), u64> = theirs
            .lines()
            .filter_map(|line| {
                let words: Vec<&str> = line.split_whitespace().collect();
                let pair = [*words.first()?, *words.get(2).filter(|_| words.get(1) == Some(&"<->"))?];
                // "N bytes" or "N kB" of both ways come before the frames of both.
                Some((in_order(pair[0], pair[1]), words.get(9)?.parse().ok()?))
            })
            .collect();
        let mut found: BTreeMap<(String, String), u64> = BTreeMap::new();
        for line in lines(&["flows", "-r", &path, "ip", "--by", "src_ip,dest_ip", "--format", "json"]) {
            let end = |name: &str| line[name].as_str().expect("text").to_owned();
            *found.entry(in_order(&end("src_ip"), &end("dest_ip"))).or_default() += sum(&line, "pkts");
        }
        assert_eq!(found, theirs, "{path}");
    }
}

fn in_order(one: &str, other: &str) -> (String, String) {
    if one < other { (one.to_owned(), other.to_owned()) } else { (other.to_owned(), one.to_owned()) }
}

#[test]
fn the_greatest_come_first_in_every_format() {
    let Some(path) = plain_captures().into_iter().next() else { return };
    let path = path.to_string_lossy().into_owned();
    for (sort, what) in [("bytes", "bytes"), ("packets", "pkts"), ("flows", "flows")] {
        let all = lines(&["flows", "-r", &path, "--by", "dest_ip,dest_port", "--sort", sort, "--format", "json"]);
        let weight = |line: &Value| if what == "flows" { line["flows"].as_u64().unwrap_or(0) } else { sum(line, what) };
        assert!(all.len() > 5 && all.windows(2).all(|pair| weight(&pair[0]) >= weight(&pair[1])), "{sort}");
        let top = lines(&[
            "flows",
            "-r",
            &path,
            "--top",
            "3",
            "--by",
            "dest_ip,dest_port",
            "--sort",
            sort,
            "--format",
            "json",
        ]);
        assert_eq!(top, all[..3]);
        let every: u64 = all.iter().filter_map(|line| line["flows"].as_u64()).sum();
        assert_eq!(every, lines(&["flows", "-r", &path, "--format", "json"]).len() as u64);
    }
    let csv = run(&format!("flows -r {path} --top 3 --by dest_ip,app_proto --format csv")).ended_with(0).text();
    assert!(csv.starts_with("dest_ip,app_proto,flows,pkts_toserver,pkts_toclient,bytes_toserver,"), "{csv}");
    assert_eq!(csv.lines().count(), 4);
    let table = run(&format!("flows -r {path} --top 3 --by tls_sni,proto")).ended_with(0);
    assert!(
        table.text().lines().nth(1).is_some_and(|line| line.contains(".com  TCP") && line.contains(" %")),
        "{}",
        table.text()
    );
    for (arguments, expected) in [
        ("--top 3", "--by"),
        ("--top 3 --by dst_ip", "did you mean dest_ip"),
        ("--top 3 --by proto --format zeek", "table, json or csv"),
        ("--top 3 --by proto --live", "cannot be used with"),
    ] {
        let ran = run(&format!("flows -r {path} {arguments}"));
        assert!(ran.stderr.contains(expected), "{arguments}: {}", ran.stderr);
        ran.ended_with(2);
    }
}

/// Each field of a flow can be grouped by, and gives what the flows themselves have.
#[test]
fn every_field_can_be_grouped_by() {
    let Some(folder) = captures() else { return };
    let path = folder.join("arkime+arkime/tests/pcap/arkime_synthetic.pcap").to_string_lossy().into_owned();
    let flows = lines(&["flows", "-r", &path, "--format", "json"]);
    for field in filter::question::Field::ALL {
        let name = field.name();
        let groups = lines(&["flows", "-r", &path, "--by", name, "--format", "json"]);
        // ARP has addresses for questions that a flow does not show, and a flow shows one of several lanes.
        if ["addr", "port_any", "src_ip", "dest_ip", "lane"].contains(&name) {
            continue;
        }
        let distinct: std::collections::BTreeSet<String> = groups.iter().map(|line| line[name].to_string()).collect();
        assert_eq!(distinct.len(), groups.len(), "{name}");
        let mut expected: BTreeMap<String, u64> = BTreeMap::new();
        for flow in &flows {
            match &flow[name] {
                Value::Array(values) => {
                    let distinct: std::collections::BTreeSet<String> = values.iter().map(Value::to_string).collect();
                    distinct.into_iter().for_each(|value| *expected.entry(value).or_default() += 1);
                }
                value => *expected.entry(value.to_string()).or_default() += 1,
            }
        }
        let found: BTreeMap<String, u64> =
            groups.iter().map(|line| (line[name].to_string(), line["flows"].as_u64().unwrap_or(0))).collect();
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn histograms_are_tsharks() {
    if !has("tshark") {
        return;
    }
    let scratch = tempfile::tempdir().expect("a folder");
    let path = scratch.path().join("x.pcap");
    const SECOND: i64 = 1_000_000_000;
    // tshark's buckets begin with the first packet: it comes at a full interval, so that both are the same.
    let start = 1_795_428_000 * SECOND;
    let mut random = 5_u64;
    let mut times = vec![start];
    for _ in 0..3000 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        times.push(start + (random >> 20) as i64 % (90 * SECOND));
    }
    times.sort_unstable();
    std::fs::write(&path, capture_at(&times)).expect("written");
    for interval in [1_i64, 5, 10, 60] {
        let theirs = tsharks_histogram(&path, interval, start / SECOND);
        let ours = run(&format!("packets -r {} --histogram --interval {interval}s", path.display())).ended_with(0);
        let ours: Vec<(i64, u64)> = ours.text().lines().skip(1).filter_map(in_table).collect();
        assert_eq!(ours, theirs.iter().map(|(at, (frames, _))| (*at, *frames)).collect::<Vec<_>>(), "{interval} s");
    }
    // One flow of 3001 packets over 90 s: evenly spread, so nearly what the packets say, and nothing is lost.
    let flows =
        lines(&["flows", "-r", &path.to_string_lossy(), "--histogram", "--interval", "30s", "--format", "json"]);
    let packets: Vec<u64> = flows.iter().filter_map(|line| line["packets"].as_u64()).collect();
    assert_eq!((packets.len(), packets.iter().sum::<u64>()), (3, 3001));
    assert!(packets.iter().all(|packets| packets.abs_diff(1000) < 100), "{packets:?}");
    assert_eq!(flows.iter().filter_map(|line| line["flows"].as_u64()).collect::<Vec<_>>(), [1, 0, 0]);
    run(&format!("packets -r {} --histogram --interval 0s", path.display())).ended_with(2);
    run(&format!("packets -r {} --histogram --interval 1ms --from 2026-11-22Z --to 2026-11-24Z", path.display()))
        .ended_with(2);
    assert!(run(&format!("packets -r {} --histogram", path.display())).ended_with(0).text().contains("####"));
}

fn tsharks_histogram(path: &Path, interval: i64, start: i64) -> Vec<(i64, (u64, u64))> {
    let text = shell(&format!("tshark -r {} -q -z io,stat,{interval} 2>/dev/null", path.display())).text();
    text.lines()
        .filter_map(|line| {
            let words: Vec<&str> = line.split(['|', ' ', '<', '>']).filter(|word| !word.is_empty()).collect();
            let [begin, _, frames, bytes] = words[..] else { return None };
            Some((start + begin.parse::<i64>().ok()?, (frames.parse().ok()?, bytes.parse().ok()?)))
        })
        .collect()
}

/// The time and the packets of a line of the table.
fn in_table(line: &str) -> Option<(i64, u64)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let time: jiff::civil::DateTime = format!("{}T{}", words.first()?, words.get(1)?).parse().ok()?;
    let time = time.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second();
    Some((time, words.get(2)?.replace(',', "").parse().ok()?))
}

fn capture_at(times: &[i64]) -> Vec<u8> {
    capture_of(LinkType::ETHERNET, times.iter().map(|time| (Timestamp(*time), datagram(LinkType::ETHERNET))))
}

#[test]
fn what_is_new_is_what_was_not_there_before() {
    let Some(path) = plain_captures().into_iter().next() else { return };
    let path = path.to_string_lossy().into_owned();
    let flows = lines(&["flows", "-r", &path, "ip", "--format", "json"]);
    let since = flows[flows.len() / 2]["start"].as_str().expect("a time").to_owned();
    for field in ["dest_ip", "dest_port", "src_mac"] {
        let of = |late: bool| -> std::collections::BTreeSet<String> {
            let side = flows.iter().filter(|flow| (flow["start"].as_str() >= Some(since.as_str())) == late);
            side.filter(|flow| !flow[field].is_null()).map(|flow| flow[field].to_string()).collect()
        };
        let expected: Vec<String> = of(true).difference(&of(false)).cloned().collect();
        let ran = run_with(&["flows", "-r", &path, "ip", "--new-since", &since, "--by", field, "--format", "json"]);
        let news: Vec<Value> = ran.text().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let mut found: Vec<String> = news.iter().map(|line| line["value"].to_string()).collect();
        found.sort();
        assert_eq!(found, expected, "{field}");
        assert!(ran.stderr.contains("new means: not seen in the"), "{}", ran.stderr);
        for line in &news {
            let first = flows.iter().find(|flow| flow["flow_id"] == line["flow_id"]).expect("a flow");
            assert_eq!((&first[field], &first["start"]), (&line["value"], &line["first_seen"]));
            let count = flows.iter().filter(|flow| flow[field] == line["value"]).count() as u64;
            assert_eq!(line["flows"].as_u64(), Some(count));
        }
    }
    let ran = run_with(&["flows", "-r", &path, "--new-since", &since, "udp"]);
    assert!(ran.stderr.contains("no flow has tls_sni, http_hostname"), "{}", ran.stderr);
    let ran = run_with(&["flows", "-r", &path, "--new-since", "2001-01-01Z"]).ended_with(0);
    assert!(ran.stderr.contains("so everything is new"), "{}", ran.stderr);
    run_with(&["flows", "-r", &path, "--new-since", "-1h", "--from", "now"]).ended_with(2);
}
