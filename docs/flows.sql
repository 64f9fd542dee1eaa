-- Flows of a tape for DuckDB and other engines that read Parquet: the parts of a flow, one for each flow file that has
-- packets of it, summed over flow_id. Run it in the tape's directory, or change the path:
--
--     duckdb -init docs/flows.sql        then        select * from flows where dest_port = 443;
--
-- It shows what flow files hold: packets of the last minutes have no rows there yet (`wiretape flows` adds them).
-- `kept` is not here, since it depends on which segments are still there.

create or replace view flow_parts as
select * from read_parquet('flows/*.parquet');

create or replace view flows as
select
    printf('%016x', flow_id) as flow_id,
    any_value(community_id) as community_id,
    least(min("start"), min(part_start)) as "start",
    max("end") as "end",
    epoch_ns(max("end")) / 1e9 - epoch_ns(least(min("start"), min(part_start))) / 1e9 as duration,
    bool_or(start_seen) as start_seen,
    arg_max(coalesce(end_reason, ''), last_arrival) as end_reason,
    any_value(proto) as proto,
    any_value(src_ip) as src_ip,
    any_value(src_port) as src_port,
    any_value(dest_ip) as dest_ip,
    any_value(dest_port) as dest_port,
    any_value(direction) as direction,
    any_value(vlan) as vlan,
    any_value(tunnel) as tunnel,
    any_value(in_iface) as in_iface,
    any_value(src_mac) as src_mac,
    any_value(dest_mac) as dest_mac,
    any_value(icmp_type) as icmp_type,
    any_value(icmp_code) as icmp_code,
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
    list_distinct(flatten(list(string_split(lane, ',')))) as lane,
    any_value(sensor) as sensor
from flow_parts
group by flow_parts.flow_id
order by "start", flow_id;
