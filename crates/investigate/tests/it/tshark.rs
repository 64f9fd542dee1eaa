//! What tshark says of the same captures.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use investigate::{Field, Investigation, Limits};
use packet::decode;
use sha2::{Digest, Sha256};

use crate::captures::{Keying, each_packet};
use crate::collect::Collected;
use crate::shared::{every_capture, folder};

/// What tshark's field is of ours, and how it becomes the same text.
struct Same {
    theirs: &'static str,
    ours: Field,
    /// Before the value in a detail, or in a product.
    prefix: &'static str,
    form: Form,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    /// A certificate in hexadecimal digits.
    Certificate,
    /// A NetBIOS name with an explanation after it.
    NetBios,
    /// One part of a principal or of a list of words.
    Word,
    /// After "Cookie: mstshash=".
    Cookie,
    /// Of any detail.
    Value,
    /// In quotes or not.
    Quoted,
    /// In angle brackets.
    MessageId,
}

const fn same(theirs: &'static str, ours: Field, prefix: &'static str, form: Form) -> Same {
    Same { theirs, ours, prefix, form }
}

const FIELDS: [Same; 45] = [
    same("tls.handshake.ja3", Field::Ja3, "", Form::Text),
    same("dtls.handshake.ja3", Field::Ja3, "", Form::Text),
    same("tls.handshake.ja3s", Field::Ja3s, "", Form::Text),
    same("tls.handshake.extensions_server_name", Field::TlsSni, "", Form::Text),
    same("tls.handshake.certificate", Field::CertSha256, "", Form::Certificate),
    same("ssh.kex.hassh", Field::Hassh, "", Form::Text),
    same("ssh.kex.hasshserver", Field::HasshServer, "", Form::Text),
    same("ssh.protocol", Field::Software, "", Form::Text),
    same("dns.qry.name", Field::DnsQuery, "", Form::Text),
    same("dns.a", Field::DnsAnswer, "", Form::Text),
    same("dns.aaaa", Field::DnsAnswer, "", Form::Text),
    same("dns.cname", Field::DnsAnswer, "", Form::Text),
    same("nbns.name", Field::DnsQuery, "", Form::NetBios),
    same("dhcp.option.hostname", Field::HostName, "", Form::Text),
    same("dhcp.option.vendor_class_id", Field::Detail, "vendor_class=", Form::Text),
    same("dhcp.hw.mac_addr", Field::Detail, "client_mac=", Form::Text),
    same("dhcp.option.requested_ip_address", Field::Detail, "requested_address=", Form::Text),
    same("kerberos.CNameString", Field::User, "", Form::Word),
    same("kerberos.SNameString", Field::Detail, "service=", Form::Word),
    same("kerberos.realm", Field::Detail, "realm=", Form::Text),
    same("kerberos.error_code", Field::Detail, "error=", Form::Word),
    same("ldap.name", Field::User, "", Form::Text),
    same("ldap.baseObject", Field::Detail, "search_base=", Form::Text),
    same("snmp.community", Field::Detail, "community=", Form::Text),
    same("snmp.msgUserName", Field::User, "", Form::Text),
    same("mysql.version", Field::Software, "MySQL ", Form::Text),
    same("mysql.user", Field::User, "", Form::Text),
    same("mqtt.clientid", Field::Detail, "client_id=", Form::Text),
    same("mqtt.topic", Field::Detail, "topic=", Form::Text),
    same("sip.Call-ID", Field::Detail, "call_id=", Form::Text),
    same("sip.User-Agent", Field::Software, "", Form::Text),
    same("sip.Method", Field::Detail, "request=", Form::Word),
    same("rdp.rt_cookie", Field::User, "", Form::Cookie),
    same("socks.remote_name", Field::Detail, "target=", Form::Text),
    same("imf.message_id", Field::MailId, "", Form::MessageId),
    same("imap.request.username", Field::User, "", Form::Quoted),
    same("mount.path", Field::Detail, "", Form::Value),
    same("nfs.name", Field::Detail, "", Form::Value),
    same("rpc.auth.machinename", Field::HostName, "", Form::Text),
    same("dcerpc.cn_bind_to_uuid", Field::Detail, "uuid=", Form::Word),
    same("dcerpc.cn_sec_addr", Field::Detail, "endpoint=", Form::Text),
    same("vnc.desktop_name", Field::Detail, "desktop=", Form::Text),
    same("rtsp.url", Field::Url, "", Form::Text),
    same("rtsp.method", Field::Detail, "method=", Form::Text),
    same("http2.headers.path", Field::HttpRequest, "", Form::Word),
];

/// Our names of protocols and tshark's, where they differ.
const NAMES: [(&str, &str); 12] = [
    ("stun", "classicstun"),
    ("krb5", "kerberos"),
    ("redis", "resp"),
    ("pop3", "pop"),
    ("ike", "isakmp"),
    ("wireguard", "wg"),
    ("bittorrent-dht", "bt-dht"),
    ("smb", "smb2"),
    ("smb", "nbss"),
    ("ftp-data", "ftp"),
    ("rfb", "vnc"),
    ("mongodb", "mongo"),
];

/// What tells tshark nothing of a payload.
const SILENT: [&str; 6] = ["ip", "ipv6", "tcp", "udp", "data", "tcp.segments"];

/// Conversations that tshark takes for something else, as their ports have it, or as less.
const TAKEN_OTHERWISE: [(&str, &str, &str); 7] = [
    // Calls of which it saw no answer, and the segments of a call
    ("portmapper-many-unanswered-calls.pcapng.gz", "portmap", "rpc"),
    ("nfs_write.pcap", "mount", "rpc"),
    ("nfs_write.pcap", "nfs", "rpc"),
    // TLS on 8009
    ("anyconnect-vpn.pcap", "tls", "ajp13"),
    // TLS on 8080
    ("ookla.pcap", "tls", "http"),
    ("socks5-http-302.pcap", "socks", "http"),
    // What was upgraded, which tshark leaves undissected
    ("1kxun.pcap", "websocket", "http"),
];

/// Values that only tshark has.
const ONLY_THEIRS: [(&str, &str, &str); 11] = [
    // A message that ends within its own length
    ("arkime_synthetic.pcap", "mysql", ""),
    // Of a link type that says nothing of what is in it
    ("LINKTYPE_USER2_PKTAP.pcap", "", ""),
    // In a tunnel from the port to which it should go
    ("arkime_synthetic.pcap", "dns.a", "93.184.216.34"),
    // Names in tickets and in what was pre-authenticated
    ("kinit.pcap", "kerberos.CNameString", ""),
    ("kerberos-login.pcap", "kerberos.CNameString", ""),
    ("kerberos-login.pcap", "kerberos.SNameString", ""),
    // In LDAP
    ("gap-data-missing.pcapng", "kerberos.", ""),
    // Cut short by its own, wrong length
    ("tls_DER-incomplete-header.pcap", "tls.handshake.certificate", ""),
    ("", "dns.qry.name", "<Root>"),
    // Bytes that are no letters, in angle brackets
    ("", "nbns.name", "<01>"),
    // In an answer, which asks nothing
    ("arkime_synthetic.pcap", "nbns.name", "FILESERVER<00>"),
];

/// What tshark says of a capture, and what we say.
struct Compared {
    protocols: BTreeMap<u64, BTreeSet<String>>,
    values: Vec<BTreeSet<String>>,
    ours: Collected,
}

#[test]
fn facts_and_protocols_are_those_of_tshark() {
    let Some(folder) = folder() else { return };
    if Command::new("tshark").arg("--version").output().is_err() {
        assert!(std::env::var_os("WIRETAPE_NO_SKIP").is_none(), "needs tshark");
        eprintln!("skipped: needs tshark");
        return;
    }
    let captures = every_capture(&folder);
    let captures: Vec<PathBuf> =
        captures.into_iter().filter(|path| !path.starts_with(folder.join("variants"))).collect();
    let queue = Mutex::new(captures);
    let told = Mutex::new(Vec::new());
    let compared = Mutex::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(capture) = { queue.lock().unwrap().pop() } {
                    let (differences, count) = differences(&capture);
                    told.lock().unwrap().extend(differences);
                    *compared.lock().unwrap() += count;
                }
            });
        }
    });
    let told = told.into_inner().unwrap();
    let compared = compared.into_inner().unwrap();
    eprintln!("{compared} values and conversations compared");
    assert!(told.is_empty(), "{} differences:\n{}", told.len(), told.join("\n"));
    assert!(compared > 3000, "{compared} values compared");
}

fn differences(capture: &Path) -> (Vec<String>, usize) {
    let file = capture.file_name().unwrap().to_string_lossy().into_owned();
    let Compared { protocols, values, ours } = compare(capture);
    let (mut told, mut count) = (Vec::new(), 0);
    for (at, name) in &ours.protocols {
        count += 1;
        let theirs = protocols.get(&at.flow).cloned().unwrap_or_default();
        let is_same =
            theirs.contains(*name) || NAMES.iter().any(|(ours, other)| ours == name && theirs.contains(*other));
        let taken =
            TAKEN_OTHERWISE.iter().any(|(of, ours, other)| file == *of && ours == name && theirs.contains(*other));
        if !taken && !is_same && theirs.iter().any(|name| !SILENT.contains(&name.as_str())) {
            told.push(format!("{file}: flow {} is {name}, tshark says {theirs:?}", at.flow));
        }
    }
    for (same, theirs) in FIELDS.iter().zip(&values) {
        let mut texts: BTreeSet<String> = ours.texts(same.ours).into_iter().flat_map(|text| same.forms(text)).collect();
        if same.ours == Field::DnsAnswer {
            // Those of the other sections, too
            texts.extend(ours.resolved.iter().map(|(_, _, address)| address.to_string()));
        }
        for value in theirs {
            count += 1;
            let is_excused = ONLY_THEIRS.iter().any(|(of, field, only)| {
                (of.is_empty() || file == *of) && same.theirs.starts_with(field) && (only.is_empty() || value == only)
            });
            if !is_excused && !texts.contains(value) {
                told.push(format!("{file}: {}={value:?} is missing", same.theirs));
            }
        }
    }
    (told, count)
}

impl Same {
    /// Our text in the forms in which it may be theirs.
    fn forms(&self, text: &str) -> Vec<String> {
        let Some(text) = text.strip_prefix(self.prefix) else { return Vec::new() };
        match self.form {
            Form::Word => text.split(['@', '/', ' ']).chain([text]).map(str::to_owned).collect(),
            Form::Value => text.split_once('=').map(|(_, value)| value.to_owned()).into_iter().collect(),
            Form::MessageId => vec![text.trim_matches(['<', '>']).to_owned()],
            _ if self.theirs == "socks.remote_name" => {
                text.rsplit_once(':').map(|(name, _)| name.to_owned()).into_iter().collect()
            }
            _ => vec![text.to_owned()],
        }
    }

    /// Their text as ours.
    fn ours_of(&self, text: &str) -> String {
        match self.form {
            Form::Certificate => {
                let digits = text.as_bytes().chunks(2);
                let der: Vec<u8> =
                    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect();
                Sha256::digest(der).iter().map(|byte| format!("{byte:02x}")).collect()
            }
            Form::NetBios => text.split_inclusive('>').next().unwrap_or(text).to_owned(),
            Form::Cookie => text.trim_start_matches("Cookie: mstshash=").trim_end().to_owned(),
            Form::MessageId => text.trim_matches(['<', '>']).to_owned(),
            Form::Quoted => text.trim_matches('"').to_owned(),
            Form::Text | Form::Word | Form::Value => text.to_owned(),
        }
    }
}

fn compare(capture: &Path) -> Compared {
    let mut ours = Collected::default();
    let mut investigation = Investigation::new(Limits::default());
    let (mut keying, mut flow_of, mut frame) = (Keying::default(), HashMap::new(), 0_u64);
    each_packet(capture, &mut |packet, link_type| {
        frame += 1;
        let headers = decode(link_type, packet.data, packet.wire_bytes);
        if let Some((flow, side)) = keying.flow(&headers) {
            flow_of.insert(frame, flow);
            investigation.packet(flow, side, packet, &headers, &mut ours);
        }
    });
    investigation.finish(&mut ours);
    let mut command = Command::new("tshark");
    command.arg("-n").arg("-r").arg(capture).args(["-T", "fields", "-E", "occurrence=a", "-E", "aggregator=\x1f"]);
    command.args(["-e", "frame.number", "-e", "frame.protocols"]);
    FIELDS.iter().for_each(|same| {
        command.args(["-e", same.theirs]);
    });
    let output = command.output().expect("tshark");
    let mut protocols: BTreeMap<u64, BTreeSet<String>> = BTreeMap::new();
    let mut values = vec![BTreeSet::new(); FIELDS.len()];
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let mut columns = line.split('\t');
        let frame: u64 = columns.next().unwrap_or_default().parse().expect("frame number");
        let layers = columns.next().unwrap_or_default().split(':').skip_while(|name| !matches!(*name, "ip" | "ipv6"));
        if let Some(flow) = flow_of.get(&frame) {
            protocols.entry(*flow).or_default().extend(layers.map(str::to_owned));
        }
        for ((same, values), column) in FIELDS.iter().zip(&mut values).zip(columns) {
            let column = column.split('\x1f').filter(|value| !value.is_empty());
            values.extend(column.map(|value| same.ours_of(value)));
        }
    }
    Compared { protocols, values, ours }
}
