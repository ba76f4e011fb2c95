-- log.load: everything that decisions about some streams need, in one round trip and of one snapshot.
--
-- l_tenant, l_stream      the streams; l_schema the hash of the state that a snapshot of each may hold, null for no snapshot
-- k_tenant, k_command     the idempotency keys whose earlier use matters
-- f_tenant, f_partition   the tenants, each once, and their partitions
-- Answers, in this order, rows of `kind`
--   0  per key that was used before (`ord` counts the keys): its request hash and response
--   1  per tenant (`ord` counts the tenants): its newest position, its partition's next offset, and as `version` its
--      state: 0 unknown, 1 active, 2 suspended, 3 frozen
--   2  per stream that has a fitting snapshot (`ord` counts the streams): its version, and the state as payload
--   3  per event after that snapshot, in the order of the versions
create or replace function log.load(
  l_tenant uuid[], l_stream text[], l_schema bytea[], k_tenant uuid[], k_command uuid[],
  f_tenant uuid[], f_partition smallint[]
) returns table (
  ord int, kind smallint, version int, event_position bigint, event_offset bigint, event_id uuid, event_type text,
  schema_version smallint, payload bytea, metadata bytea, hash bytea, response jsonb
)
language sql stable security definer
set search_path = pg_catalog
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
as $$
  select k.ord::int, 0::smallint, 0, 0::bigint, 0::bigint, null::uuid, null::text, 0::smallint, null::bytea, null::bytea,
         c.request_hash, c.response
  from unnest(k_tenant, k_command) with ordinality k(tenant, command, ord)
  cross join lateral (
    select c.request_hash, c.response from log.command c
    where c.tenant_id = k.tenant and c.command_id = k.command limit 1) c
  union all
  select f.ord::int, 1::smallint, case t.state when 'active' then 1 when 'suspended' then 2 when 'frozen' then 3 else 0 end,
         coalesce(m.position, 0), p.next_offset, null, null, 0::smallint, null, null, ''::bytea, null
  from unnest(f_tenant, f_partition) with ordinality f(tenant, partition, ord)
  cross join lateral (select p.next_offset from log.partition p where p.partition = f.partition limit 1) p
  left join lateral (select t.state from log.tenant t where t.tenant_id = f.tenant limit 1) t on true
  left join lateral (
    select e.position from log.event e where e.tenant_id = f.tenant order by e.position desc limit 1) m on true
  union all
  select s.ord::int, 2::smallint, n.version, 0::bigint, 0::bigint, null, null, 0::smallint, n.state, null, n.schema_hash, null
  from unnest(l_tenant, l_stream, l_schema) with ordinality s(tenant, stream, schema, ord)
  cross join lateral (
    select n.* from log.snapshot n
    where n.tenant_id = s.tenant and n.stream_id = s.stream and n.schema_hash = s.schema limit 1) n
  union all
  select s.ord::int, 3::smallint, f.version, f.position, f."offset", f.event_id, f.event_type, f.schema_version, f.payload,
         f.metadata, f.content_hash, null
  from unnest(l_tenant, l_stream, l_schema) with ordinality s(tenant, stream, schema, ord)
  left join lateral (
    select n.version from log.snapshot n
    where n.tenant_id = s.tenant and n.stream_id = s.stream and n.schema_hash = s.schema limit 1) n on true
  cross join lateral (
    select e.* from log.event e
    where e.tenant_id = s.tenant and e.stream_id = s.stream and e.version > coalesce(n.version, 0)
    order by e.version
  ) f
  order by 2, 1, 3
$$;

alter function log.load owner to daybook_appender;
revoke all on function log.load from public;
grant execute on function log.load to daybook_append;
