-- Puts orders of one to five events into the log, as the superuser, who may, and the customers who gave them: numbered without
-- gaps, hashed as ours are. They are spread over the year 2025.
-- $1 the tenants  $2 how many orders each has already  $3 how many each gets  $4 the events' types  $5 payloads, five for each of
-- $6 variants  $7 metadata  $8 the customers of the variants  $9 their payloads
with tenant as (
  select t.tenant_id, t.partition, coalesce(n.position, 0) as position
  from unnest($1::uuid[]) u(tenant_id)
  join log.tenant t on t.tenant_id = u.tenant_id
  left join lateral (
    select e.position from log.event e where e.tenant_id = t.tenant_id order by e.position desc limit 1) n on true
), kind as (
  select k.type, k.version from unnest($4::text[]) with ordinality k(type, version)
), variant as (
  select p.payload, (p.ord - 1) / 5 as variant, (p.ord - 1) % 5 + 1 as version
  from unnest($5::bytea[]) with ordinality p(payload, ord)
), customer as (
  select c.id, c.payload, c.ord - 1 as variant from unnest($8::uuid[], $9::bytea[]) with ordinality c(id, payload, ord)
), fact as (
  select t.tenant_id, s.number, 0 as step, 'customer-' || c.id as stream_id, 1 as version, 'CustomerRegistered' as type, c.payload
  from tenant t cross join generate_series($2::bigint, $2 + $3::bigint - 1) s(number) join customer c on c.variant = s.number
  union all
  select t.tenant_id, s.number, k.version, 'order-' || md5('order ' || t.tenant_id || s.number)::uuid, k.version, k.type, v.payload
  from tenant t cross join generate_series($2::bigint, $2 + $3::bigint - 1) s(number)
  join kind k on k.version <= 1 + s.number % 5
  join variant v on v.variant = s.number % $6::bigint and v.version = k.version
), event as (
  select t.tenant_id, t.partition, f.number, f.step, f.stream_id, f.version, f.type, f.payload,
         t.position + row_number() over (partition by f.tenant_id order by f.number, f.step) as position,
         md5('event ' || f.tenant_id || f.number || ' ' || f.step)::uuid as event_id,
         timestamptz '2025-01-01 00:00:00+00' + interval '1 minute' * ((f.number * 104729 + hashtext(f.tenant_id::text)::bigint
           & 1048575) % 525000 + f.step) as occurred_at
  from fact f join tenant t on t.tenant_id = f.tenant_id
), inserted as (
  insert into log.event (partition, "offset", tenant_id, position, stream_id, version, event_id, event_type,
    schema_version, payload, content_type, metadata, content_hash, occurred_at, recorded_at)
  select e.partition, p.next_offset + row_number() over (partition by e.partition order by e.position, e.tenant_id) - 1,
         e.tenant_id, e.position, e.stream_id, e.version, e.event_id, e.type, 1, e.payload, 1, $7,
         sha256('\x01'::bytea || uuid_send(e.event_id) || int4send(octet_length(e.type)) || convert_to(e.type, 'UTF8')
           || int2send(1::smallint) || int4send(octet_length($7::bytea)) || $7
           || int4send(octet_length(e.payload)) || e.payload),
         e.occurred_at, greatest(now(), p.last_recorded_at)
  from event e join log.partition p on p.partition = e.partition
  order by e.position, e.tenant_id
  returning partition, recorded_at
)
update log.partition p
set next_offset = p.next_offset + i.events, last_recorded_at = i.recorded_at
from (select partition, count(*) as events, max(recorded_at) as recorded_at from inserted group by partition) i
where p.partition = i.partition
