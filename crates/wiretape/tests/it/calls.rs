//! Calls, right and wrong: what they print and how they end.

use crate::support::{run, run_with, shell};

#[test]
fn without_arguments_there_are_four_examples_and_nothing_is_recorded() {
    let ran = run("").ended_with(0);
    assert_eq!(ran.text().lines().count(), 4, "{}", ran.text());
    assert!(ran.text().contains("wiretape record"));
}

#[test]
fn every_command_has_help() {
    let help = run("--help").ended_with(0).text();
    const COMMANDS: &str = "record import flows packets follow files iocs sweep hold watch filter status replay case bench completions man";
    for command in COMMANDS.split(' ') {
        assert!(help.contains(&format!("\n  {command} ")), "{command} is missing in:\n{help}");
        let own = run(&format!("{command} --help")).ended_with(0).text();
        assert!(own.contains("Usage: wiretape"), "{own}");
    }
    assert_eq!(run("-h").ended_with(0).text(), run("--help").ended_with(0).text());
    assert!(run("--version").ended_with(0).text().starts_with("wiretape 0."));
    assert!(run("-V").ended_with(0).text().starts_with("wiretape 0."));
}

#[test]
fn what_is_not_there_is_not_offered() {
    let help = run("--help").text();
    for command in ["verify", "ship", "serve"] {
        assert!(!help.contains(&format!("\n  {command} ")), "{command}");
        let ran = run(&format!("{command} --some-flag x")).ended_with(2);
        assert!(ran.stderr.contains(&format!("{command} is not in this version")), "{}", ran.stderr);
    }
}

#[test]
fn wrong_calls_end_with_2() {
    let cases: &[(&[&str], &str)] = &[
        (&["recrod"], "unrecognized subcommand"),
        (&["flows", "--formt", "json"], "--format"),
        (&["flows", "--format", "xml"], "possible values"),
        (&["flows", "--last", "5"], "is not a span of time"),
        (&["flows", "--last", "5m", "--from", "now"], "cannot be used with"),
        (&["flows", "--from", "yesterdayish"], "is not a time"),
        (&["flows", "--host", "10.0.0.1"], "conditions have no dashes: wiretape flows 'host …'"),
        (&["packets", "-X"], "tcpdump -Xnr -"),
        (&["flows", "-r", "/dev/null", "tcp.port == 80"], "tcp.port is Wireshark's; here it is tcp port NUMBER"),
        (&["import", "--budget", "4MB", "--tape", "t", "x.pcap"], "--as-live"),
        (&["flows", "--tape", "/x", "-r", "/y"], "cannot be used with"),
        (&["packets", "--link", "ether"], "--write"),
        (&["filter"], "EXPR"),
        (&["import", "x.pcap"], "--tape"),
        (&["record", "--budget", "lots"], "is not a size"),
        (&["record", "--snaplen=-1"], "--snaplen"),
        (&["record", "-i", "a-name-that-is-too-long"], "cannot be an interface's name"),
        (&["-i", "eth0"], "wiretape -i eth0 -w /data/dump.pcap"),
        (&["-r", "old.pcap"], "wiretape packets -r old.pcap"),
        (&["-w", "x.pcap", "-z", "bzip2"], "bzip2"),
        (&["-k"], "tcpdump has no option -k"),
        (&["--tape", "x"], "name a command first"),
    ];
    for (arguments, expected) in cases {
        let ran = run_with(arguments);
        assert!(ran.stderr.contains(expected), "{arguments:?}: {}", ran.stderr);
        ran.ended_with(2);
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let ran = shell("$WIRETAPE man | head -c 1 >/dev/null; echo ${PIPESTATUS[0]}");
    assert_eq!((ran.text().as_str(), ran.stderr.as_str()), ("0\n", ""));
}

#[test]
fn the_bench_tells_rates_and_leaves_nothing_behind() {
    let scratch = tempfile::tempdir().expect("a folder");
    let text = run(&format!("bench --seconds 1 --dir {}", scratch.path().display())).ended_with(0).text();
    for row in ["headers", "flow table", "onto a tape", "compressed", "disk"] {
        assert!(text.contains(row), "{row} is missing in:\n{text}");
    }
    assert_eq!(std::fs::read_dir(scratch.path()).expect("a folder").count(), 0);
    run("bench --dir /nowhere").ended_with(4);
}

#[test]
fn completions_and_the_manual_page_are_made() {
    assert!(run("completions bash").ended_with(0).text().contains("_wiretape()"));
    assert!(run("man").ended_with(0).text().contains(".TH wiretape 1"));
}
