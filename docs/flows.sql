-- Flows of a tape for DuckDB and other engines that read Parquet: the parts of a flow, one for each flow file that has
-- packets of it, summed over flow_id. Run it in the tape's directory, or change the path:
--
--     duckdb -init docs/flows.sql        then        select * from flows where dest_port = 443;
--
-- It gives the rows of `wiretape flows`, without what the files do not hold: packets of the last minutes have no rows
-- there yet, and `kept` depends on which segments are still there.

create or replace view flow_parts as
select * from read_parquet('flows/*.parquet', union_by_name = true);

-- An address as hexadecimal digits: 8 for IPv4, 32 for IPv6.
create or replace macro v4_hex(ip) as
    printf('%02x%02x%02x%02x', split_part(ip, '.', 1)::int, split_part(ip, '.', 2)::int,
        split_part(ip, '.', 3)::int, split_part(ip, '.', 4)::int);
-- The last four bytes of an IPv6 address can be dotted.
create or replace macro v6_plain(ip) as
    case when ip like '%.%'
        then regexp_replace(ip, '[0-9.]+$', '') || v4_hex(regexp_extract(ip, '[0-9.]+$'))[1:4]
            || ':' || v4_hex(regexp_extract(ip, '[0-9.]+$'))[5:8]
        else ip end;
create or replace macro v6_groups(text) as
    list_transform(list_filter(string_split(text, ':'), lambda digits: digits <> ''), lambda digits: lpad(digits, 4, '0'));
create or replace macro v6_side(groups) as coalesce(array_to_string(groups, ''), '');
create or replace macro v6_hex(ip) as
    v6_side(v6_groups(split_part(ip, '::', 1)))
    || repeat('0000', (8 - len(v6_groups(replace(ip, '::', ':'))))::int)
    || v6_side(v6_groups(split_part(ip, '::', 2)));
create or replace macro ip_hex(ip) as case when ip like '%:%' then v6_hex(v6_plain(ip)) else v4_hex(ip) end;

-- Community ID 1.0, seed 0 (https://github.com/corelight/community-id-spec), of both ends' address and port in
-- hexadecimal digits. An ICMP message without a counterpart (one_way) is not turned round.
create or replace macro community_id_of(low, high, proto) as
    '1:' || to_base64(unhex(sha1(unhex('0000' || split_part(low, ' ', 1) || split_part(high, ' ', 1) || printf('%02x00', proto::int)
        || case when proto in (1, 6, 17, 58, 132) then split_part(low, ' ', 2) || split_part(high, ' ', 2) else '' end))));
create or replace macro end_hex(ip, port) as ip_hex(ip) || ' ' || printf('%04x', port::int);
create or replace macro community_id(src_ip, src_port, dest_ip, dest_port, proto, one_way) as
    case when one_way or end_hex(src_ip, src_port) <= end_hex(dest_ip, dest_port)
        then community_id_of(end_hex(src_ip, src_port), end_hex(dest_ip, dest_port), proto)
        else community_id_of(end_hex(dest_ip, dest_port), end_hex(src_ip, src_port), proto) end;

create or replace macro has_ports(proto) as proto in (6, 17, 33, 132, 136);
create or replace macro tcp_flags(proto, flags) as case when proto = 6 then printf('%02x', flags::int) end;

-- How long a flow may be silent before it has ended, and how it ended then.
create or replace macro silent_seconds(proto, conn_state, proven) as
    case when proto = 6 and conn_state = 'SF' then 5
        when conn_state in ('REJ', 'RSTO', 'RSTR', 'RSTOS0', 'RSTRH') then 2
        when not proven then 5
        when proto = 6 then 600
        else 60 end;
create or replace macro silent_reason(proto, conn_state) as
    case when proto = 6 and conn_state = 'SF' then 'closed'
        when conn_state in ('REJ', 'RSTO', 'RSTR', 'RSTOS0', 'RSTRH') then 'reset'
        else 'idle' end;

-- What parts told, each once, in the order in which it was told.
create or replace macro told(values_of_parts) as
    list_filter(flatten(values_of_parts), lambda value, place: list_position(flatten(values_of_parts), value) = place)[1:64];

create or replace view flows as
with summed as (
    select
        flow_id as id,
        least(min("start"), min(part_start)) as "start",
        max("end") as "end",
        bool_or(start_seen) as start_seen,
        nullif(arg_max(coalesce(end_reason, ''), last_arrival), '') as end_reason,
        any_value(proto) as proto_name,
        any_value(proto_number) as proto,
        any_value(ip_version) as ip_version,
        any_value(src_ip) as src_ip,
        any_value(src_port) as src_port,
        any_value(dest_ip) as dest_ip,
        any_value(dest_port) as dest_port,
        any_value(one_way) as one_way,
        any_value(direction) as direction,
        any_value(vlan) as vlan,
        any_value(tunnel) as tunnel,
        any_value(tunnel_id) as tunnel_id,
        any_value(in_iface) as in_iface,
        any_value(src_mac) as src_mac,
        any_value(dest_mac) as dest_mac,
        sum(pkts_toserver) as pkts_toserver,
        sum(pkts_toclient) as pkts_toclient,
        sum(bytes_toserver) as bytes_toserver,
        sum(bytes_toclient) as bytes_toclient,
        sum(wire_segments) as wire_segments,
        sum(captured_bytes) as captured_bytes,
        bit_or(tcp_flags_ts) as tcp_flags_ts,
        bit_or(tcp_flags_tc) as tcp_flags_tc,
        arg_max(conn_state, last_arrival) as conn_state,
        arg_max(coalesce(history, ''), last_arrival) as history,
        bool_or(proven) as proven,
        list_distinct(flatten(list(string_split(lane, ',')))) as lanes,
        arg_min(app_proto, first_arrival) as app_proto,
        arg_min(tls_sni, first_arrival) as tls_sni,
        arg_min(tls_version, first_arrival) as tls_version,
        arg_min(ja3, first_arrival) as ja3,
        arg_min(ja3s, first_arrival) as ja3s,
        arg_min(ja4, first_arrival) as ja4,
        arg_min(hassh, first_arrival) as hassh,
        arg_min(cert_sha256, first_arrival) as cert_sha256,
        arg_min(http_hostname, first_arrival) as http_hostname,
        arg_min(http_user_agent, first_arrival) as http_user_agent,
        arg_min(dest_name, first_arrival) as dest_name,
        told(list(tls_alpn order by first_arrival)) as tls_alpn,
        told(list(dns_queries order by first_arrival)) as dns_queries,
        told(list(dns_answers order by first_arrival)) as dns_answers,
        told(list(cert_subject order by first_arrival)) as cert_subject,
        told(list(cert_issuer order by first_arrival)) as cert_issuer,
        told(list(cert_chain order by first_arrival)) as cert_chain,
        told(list(mail_from order by first_arrival)) as mail_from,
        told(list(mail_to order by first_arrival)) as mail_to,
        told(list(mail_subject order by first_arrival)) as mail_subject,
        told(list(file_name order by first_arrival)) as file_name,
        told(list(file_sha256 order by first_arrival)) as file_sha256,
        told(list("user" order by first_arrival)) as "user",
        told(list(host_name order by first_arrival)) as host_name,
        told(list(software order by first_arrival)) as software,
        told(list(detail order by first_arrival)) as detail,
        told(list(more_values order by first_arrival)) as more_values,
        any_value(sensor) as sensor
    from flow_parts
    group by flow_id
)
select
    printf('%016x', id) as flow_id,
    case when ip_version > 0 then community_id(src_ip, src_port, dest_ip, dest_port, proto, one_way) end as community_id,
    "start",
    "end",
    (epoch_ns("end") - epoch_ns("start")) / 1e9 as duration,
    start_seen,
    case when end_reason is null
            and epoch_ns(max("end") over ()) - epoch_ns("end") > silent_seconds(proto, conn_state, proven)::bigint * 1000000000
        then silent_reason(proto, conn_state) else end_reason end as end_reason,
    case when ip_version > 0 then proto_name
        when src_port = 2054 then 'ARP'
        when src_port = 35020 then 'LLDP'
        else printf('0x%04x', src_port::int) end as proto,
    case when ip_version > 0 then src_ip end as src_ip,
    case when ip_version > 0 and has_ports(proto) then src_port end as src_port,
    case when ip_version > 0 then dest_ip end as dest_ip,
    case when ip_version > 0 and has_ports(proto) then dest_port end as dest_port,
    direction,
    vlan,
    tunnel,
    tunnel_id,
    in_iface,
    src_mac,
    dest_mac,
    case when (ip_version, proto) in ((4, 1), (6, 58)) then src_port end as icmp_type,
    case when (ip_version, proto) in ((4, 1), (6, 58)) then case when one_way then dest_port else 0 end end as icmp_code,
    pkts_toserver,
    pkts_toclient,
    bytes_toserver,
    bytes_toclient,
    wire_segments,
    captured_bytes,
    case when ip_version > 0 then tcp_flags(proto, tcp_flags_ts) end as tcp_flags_ts,
    case when ip_version > 0 then tcp_flags(proto, tcp_flags_tc) end as tcp_flags_tc,
    conn_state,
    history,
    proven,
    app_proto,
    tls_sni,
    tls_version,
    ja3,
    ja3s,
    ja4,
    hassh,
    cert_sha256,
    http_hostname,
    http_user_agent,
    dest_name,
    tls_alpn,
    dns_queries,
    dns_answers,
    cert_subject,
    cert_issuer,
    cert_chain,
    mail_from,
    mail_to,
    mail_subject,
    file_name,
    file_sha256,
    "user",
    host_name,
    software,
    detail,
    more_values,
    list_filter(['client', 'server', 'transit', 'junk', 'bulk'], lambda lane: list_contains(lanes, lane))[1] as lane,
    sensor
from summed
order by "start", flow_id;
