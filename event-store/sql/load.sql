-- log.load: everything that decisions about some streams need, in one round trip.
--
-- Per stream: l_tenant, l_stream, and l_command, the idempotency key to look up beside it (or null).
-- Answers, ordered by stream: a row of kind 0 where the key was used before (its request hash and response), then a
-- row of kind 1 per event of the stream, in the order of its versions. Kind 2 says what state an inactive tenant is in.
create or replace function log.load(l_tenant uuid[], l_stream text[], l_command uuid[])
returns table (
  ord int, kind smallint, version int, event_position bigint, event_id uuid, event_type text, schema_version smallint,
  payload bytea, metadata bytea, hash bytea, response jsonb
)
language sql stable security definer
set search_path = pg_catalog
as $$
  select s.ord::int, f.kind, f.version, f.position, f.event_id, f.event_type, f.schema_version, f.payload, f.metadata, f.hash, f.response
  from unnest(l_tenant, l_stream, l_command) with ordinality s(tenant, stream, command, ord)
  cross join lateral (
    select 0::smallint as kind, 0 as version, 0::bigint as position, null::uuid as event_id, null::text as event_type,
           0::smallint as schema_version, null::bytea as payload, null::bytea as metadata, k.request_hash as hash, k.response
      from log.command k where k.tenant_id = s.tenant and k.command_id = s.command
    union all
    (select 1::smallint, e.version, e.position, e.event_id, e.event_type, e.schema_version, e.payload, e.metadata,
            e.content_hash, null::jsonb
      from log.event e where e.tenant_id = s.tenant and e.stream_id = s.stream order by e.version)
  ) f
  order by s.ord, f.kind, f.version
$$;

alter function log.load owner to daybook_appender;
revoke all on function log.load from public;
grant execute on function log.load to daybook_append;
