-- Puts orders of five events each into the log, as the superuser, who may: numbered without gaps, hashed as ours are.
-- $1 the tenants, each of whom gets as many orders  $2 the first order's number  $3 how many orders, a multiple of the
-- number of tenants  $4 the events' types  $5 payloads, five for each of $6 variants  $7 metadata
with tenant as (
  select t.tenant_id, t.partition, u.ord - 1 as ord, coalesce(n.position, 0) as position
  from unnest($1::uuid[]) with ordinality u(tenant_id, ord)
  join log.tenant t on t.tenant_id = u.tenant_id
  left join lateral (
    select e.position from log.event e where e.tenant_id = t.tenant_id order by e.position desc limit 1) n on true
), kind as (
  select k.type, k.version from unnest($4::text[]) with ordinality k(type, version)
), variant as (
  select p.payload, (p.ord - 1) / 5 as variant, (p.ord - 1) % 5 + 1 as version
  from unnest($5::bytea[]) with ordinality p(payload, ord)
), event as (
  select t.tenant_id, t.partition, s.number, k.version, k.type, v.payload,
         t.position + (s.number - $2) / cardinality($1) * 5 + k.version as position,
         'order-' || md5('order ' || s.number)::uuid as stream_id,
         md5('event ' || s.number || ' ' || k.version)::uuid as event_id
  from generate_series($2::bigint, $2 + $3::bigint - 1) s(number)
  join tenant t on t.ord = s.number % cardinality($1)
  cross join kind k
  join variant v on v.variant = s.number % $6::bigint and v.version = k.version
), inserted as (
  insert into log.event (partition, "offset", tenant_id, position, stream_id, version, event_id, event_type,
    schema_version, payload, content_type, metadata, content_hash, occurred_at, recorded_at)
  select e.partition,
         p.next_offset + row_number() over (partition by e.partition order by e.number, e.version) - 1,
         e.tenant_id, e.position, e.stream_id, e.version, e.event_id, e.type, 1, e.payload, 1, $7,
         sha256('\x01'::bytea || uuid_send(e.event_id) || int4send(octet_length(e.type)) || convert_to(e.type, 'UTF8')
           || int2send(1::smallint) || int4send(octet_length($7::bytea)) || $7
           || int4send(octet_length(e.payload)) || e.payload),
         greatest(now(), p.last_recorded_at), greatest(now(), p.last_recorded_at)
  from event e join log.partition p on p.partition = e.partition
  order by e.number, e.version
  returning partition, recorded_at
)
update log.partition p
set next_offset = p.next_offset + i.events, last_recorded_at = i.recorded_at
from (select partition, count(*) as events, max(recorded_at) as recorded_at from inserted group by partition) i
where p.partition = i.partition
