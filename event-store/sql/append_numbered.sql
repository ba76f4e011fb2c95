-- log.append_numbered: the numbered path. The writer has numbered the events; one compare-and-swap of the partitions'
-- counters proves that nobody else appended to them since it looked. It decides nothing: it writes all or raises.
--
-- Per partition, ascending: q_base the next offset that the writer saw, q_events how many events go there.
-- Per event: the row's columns. Both times are the time of recording.
-- Per idempotency key: its id, the hash of its request and the numbers of its result.
-- p_full: prove tenants, positions and versions too, instead of leaving them to the unique keys and the guard.
--
-- Answers the time of recording.
--
-- SQLSTATE DB001: not READ COMMITTED.  DB005: a partition moved, nothing is written: append the checked way.
-- DB006: the numbers do not follow from what is stored. A unique violation means the same: append the checked way.
create or replace function log.append_numbered(
  q_partition smallint[], q_base bigint[], q_events bigint[],
  e_partition smallint[], e_offset bigint[], e_tenant uuid[], e_position bigint[], e_stream text[], e_version int[],
  e_id uuid[], e_type text[], e_schema smallint[], e_payload bytea[], e_content smallint[], e_metadata bytea[],
  e_hash bytea[],
  c_tenant uuid[], c_command uuid[], c_hash bytea[], c_position bigint[], c_offset bigint[], c_events int[],
  c_version int[],
  p_full boolean
) returns timestamptz
language plpgsql volatile security definer
set search_path = pg_catalog
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
as $$
declare
  partitions   int := array_length(q_partition, 1);
  now_clock    timestamptz := clock_timestamp();
  now_recorded timestamptz;
  matched      bigint;
  asked        bigint;
  wrong        text;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'log.append_numbered needs READ COMMITTED: under % it would compare with an old snapshot',
      current_setting('transaction_isolation') using errcode = 'DB001';
  end if;

  -- 1. The swap, which locks in ascending order. Rows that moved while this waited for their lock fail the
  -- comparison. All or nothing: a partial swap that committed would leave a hole for ever.
  if partitions = 1 then
    update log.partition p
      set next_offset = q_base[1] + q_events[1], last_recorded_at = greatest(now_clock, p.last_recorded_at)
      where p.partition = q_partition[1] and p.next_offset = q_base[1]
      returning p.last_recorded_at into now_recorded;
    get diagnostics matched = row_count;
  else
    with swapped as (
      update log.partition p
        set next_offset = q.base + q.events, last_recorded_at = greatest(now_clock, p.last_recorded_at)
        from (select * from unnest(q_partition, q_base, q_events) u(partition, base, events) order by u.partition) q
        where p.partition = q.partition and p.next_offset = q.base
        returning p.last_recorded_at)
    select count(*), max(s.last_recorded_at) into matched, now_recorded from swapped s;
    if now_recorded > now_clock then
      -- The clock went backwards: no partition's time may, so all take the latest.
      update log.partition p set last_recorded_at = now_recorded where p.partition = any(q_partition);
    end if;
  end if;
  if matched <> partitions then
    raise exception 'a partition moved on' using errcode = 'DB005';
  end if;

  if p_full then
    select string_agg(e.tenant::text, ', ') into wrong
      from (
        select u.tenant, min(u.partition) as partition, min(u.position) as first,
               max(u.position) - min(u.position) + 1 = count(distinct u.position) and count(distinct u.partition) = 1 as dense
        from unnest(e_partition, e_tenant, e_position) u(partition, tenant, position) group by u.tenant) e
      left join lateral (
        select t.tenant_id from log.tenant t
        where t.tenant_id = e.tenant and t.partition = e.partition and t.state = 'active' limit 1) t on true
      left join lateral (
        select n.position from log.event n where n.tenant_id = e.tenant order by n.position desc limit 1) m on true
      where (e.dense and t.tenant_id is not null and e.first = coalesce(m.position, 0) + 1) is not true;
    if wrong is not null then
      raise exception 'positions or states do not follow for tenants %', wrong using errcode = 'DB006';
    end if;
    select string_agg(e.stream, ', ') into wrong
      from (
        select u.tenant, u.stream, min(u.version) as first,
               max(u.version) - min(u.version) + 1 = count(distinct u.version) as dense
        from unnest(e_tenant, e_stream, e_version) u(tenant, stream, version) group by u.tenant, u.stream) e
      left join lateral (
        select n.version from log.event n where n.tenant_id = e.tenant and n.stream_id = e.stream
        order by n.version desc limit 1) m on true
      where (e.dense and e.first = coalesce(m.version, 0) + 1) is not true;
    if wrong is not null then
      raise exception 'versions do not follow in streams %', wrong using errcode = 'DB006';
    end if;
  end if;

  -- 2. The rows. Their offsets fill the partitions' ranges: as many as the ranges have, each inside its own; the key keeps
  -- them distinct. No range is empty or goes back.
  if partitions > 1 then
    select count(*), (select sum(n) from unnest(q_events) n having min(n) > 0) into matched, asked
      from unnest(e_partition, e_offset) e(partition, o)
      join unnest(q_partition, q_base, q_events) q(partition, base, events)
        on q.partition = e.partition and e.o >= q.base and e.o < q.base + q.events;
  else
    asked := q_events[1];
    matched := asked;
  end if;
  if matched = asked and asked = array_length(e_offset, 1) then
    insert into log.event (partition, "offset", tenant_id, position, stream_id, version, event_id, event_type,
      schema_version, payload, content_type, metadata, content_hash, occurred_at, recorded_at)
    select e.*, now_recorded, now_recorded
    from unnest(e_partition, e_offset, e_tenant, e_position, e_stream, e_version, e_id, e_type, e_schema, e_payload,
      e_content, e_metadata, e_hash) e(partition, o)
    where partitions > 1 or (e.partition = q_partition[1] and e.o >= q_base[1] and e.o < q_base[1] + q_events[1]);
    get diagnostics matched = row_count;
  end if;
  if matched is distinct from asked or asked is distinct from array_length(e_offset, 1) then
    raise exception 'the offsets do not fill their ranges' using errcode = 'DB006';
  end if;

  -- 3. The keys.
  if array_length(c_command, 1) > 0 then
    insert into log.command (tenant_id, command_id, request_hash, response, expires_at)
    select c.tenant, c.command, c.hash,
           jsonb_build_object('position', c.position, 'offset', c.first_offset, 'version', c.version,
             'events', c.events),
           now_recorded + interval '30 days'
    from unnest(c_tenant, c_command, c_hash, c_position, c_offset, c_events, c_version)
      c(tenant, command, hash, position, first_offset, events, version);
  end if;
  return now_recorded;
end $$;

alter function log.append_numbered owner to daybook_appender;
revoke all on function log.append_numbered from public;
grant execute on function log.append_numbered to daybook_append;
