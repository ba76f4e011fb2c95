-- log.save_snapshots: keeps the newest snapshot of each stream. An older one, or one of a stream that is not there or
-- shorter, changes nothing.
create or replace function log.save_snapshots(
  s_tenant uuid[], s_stream text[], s_version int[], s_state bytea[], s_schema bytea[]
) returns void
language sql volatile security definer
set search_path = pg_catalog
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
as $$
  insert into log.snapshot as kept (tenant_id, stream_id, version, state, schema_hash)
  select distinct on (s.tenant, s.stream) s.tenant, s.stream, s.version, s.state, s.schema
  from unnest(s_tenant, s_stream, s_version, s_state, s_schema) s(tenant, stream, version, state, schema)
  where exists (
    select from log.event e where e.tenant_id = s.tenant and e.stream_id = s.stream and e.version = s.version)
  order by s.tenant, s.stream, s.version desc
  on conflict (tenant_id, stream_id) do update
    set version = excluded.version, state = excluded.state, schema_hash = excluded.schema_hash
    where excluded.version > kept.version or excluded.schema_hash <> kept.schema_hash
$$;

alter function log.save_snapshots owner to daybook_appender;
revoke all on function log.save_snapshots from public;
grant execute on function log.save_snapshots to daybook_append;
