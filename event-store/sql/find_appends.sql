-- log.find_appends: whether appends whose answer was lost did happen. The caller has ended the session that they were sent
-- in, so the answer stays true.
--
-- Per stream that was written to (arrays of equal length): its tenant and name, the version that its first event must have
-- (null where any would do: then it is looked for among the newest 1,024), and that event's id.
-- Answers the numbers of those found; `ord` counts the streams.
--
-- The message is a commit of our own: with a synchronous standby this answers only once everything found is there too.
create or replace function log.find_appends(w_tenant uuid[], w_stream text[], w_version int[], w_first uuid[])
returns table (ord int, event_position bigint, event_offset bigint, version int, recorded_at timestamptz)
language sql volatile security definer
set search_path = pg_catalog
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
as $$
  select pg_logical_emit_message(true, 'daybook', 'looked up');
  select w.ord::int, f.position, f."offset", f.version, f.recorded_at
  from unnest(w_tenant, w_stream, w_version, w_first) with ordinality w(tenant, stream, version, first, ord)
  left join lateral (
    select e.version from log.event e where e.tenant_id = w.tenant and e.stream_id = w.stream and w.version is null
    order by e.version desc limit 1) n on true
  join log.event f on f.tenant_id = w.tenant and f.stream_id = w.stream and f.event_id = w.first
    and f.version between coalesce(w.version, n.version - 1023) and coalesce(w.version, n.version)
$$;

alter function log.find_appends owner to daybook_appender;
revoke all on function log.find_appends from public;
grant execute on function log.find_appends to daybook_append;
