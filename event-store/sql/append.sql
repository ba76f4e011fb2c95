-- log.append: the checked path. One call decides and writes a whole batch of commands, of any tenants.
--
-- Per command (arrays of equal length):
--   c_partition  the tenant's partition, computed by the caller; checked here when the tenant registers
--   c_tenant, c_command, c_stream
--   c_expected   the stream's version: n >= 0 exactly that, -1 any, -2 any but 0
--   c_registers  the command registers its tenant
--   c_hash       hash of the request if its idempotency key is to be remembered, else null
--   c_occurred   when it happened, for imports; null means "when it is recorded"
--   c_events     how many events it has
-- Per event, in the order of the commands:
--   e_command    the command's number, from 1;  e_index  the event's number in its command, from 1
--
-- Answers one row per command, in order. `outcome`:
--   0 appended   1 conflict (version = the stream's current one)   2 duplicate (the original result)
--   3 tenant unknown   4 tenant suspended   5 tenant frozen   6 behind the tenant's newest event   7 tenant exists
-- A refused command never fails the batch; an error does: the caller then halves the batch.
--
-- SQLSTATE DB001: not READ COMMITTED.  DB003: a partition that does not exist or does not match.
create or replace function log.append(
  c_partition smallint[], c_tenant uuid[], c_command uuid[], c_stream text[], c_expected int[],
  c_registers boolean[], c_hash bytea[], c_occurred timestamptz[], c_events int[],
  e_command int[], e_index int[], e_id uuid[], e_type text[], e_schema smallint[],
  e_payload bytea[], e_content smallint[], e_metadata bytea[], e_hash bytea[]
) returns table (
  outcome smallint, first_position bigint, first_version int, first_offset bigint, events int,
  recorded_at timestamptz, prior_hash bytea
)
language plpgsql volatile security definer
set search_path = pg_catalog
as $$
#variable_conflict use_column
declare
  n            int := coalesce(array_length(c_tenant, 1), 0);
  locked       int;
  wanted       int;
  now_recorded timestamptz;
  r            record;
  at_tenant    uuid;
  at_stream    text;
  at_version   int;
  verdict      smallint[] := array_fill(0::smallint, array[n]);
  base_version int[] := array_fill(0, array[n]);
  o_position   bigint[];
  o_offset     bigint[];
  p_hash       bytea[] := array_fill(null::bytea, array[n]);
  d_position   bigint[] := array_fill(null::bigint, array[n]);
  d_offset     bigint[] := array_fill(null::bigint, array[n]);
  d_events     int[] := c_events;
  fresh_tenant uuid[] := '{}';
  fresh_ord    bigint[] := '{}';
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'log.append needs READ COMMITTED: under % it would number from an old snapshot',
      current_setting('transaction_isolation') using errcode = 'DB001';
  end if;

  -- 1. The partitions' rows, in ascending order, until commit: nobody else numbers in them meanwhile.
  select count(distinct p) into wanted from unnest(c_partition) p;
  select count(*), greatest(clock_timestamp(), max(l.last_recorded_at)) into locked, now_recorded
    from (select p.last_recorded_at from log.partition p
          where p.partition = any (c_partition) order by p.partition for no key update) l;
  if locked <> wanted then
    raise exception 'a partition of the batch does not exist' using errcode = 'DB003';
  end if;

  -- 2. Registrations. A tenant's first event is its registration, so only a tenant without a row may.
  if true = any (c_registers) then
    for r in
      select c.ord, c.tenant, c.partition, t.tenant_id is not null as known
      from unnest(c_tenant, c_partition, c_registers) with ordinality c(tenant, partition, registers, ord)
      left join log.tenant t on t.tenant_id = c.tenant
      where c.registers order by c.ord
    loop
      if r.partition <> log.partition_of(r.tenant, (select i.partitions from log.installation i)) then
        raise exception 'tenant % does not belong to partition %', r.tenant, r.partition using errcode = 'DB003';
      end if;
      if r.known then
        verdict[r.ord] := 7;
      else
        insert into log.tenant (tenant_id, partition, state, created_at)
          values (r.tenant, r.partition, 'active', now_recorded) on conflict (tenant_id) do nothing;
        if found then
          fresh_tenant := fresh_tenant || r.tenant;
          fresh_ord := fresh_ord || r.ord;
        else
          verdict[r.ord] := 7;
        end if;
      end if;
    end loop;
  end if;

  -- 3. Every command in the order of its stream, so that entries see the entries before them.
  for r in
    select c.ord, c.tenant, c.stream, c.expected, c.events, c.registers, c.occurred,
           t.partition, t.state, coalesce(v.version, 0) as version, h.occurred_at as newest, d.request_hash, d.response,
           c.behind_batch, coalesce(f.ord > c.ord, false) as unregistered
    from (
      select u.*, u.occurred < max(u.occurred) over (partition by u.tenant order by u.ord) as behind_batch
      from unnest(c_tenant, c_command, c_stream, c_expected, c_registers, c_hash, c_occurred, c_events) with ordinality
        u(tenant, command, stream, expected, registers, hash, occurred, events, ord)
    ) c
    left join log.tenant t on t.tenant_id = c.tenant
    left join unnest(fresh_tenant, fresh_ord) f(tenant, ord) on f.tenant = c.tenant
    left join lateral (
      select e.version from log.event e where e.tenant_id = c.tenant and e.stream_id = c.stream
      order by e.version desc limit 1) v on true
    left join lateral (
      select e.occurred_at from log.event e where e.tenant_id = c.tenant and c.occurred is not null
      order by e.position desc limit 1) h on true
    left join lateral (
      select k.request_hash, k.response from log.command k
      where c.hash is not null and k.tenant_id = c.tenant and k.command_id = c.command) d on true
    order by c.tenant, c.stream collate "C", c.ord
  loop
    if at_tenant is distinct from r.tenant or at_stream is distinct from r.stream then
      at_tenant := r.tenant;
      at_stream := r.stream;
      at_version := r.version;
    end if;
    if r.request_hash is not null then
      verdict[r.ord] := 2;
      p_hash[r.ord] := r.request_hash;
      d_position[r.ord] := (r.response ->> 'position')::bigint;
      d_offset[r.ord] := (r.response ->> 'offset')::bigint;
      d_events[r.ord] := (r.response ->> 'events')::int;
      base_version[r.ord] := (r.response ->> 'version')::int - 1;
    elsif r.partition is null or r.unregistered then
      verdict[r.ord] := 3;
    elsif r.state <> 'active' then
      verdict[r.ord] := case r.state when 'suspended' then 4 else 5 end;
    elsif verdict[r.ord] = 7 then
      null;
    elsif not (case r.expected when -1 then true when -2 then at_version > 0 else at_version = r.expected end) then
      verdict[r.ord] := 1;
      base_version[r.ord] := at_version;
    elsif r.newest > r.occurred or r.behind_batch or r.occurred > now_recorded then
      verdict[r.ord] := 6;
    else
      base_version[r.ord] := at_version;
      at_version := at_version + r.events;
    end if;
  end loop;

  -- 4. Numbers, per command: what its tenant and its partition have, plus what the accepted ones before it bring.
  with c as (
    select u.ord, u.partition, u.tenant, u.verdict, case u.verdict when 0 then u.events else 0 end as events
    from unnest(c_partition, c_tenant, verdict, c_events) with ordinality u(partition, tenant, verdict, events, ord)
  ), newest as (
    select t.tenant, coalesce(m.position, 0) as position
    from (select distinct c.tenant from c) t
    left join lateral (
      select e.position from log.event e where e.tenant_id = t.tenant order by e.position desc limit 1) m on true
  )
  select array_agg(case c.verdict when 0 then m.position + 1 + c.before_tenant end order by c.ord),
         array_agg(case c.verdict when 0 then p.next_offset + c.before_partition end order by c.ord)
    into o_position, o_offset
    from (
      select c.*, sum(c.events) over (partition by c.tenant order by c.ord) - c.events as before_tenant,
             sum(c.events) over (partition by c.partition order by c.ord) - c.events as before_partition
      from c) c
    join newest m on m.tenant = c.tenant
    join log.partition p on p.partition = c.partition;

  -- 5. The rows.
  insert into log.event (partition, "offset", tenant_id, position, stream_id, version, event_id, event_type,
    schema_version, payload, content_type, metadata, content_hash, occurred_at, recorded_at)
  select c.partition, c.first_offset + e.index - 1, c.tenant, c.first_position + e.index - 1, c.stream,
         c.base + e.index, e.id, e.type, e.schema, e.payload, e.content, e.metadata, e.hash,
         coalesce(c.occurred, now_recorded), now_recorded
  from unnest(e_command, e_index, e_id, e_type, e_schema, e_payload, e_content, e_metadata, e_hash)
    e(command, index, id, type, schema, payload, content, metadata, hash)
  join unnest(c_partition, c_tenant, c_stream, c_occurred, verdict, base_version, o_position, o_offset) with ordinality
    c(partition, tenant, stream, occurred, verdict, base, first_position, first_offset, ord) on c.ord = e.command
  where c.verdict = 0;

  -- 6. The counters.
  update log.partition p
    set next_offset = p.next_offset + c.events, last_recorded_at = now_recorded
    from (select u.partition, sum(u.events) as events
          from unnest(c_partition, verdict, c_events) u(partition, verdict, events)
          where u.verdict = 0 group by u.partition) c
    where p.partition = c.partition;

  -- 7. The idempotency keys of what was accepted.
  insert into log.command (tenant_id, command_id, request_hash, response, expires_at)
  select c.tenant, c.command, c.hash,
         jsonb_build_object('stream', c.stream, 'position', c.first_position, 'version', c.base + 1,
           'offset', c.first_offset, 'events', c.events),
         now_recorded + interval '30 days'
  from unnest(c_tenant, c_command, c_hash, c_stream, verdict, base_version, o_position, o_offset, c_events)
    c(tenant, command, hash, stream, verdict, base, first_position, first_offset, events)
  where c.verdict = 0 and c.hash is not null;

  return query
    select c.verdict, coalesce(c.first_position, c.prior_position),
           case c.verdict when 1 then c.base else c.base + 1 end,
           coalesce(c.first_offset, c.prior_offset), c.events, now_recorded, c.prior_hash
    from unnest(verdict, o_position, d_position, base_version, o_offset, d_offset, d_events, p_hash) with ordinality
      c(verdict, first_position, prior_position, base, first_offset, prior_offset, events, prior_hash, ord)
    order by c.ord;
end $$;

alter function log.append owner to daybook_appender;
revoke all on function log.append from public;
grant execute on function log.append to daybook_append;
