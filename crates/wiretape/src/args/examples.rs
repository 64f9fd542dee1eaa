//! Examples below the options of a command.

/// Of `flows`.
pub(super) const FLOWS: &str = "\
Examples:
  wiretape flows --last 2h host 203.0.113.7                 who talked, how much, in which state
  wiretape flows 'dest_port = 22 and bytes_toclient gt 1M'  fields of flows
  wiretape flows --last 1d --top 10 --by dest_ip,dest_port  where the bytes went
  wiretape flows --new-since yesterday                      what was never seen before
  wiretape flows --last 1h --histogram tcp                  when it was";

/// Of `flows`, with every field.
pub(super) const FLOWS_LONG: &str = "\
Examples:
  wiretape flows --last 2h host 203.0.113.7                 who talked, how much, in which state
  wiretape flows 'dest_port = 22 and bytes_toclient gt 1M'  fields of flows
  wiretape flows --last 1d --top 10 --by dest_ip,dest_port  where the bytes went
  wiretape flows --new-since yesterday                      what was never seen before
  wiretape flows --last 1h --histogram tcp                  when it was

Fields:
  flow_id community_id start end duration start_seen end_reason proto src_ip src_port dest_ip
  dest_port addr port_any direction vlan tunnel tunnel_id in_iface src_mac dest_mac icmp_type
  icmp_code pkts_toserver pkts_toclient bytes_toserver bytes_toclient wire_segments tcp_flags_ts
  tcp_flags_tc conn_state history lane kept sensor
Fields of what was said:
  app_proto tls_sni tls_alpn tls_version ja3 ja3s ja4 hassh cert_sha256 http_hostname
  http_user_agent dns_queries dns_answers dest_name cert_subject cert_issuer cert_chain mail_from
  mail_to mail_subject file_name file_sha256 user host_name software detail more_values

addr and port_any are those of either side. Times in answers are UTC.";

/// Of `packets`.
pub(super) const PACKETS: &str = "\
Examples:
  wiretape packets --last 10m port 53                           as lines
  wiretape packets --last 10m port 53 -w - | tshark -r -        into a program
  wiretape packets --whole-flows 'tcp[tcpflags] & tcp-rst != 0' -w resets.pcapng
  wiretape packets --last 1h host 203.0.113.7 -w for-others.pcapng --anonymise
  wiretape flows host 203.0.113.7 --format json | wiretape packets --flows - -w them.pcapng";

/// Of `follow`.
pub(super) const FOLLOW: &str = "\
Examples:
  wiretape follow 5b1f3c0c2a9e7d44                              both sides, as text
  wiretape follow --last 1h host 203.0.113.7 and port 80        the one flow that matches
  wiretape follow -r dump.pcap 1:LQU9qZlK+B5F3KDmev6m5PMibrg=   by Community ID
  wiretape follow 5b1f3c0c2a9e7d44 --format raw --side server > said.bin";

/// Of `iocs`.
pub(super) const IOCS: &str = "\
Examples:
  wiretape iocs --last 1h host 10.0.0.5                         whom it talked to, what was said
  wiretape iocs -r dump.pcap --allow ours.txt --format csv      without what is known to be good
  wiretape iocs --last 1d 'dest_port = 443' --format stix > bundle.json
  wiretape iocs --last 1d host 203.0.113.7 --format misp > event.json";

/// Of `sweep`.
pub(super) const SWEEP: &str = "\
Examples:
  wiretape sweep report.txt                                     a report, pasted: hxxp://evil[.]example is understood
  wiretape sweep iocs.csv --last 30d                            addresses, domains, URLs, hashes, JA3, JA4, …
  wiretape sweep bundle.json --deep --format json               STIX or MISP; also what payload is kept
  curl -s https://feeds.example/c2.txt | wiretape sweep -

The exit status is 1 when nothing was seen, and 5 when nothing was seen and not everything was there to be searched.";

/// Of `replay`.
pub(super) const REPLAY: &str = "\
Examples:
  wiretape replay -r dump.pcap -i veth0                         at the speed at which they came
  wiretape replay --last 10m port 53 -i veth0 --speed 10        ten times as fast
  wiretape replay -r dump.pcap -i veth0 --topspeed --rewrite 10.0.0.0/24=192.168.7.0/24 --rewrite 10.1.1.1=192.0.2.1";

/// Of `case`.
pub(super) const CASE: &str = "\
Examples:
  wiretape case export --last 2d host 203.0.113.7 -o case17.zip
  unzip case17.zip -d case17 && cd case17 && sha256sum -c SHA256SUMS && xdg-open report.html";

/// Of `hold`.
pub(super) const HOLD: &str = "\
Examples:
  wiretape hold add host 203.0.113.7 --last 2d --reason 'case 17' --owner soc --review 90d
  wiretape hold add 'dest_port = 22' --last 1h --follow 24h --reason 'who comes back' --owner soc
  wiretape hold list
  wiretape packets --tape /var/lib/wiretape/held/NAME -w case17.pcapng    a hold is a tape of its own
  wiretape hold release NAME --reason 'case closed'";

/// Of `files`.
pub(super) const FILES: &str = "\
Examples:
  wiretape files --last 1h                                         what was transferred, with SHA-256
  wiretape files -r capture.pcap --format json | jq -r .sha256
  wiretape files host 203.0.113.7 --last 1d --out found            the files themselves, named by their hashes";

/// Of `watch`.
pub(super) const WATCH: &str = "\
Examples:
  wiretape watch --eve /var/log/suricata/eve.json
  wiretape watch --eve /opt/zeek/logs/current/notice.log --before 1h --after 1h
  wiretape watch --eve unix:/run/suricata/eve.sock --severity 1 --per-hour 50
  wiretape watch --eve old-eve.json --once                         what an old file says, once";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_named_and_no_other() {
        let fields = FLOWS_LONG.split_once("Fields:").expect("fields").1.rsplit_once("\n\n").expect("an end").0;
        let named: std::collections::BTreeSet<&str> =
            fields.lines().filter(|line| line.starts_with("  ")).flat_map(str::split_whitespace).collect();
        let known: std::collections::BTreeSet<&str> =
            filter::question::Field::ALL.iter().map(|field| field.name()).collect();
        assert_eq!(named, known);
        assert!(FLOWS_LONG.starts_with(FLOWS));
    }
}
