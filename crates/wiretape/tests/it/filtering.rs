//! `wiretape filter` and `-d`, beside tcpdump.

use crate::support::{captures, has, run, run_with, shell};

#[test]
fn frames_are_those_that_tcpdump_prints() {
    let Some(folder) = captures() else { return };
    if !has("tcpdump") {
        return;
    }
    let path = folder.join("arkime+arkime/tests/pcap/arkime_synthetic.pcap").display().to_string();
    for expression in
        ["tcp port 80", "ip6", "udp and not port 53 or arp", "tcp[tcpflags] & tcp-syn != 0", "less 100", "vlan"]
    {
        let theirs = shell(&format!("tcpdump --count -r {path} '{expression}' 2>/dev/null"));
        let expected = theirs.text().split(' ').next().unwrap_or_default().to_owned();
        let found = run_with(&["filter", expression, "-r", &path, "--count"]);
        assert_eq!(found.text().trim(), expected, "{expression}");
        assert_eq!(found.status, i32::from(expected == "0"), "{expression}");
        let frames = run_with(&["filter", expression, "-r", &path, "--frames"]).text();
        assert_eq!(frames.lines().count().to_string(), expected, "{expression}");
    }
}

#[test]
fn programs_are_printed_in_tcpdumps_three_ways() {
    assert!(run("filter -d ip").ended_with(0).text().starts_with("(000) ldh      [12]\n"));
    assert!(run("filter ip").ended_with(0).text().starts_with("(000) ldh      [12]\n"));
    assert!(run("filter -dd ip").ended_with(0).text().starts_with("{ 0x28, 0, 0, 0x0000000c },\n"));
    assert_eq!(run("filter -ddd ip").ended_with(0).text(), "4\n40 0 0 12\n21 0 1 2048\n6 0 0 262144\n6 0 0 0\n");
    assert_eq!(run("-ddd ip").ended_with(0).text(), run("filter -ddd ip").text());
    assert_eq!(run("-ddd -y RAW ip").ended_with(0).text(), run("filter -ddd --link RAW ip").ended_with(0).text());
}

#[test]
fn what_is_wrong_is_underlined() {
    let ran = run_with(&["filter", "tcp prot 80"]).ended_with(2);
    assert!(ran.stderr.contains("  tcp prot 80\n      ^^^^"), "{}", ran.stderr);
    let ran = run_with(&["filter", "dest_port = 80"]).ended_with(2);
    assert!(ran.stderr.contains("wiretape flows"), "{}", ran.stderr);
    let ran = run_with(&["filter", "tcp or udp and port 53"]).ended_with(0);
    assert!(ran.stderr.contains('('), "how it was grouped is shown: {}", ran.stderr);
    run_with(&["filter", "ip", "--link", "EN10M"]).ended_with(2);
    run_with(&["filter", "ether host 1:2:3:4:5:6", "--link", "RAW"]).ended_with(2);
}
