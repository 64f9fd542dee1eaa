//! What tshark says of the same captures.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::process::Command;

use investigate::{Field, Investigation, Limits};
use packet::decode;

use crate::captures::{Keying, each_packet};
use crate::collect::Collected;
use crate::shared::{every_capture, folder};

/// Facts that tshark has as fields, by the names of its fields; each packet has none or several values of each.
const FIELDS: [(Field, &[&str]); 12] = [
    (Field::Ja3, &["tls.handshake.ja3"]),
    (Field::Ja3s, &["tls.handshake.ja3s"]),
    (Field::TlsSni, &["tls.handshake.extensions_server_name", "dtls.handshake.extensions_server_name"]),
    (Field::Hassh, &["ssh.kex.hassh"]),
    (Field::HasshServer, &["ssh.kex.hasshserver"]),
    (Field::Software, &["ssh.protocol"]),
    (Field::DnsQuery, &["dns.qry.name"]),
    (Field::HostName, &["dhcp.option.hostname"]),
    (Field::Detail, &["kerberos.CNameString"]),
    (Field::User, &["ldap.name"]),
    (Field::Detail, &["mqtt.clientid"]),
    (Field::Detail, &["snmp.community"]),
];

/// What tshark and we say of a capture.
struct Compared {
    capture: PathBuf,
    /// Of each packet: its flow, the protocols in it, values of the fields.
    flows: BTreeMap<u64, BTreeSet<String>>,
    fields: Vec<BTreeSet<String>>,
    ours: Collected,
}

#[test]
#[ignore = "a comparison to read"]
fn report() {
    let Some(folder) = folder() else { return };
    let only = std::env::var("ONLY").unwrap_or_default();
    let captures: Vec<PathBuf> = every_capture(&folder)
        .into_iter()
        .filter(|path| !path.starts_with(folder.join("variants")) && path.to_string_lossy().contains(&only))
        .collect();
    for capture in captures {
        let compared = compare(&capture);
        let name = compared.capture.strip_prefix(&folder).unwrap().display().to_string();
        let mut spoken: BTreeMap<u64, BTreeSet<&str>> = BTreeMap::new();
        for (at, protocol) in &compared.ours.protocols {
            spoken.entry(at.flow).or_default().insert(protocol);
        }
        for (flow, theirs) in &compared.flows {
            let ours: Vec<&str> = spoken.get(flow).into_iter().flatten().copied().collect();
            println!(
                "FLOW {name} {flow} ours={} theirs={}",
                ours.join(","),
                theirs.iter().cloned().collect::<Vec<_>>().join(",")
            );
        }
        for ((field, names), theirs) in FIELDS.iter().zip(&compared.fields) {
            let ours: BTreeSet<String> = compared.ours.texts(*field).into_iter().map(str::to_owned).collect();
            for missing in theirs.iter().filter(|value| !ours.contains(*value)) {
                println!("MISSING {name} {} {missing}", names[0]);
            }
            if matches!(field, Field::Ja3 | Field::Ja3s | Field::TlsSni | Field::Hassh | Field::HasshServer) {
                for extra in ours.iter().filter(|value| !theirs.contains(*value)) {
                    println!("EXTRA {name} {} {extra}", names[0]);
                }
            }
        }
        for (at, oddity) in &compared.ours.oddities {
            println!("ODD {name} {} {} {oddity}", at.flow, at.arrival);
        }
        for (at, field, text) in &compared.ours.facts {
            println!("FACT {name} {} {} {}={text:?}", at.flow, at.arrival, field.name());
        }
    }
}

fn compare(capture: &Path) -> Compared {
    let (mut flows, mut fields) = (BTreeMap::<u64, BTreeSet<String>>::new(), vec![BTreeSet::new(); FIELDS.len()]);
    let mut ours = Collected::default();
    let mut investigation = Investigation::new(Limits::default());
    let mut keying = Keying::default();
    let mut flow_of = HashMap::new();
    let mut frame = 0_u64;
    each_packet(capture, &mut |packet, link_type| {
        frame += 1;
        let headers = decode(link_type, packet.data, packet.wire_bytes);
        if let Some((flow, side)) = keying.flow(&headers) {
            flow_of.insert(frame, flow);
            investigation.packet(flow, side, packet, &headers, &mut ours);
        }
    });
    investigation.finish(&mut ours);
    let names: Vec<&str> = FIELDS.iter().flat_map(|(_, names)| names.iter().copied()).collect();
    let mut command = Command::new("tshark");
    command.arg("-n").arg("-r").arg(capture).args(["-T", "fields", "-E", "occurrence=a", "-E", "aggregator=\x1f"]);
    command.args(["-e", "frame.number", "-e", "frame.protocols"]);
    names.iter().for_each(|name| {
        command.args(["-e", name]);
    });
    let output = command.output().expect("tshark");
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let mut columns = line.split('\t');
        let frame: u64 = columns.next().unwrap().parse().unwrap();
        let protocols = columns.next().unwrap_or_default();
        if let Some(flow) = flow_of.get(&frame) {
            let last = protocols.split(':').skip_while(|name| !matches!(*name, "ip" | "ipv6"));
            flows.entry(*flow).or_default().extend(last.map(str::to_owned));
        }
        for (field, (_, names)) in FIELDS.iter().enumerate() {
            for _ in *names {
                let values = columns.next().unwrap_or_default();
                fields[field].extend(values.split('\x1f').filter(|value| !value.is_empty()).map(str::to_owned));
            }
        }
    }
    Compared { capture: capture.to_owned(), flows, fields, ours }
}
