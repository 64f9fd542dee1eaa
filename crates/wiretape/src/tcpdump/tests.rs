//! tcpdump's command lines, and what they mean here.

use std::time::Duration;

use super::{Call, Rotation, Stream, split, understand};
use crate::settings::{Directions, Interfaces, Settings, Switch};
use crate::units::{Limit, Size, Span};

fn call(line: &str) -> Result<(Call, Vec<String>), String> {
    let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    let parts = split(&arguments).map_err(|failure| failure.to_string());
    parts.and_then(|(options, words)| understand(options, words).map_err(|failure| failure.to_string()))
}

fn check_record(line: &str, expected: Settings, rotation: Rotation) {
    match call(line) {
        Ok((Call::Record { settings, rotation: found, .. }, _)) => {
            assert_eq!((settings, found), (expected, rotation), "{line}");
        }
        other => panic!("{line}: {other:?}"),
    }
}

fn named(name: &str) -> Option<Interfaces> {
    Some(Interfaces::Named(vec![name.to_owned()]))
}

#[test]
fn the_well_known_line() {
    check_record(
        "-i eth0 -n -s 0 -C 1000 -W 10 -w /nowhere/dump.pcap",
        Settings {
            interface: named("eth0"),
            snaplen: Some(0),
            budget: Some(Limit::Bytes(10_000_000_000)),
            tape: Some("/nowhere/dump.tape".into()),
            ..Settings::default()
        },
        Rotation::default(),
    );
}

#[test]
fn options_that_mean_something() {
    check_record(
        "-nni any -s96 -B 4096 -p -Q in -Z nobody -c 100 -U -w dump.pcap tcp port 80 or udp",
        Settings {
            interface: Some(Interfaces::Any),
            snaplen: Some(96),
            buffer: Some(Size(4_194_304)),
            no_promiscuous: Some(Switch(true)),
            direction: Some(Directions::In),
            user: Some("nobody".into()),
            filter: Some("tcp port 80 or udp".into()),
            tape: Some("dump.tape".into()),
            ..Settings::default()
        },
        Rotation { packets_max: Some(100), time_max: None },
    );
}

#[test]
fn rotation() {
    let minutes = |count: u64| Some(Span(Duration::from_secs(60 * count)));
    let tape = || Some("d.tape".into());
    check_record(
        "-G 60 -W 5 -w d-%s.pcap",
        Settings { roll: minutes(1), tape: tape(), ..Settings::default() },
        Rotation { packets_max: None, time_max: Some(Duration::from_secs(300)) },
    );
    check_record(
        "-G 60 -C 1 -W 5 -w d.pcap",
        Settings { roll: minutes(1), budget: Some(Limit::Bytes(5_000_000)), tape: tape(), ..Settings::default() },
        Rotation::default(),
    );
    check_record("-C 7 -w d.pcap", Settings { tape: tape(), ..Settings::default() }, Rotation::default());
    check_record(
        "-C 512k -W 2 -w d.pcap",
        Settings { budget: Some(Limit::Bytes(1 << 20)), tape: tape(), ..Settings::default() },
        Rotation::default(),
    );
}

#[test]
fn one_warning_for_all_that_has_no_effect() {
    let (_, warnings) = call("-vvv -e -q -tttt -X -A -l -# -K -z gzip -w d.pcap").expect("understood");
    let expected = "-v, -e, -q, -t, -X, -A, -l, -#, -K, -z gzip has no effect here: \
                    Wiretape records packets whole and prints none";
    assert_eq!(warnings, [expected]);
    let (_, warnings) = call("-n -s 0 -U --immediate-mode -w d.pcap").expect("understood");
    assert_eq!(warnings, Vec::<String>::new());
}

#[test]
fn other_calls() {
    let stream = Stream {
        settings: Settings { interface: named("lo"), ..Settings::default() },
        packets_max: None,
        nanoseconds: false,
    };
    assert_eq!(call("-i lo -w -").expect("understood").0, Call::Stream(stream));
    let dump = Call::Dump { style: 2, expression: "port 80".into(), link: Some("RAW".into()) };
    assert_eq!(call("-dd -y RAW port 80").expect("understood").0, dump);
    assert_eq!(call("-D").expect("understood").0, Call::ListInterfaces);
    assert_eq!(call("-nh").expect("understood").0, Call::Help);
}

#[test]
fn wrong_calls_name_the_right_command() {
    let cases = [
        ("-r old.pcap port 80", "wiretape packets -r old.pcap 'port 80'"),
        ("-r old.pcap -w new.pcap", "wiretape packets -r old.pcap -w new.pcap"),
        ("-r old.pcap", "wiretape import --tape DIR old.pcap"),
        ("-i eth0 port 80", "wiretape -i eth0 -w /data/dump.pcap 'port 80'"),
        ("-n", "wiretape packets --live"),
        ("-z bzip2 -w d.pcap", "wiretape packets -w - --last 1h | bzip2"),
        ("-C 0 -w d.pcap", "-C 0 cannot be used"),
        ("-C 1x -w d.pcap", "only k, m and g"),
        ("-W many -w d.pcap", "-W many cannot be used"),
        ("-s 300000 -w d.pcap", "a number up to 262144"),
        ("-Q sideways -w d.pcap", "in, out or inout"),
        ("-w /dev/null", "no tape can be made there"),
        ("-I -w d.pcap", "iw dev"),
        ("-F /nowhere/x -w d.pcap", "cannot read the expression file"),
    ];
    for (line, expected) in cases {
        let message = call(line).expect_err(line);
        assert!(message.contains(expected), "{line}: {message}");
    }
}
