-- log.load: everything that decisions about some streams need, in one round trip.
--
-- l_tenant, l_stream   the streams
-- k_tenant, k_command  the idempotency keys whose earlier use matters
-- Answers a row of kind 0 per key that was used before (`ord` counts the keys; its request hash and response), and a
-- row of kind 1 per event (`ord` counts the streams), in the order of its versions.
create or replace function log.load(l_tenant uuid[], l_stream text[], k_tenant uuid[], k_command uuid[])
returns table (
  ord int, kind smallint, version int, event_position bigint, event_offset bigint, event_id uuid, event_type text, schema_version smallint,
  payload bytea, metadata bytea, hash bytea, response jsonb
)
language sql stable security definer
set search_path = pg_catalog
as $$
  select k.ord::int, 0::smallint, 0, 0::bigint, 0::bigint, null::uuid, null::text, 0::smallint, null::bytea, null::bytea,
         c.request_hash, c.response
  from unnest(k_tenant, k_command) with ordinality k(tenant, command, ord)
  join log.command c on c.tenant_id = k.tenant and c.command_id = k.command
  union all
  select s.ord::int, 1::smallint, f.version, f.position, f."offset", f.event_id, f.event_type, f.schema_version, f.payload,
         f.metadata, f.content_hash, null::jsonb
  from unnest(l_tenant, l_stream) with ordinality s(tenant, stream, ord)
  cross join lateral (
    select e.* from log.event e where e.tenant_id = s.tenant and e.stream_id = s.stream order by e.version
  ) f
  order by 2, 1, 3
$$;

alter function log.load owner to daybook_appender;
revoke all on function log.load from public;
grant execute on function log.load to daybook_append;
