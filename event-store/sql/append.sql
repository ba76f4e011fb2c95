-- log.append: the checked path. One call decides and writes a whole batch of commands, of any tenants, in their order.
--
-- What the batch touches, each once, for the other arguments to point at by number (from 1):
--   q_partition            the partitions, ascending
--   t_tenant, t_partition  the tenants, and which of the partitions is theirs
--   s_tenant, s_stream     the streams, and which of the tenants is theirs
-- Per part, one stream of a command; the parts of a command stand side by side:
--   p_parts     on a command's first part how many it has, on the others 0
--   p_stream    which stream, p_name its name
--   p_expected  the stream's version: n >= 0 exactly that, -1 any, -2 any but 0
--   p_events    how many events go to it; 0 only checks its version
--   p_first     the id of the first of these events, for an append that is repeated; null without events
--   p_last      the id of the last of them
--   p_after     the id of the stream's last event, if it matters which event has the expected version; else null
--   p_command   the command's id
--   p_change    what it does to its tenant: 0 nothing, 1 registers, 2 suspends, 3 resumes, 4 freezes it,
--                        5 makes it what it was before the freeze
--   p_hash      hash of the request if its idempotency key is to be remembered, else null
--   p_occurred  when it happened, for imports; null means "when it is recorded"
--   p_claims    how many unique values it takes or releases
-- Per unique value (k_part: the command's first part; k_takes: takes it for k_stream, else releases it).
-- Per event, in the order of the parts: e_part its part, e_index its number in it from 1, and the row's columns.
--
-- Answers one row per command, in order. `outcome`:
--   0 appended   1 conflict (version = the current one of the stream of part `part`)   2 duplicate (the original result)
--   3 tenant unknown   4 tenant suspended   5 tenant frozen   6 behind the tenant's newest event   7 tenant exists
--   8 a unique value is taken (by the stream `holder`)
-- `versions` are the numbers that the parts' first events got; of a part without events, the version found.
-- A refused command never fails the batch; an error does: the caller then halves the batch.
--
-- Planned once for any size: what a plan made for each call's arrays would save costs less than the planning.
--
-- SQLSTATE DB001: not READ COMMITTED.  DB003: a partition that does not exist or does not match.
create or replace function log.append(
  q_partition smallint[], t_tenant uuid[], t_partition int[], s_tenant int[], s_stream text[],
  p_parts int[], p_stream int[], p_name text[], p_expected int[], p_events int[], p_first uuid[],
  p_last uuid[], p_after uuid[], p_command uuid[], p_change smallint[],
  p_hash bytea[], p_occurred timestamptz[], p_claims int[],
  k_part int[], k_kind text[], k_value bytea[], k_stream text[], k_takes boolean[],
  e_part int[], e_index int[], e_partition smallint[], e_tenant uuid[], e_stream text[], e_id uuid[], e_type text[],
  e_schema smallint[], e_payload bytea[], e_content smallint[], e_metadata bytea[], e_hash bytea[]
) returns table (
  outcome smallint, first_position bigint, first_offset bigint, events int, versions int[], recorded_at timestamptz,
  part int, prior_hash bytea, holder text
)
language plpgsql volatile security definer
set search_path = pg_catalog
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
as $$
#variable_conflict use_column
declare
  parts        int := coalesce(array_length(p_parts, 1), 0);
  locked       int;
  now_recorded timestamptz;
  -- By partition, tenant and stream: as the commands so far leave them.
  q_offset     bigint[];
  t_state      int[];
  t_position   bigint[];
  t_newest     timestamptz[];
  s_version    int[];
  s_last       uuid[];  -- null where this call wrote nothing
  -- By part: whether its events are written, and the number before the first of them.
  o_write      boolean[] := array_fill(false, array[parts]);
  o_offset     bigint[] := array_fill(0::bigint, array[parts]);
  o_position   bigint[] := array_fill(0::bigint, array[parts]);
  o_version    int[] := array_fill(0, array[parts]);
  o_occurred   timestamptz[];
  r            record;
  k            record;
  found_first  record;
  lead         int;      -- the command's first part
  behind       int;      -- how many parts of it are still to come
  tenant       int;
  verdict      smallint;
  bad          int;
  wrong        text;
  current      int;
  total        int;
  changed_to   int;
  prior        jsonb;
  dated        boolean := exists (select from unnest(p_occurred) o where o is not null);
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'log.append needs READ COMMITTED: under % it would number from an old snapshot',
      current_setting('transaction_isolation') using errcode = 'DB001';
  end if;

  -- 1. The partitions' rows, in ascending order, until commit: nobody else numbers in them meanwhile.
  select count(*), greatest(clock_timestamp(), max(l.last_recorded_at)), array_agg(l.next_offset order by l.partition)
    into locked, now_recorded, q_offset
    from (select p.partition, p.next_offset, p.last_recorded_at from log.partition p
          where p.partition = any (q_partition) order by p.partition for no key update) l;
  if locked <> coalesce(array_length(q_partition, 1), 0) then
    raise exception 'a partition of the batch does not exist' using errcode = 'DB003';
  end if;

  -- 2. The tenants and the streams as they are.
  select array_agg(case t.state when 'active' then 1 when 'suspended' then 2 when 'frozen' then 3 else 0 end order by n.ord),
         array_agg(coalesce(m.position, 0) order by n.ord),
         array_agg(coalesce(m.occurred_at, '-infinity') order by n.ord),
         string_agg(n.tenant::text, ', ') filter (where t.partition <> q_partition[n.partition])
    into t_state, t_position, t_newest, wrong
    from unnest(t_tenant, t_partition) with ordinality n(tenant, partition, ord)
    left join lateral (
      select t.state, t.partition from log.tenant t where t.tenant_id = n.tenant limit 1) t on true
    left join lateral (
      select e.position, e.occurred_at from log.event e where e.tenant_id = n.tenant
      order by e.position desc limit 1) m on true;
  if wrong is not null then
    raise exception 'these tenants belong to other partitions: %', wrong using errcode = 'DB003';
  end if;
  select array_agg(coalesce(v.version, 0) order by n.ord) into s_version
    from unnest(s_tenant, s_stream) with ordinality n(tenant, stream, ord)
    left join lateral (
      select e.version from log.event e where e.tenant_id = t_tenant[n.tenant] and e.stream_id = n.stream
      order by e.version desc limit 1) v on true;
  o_occurred := array_fill(now_recorded, array[parts]);
  s_last := array_fill(null::uuid, array[coalesce(array_length(s_stream, 1), 0)]);

  -- 3. Every command in turn: it sees what the ones before it did.
  for r in
    select p.*, s_tenant[p.stream] as tenant, d.request_hash, d.response
    from unnest(p_parts, p_stream, p_name, p_expected, p_events, p_first, p_after, p_command, p_change, p_hash, p_occurred, p_claims)
      with ordinality p(parts, stream, name, expected, events, first, after, command, change, hash, occurred, claims, ord)
    left join lateral (
      select c.request_hash, c.response from log.command c
      where p.hash is not null and p.parts > 0 and c.tenant_id = t_tenant[s_tenant[p.stream]] and c.command_id = p.command
      ) d on true
    order by p.ord
  loop
    if r.parts > 0 then
      lead := r.ord; behind := r.parts; tenant := r.tenant;
      verdict := 0; bad := null; total := 0; prior := null; holder := null; prior_hash := null;
      if r.request_hash is not null then
        verdict := 2; prior := r.response; prior_hash := r.request_hash;
      elsif r.change = 1 and t_state[tenant] <> 0 then
        verdict := 7;
      elsif r.change <> 1 and t_state[tenant] = 0 then
        verdict := 3;
      elsif t_state[tenant] = 3 and r.change not in (4, 5) then
        verdict := 5;
      elsif t_state[tenant] = 2 and r.change not in (3, 4) then
        verdict := 4;
      elsif dated and r.occurred is not null and (r.occurred < t_newest[tenant] or r.occurred > now_recorded) then
        verdict := 6;
      end if;
    end if;
    behind := behind - 1;

    if verdict = 0 then
      current := s_version[r.stream];
      if not (case r.expected when -1 then true when -2 then current > 0 else current = r.expected end) then
        verdict := 1; bad := r.ord - lead + 1;
      elsif r.after is not null and r.after is distinct from coalesce(s_last[r.stream],
          (select e.event_id from log.event e
           where e.tenant_id = t_tenant[tenant] and e.stream_id = r.name and e.version = r.expected)) then
        verdict := 1; bad := r.ord - lead + 1;
      end if;
      -- The very events may be there already. Where any version will do, a repetition is looked for among the newest 1,024.
      if r.first is not null and total = 0 and (verdict = 1 or (r.expected < 0 and current > 0)) then
        select e.position, e.offset, e.version into found_first from log.event e
          where e.tenant_id = t_tenant[tenant] and e.stream_id = r.name and e.event_id = r.first
            and e.version between case when r.expected >= 0 then r.expected + 1 else current - 1023 end
                              and case when r.expected >= 0 then r.expected + 1 else current end;
        if found then
          verdict := 2;
          prior := jsonb_build_object('position', found_first.position, 'offset', found_first.offset,
            'version', found_first.version, 'events', r.events);
        end if;
      end if;
      o_version[r.ord] := current;
      total := total + r.events;
    end if;
    continue when behind > 0;

    if verdict = 0 and p_claims[lead] > 0 then
      for k in
        select u.kind, u.value, u.stream, u.takes, c.stream_id as held_by
        from unnest(k_part, k_kind, k_value, k_stream, k_takes) u(part, kind, value, stream, takes)
        left join log.claim c on c.tenant_id = t_tenant[tenant] and c.kind = u.kind and c.value = u.value
        where u.part = lead
      loop
        if k.takes and k.held_by <> k.stream then
          verdict := 8; holder := k.held_by;
        end if;
      end loop;
    end if;

    if verdict = 0 then
      if r.change = 1 then
        if q_partition[t_partition[tenant]]
           <> log.partition_of(t_tenant[tenant], (select i.partitions from log.installation i)) then
          raise exception 'tenant % does not belong to partition %', t_tenant[tenant], q_partition[t_partition[tenant]]
            using errcode = 'DB003';
        end if;
        insert into log.tenant (tenant_id, partition, state, created_at)
          values (t_tenant[tenant], q_partition[t_partition[tenant]], 'active', now_recorded);
        t_state[tenant] := 1;
      elsif r.change > 1 then
        -- A freeze stops what is active or suspended, and its end makes it that again; whoever freezes twice changes nothing.
        update log.tenant t
          set state = case when r.change = 2 then 'suspended' when r.change = 3 then 'active' when r.change = 4 then 'frozen'
                when t.state = 'frozen' then coalesce(t.frozen_from, 'active') else t.state end,
              frozen_from = case when r.change = 4 then case t.state when 'frozen' then t.frozen_from else t.state end end
          where t.tenant_id = t_tenant[tenant]
          returning case t.state when 'active' then 1 when 'suspended' then 2 else 3 end into changed_to;
        t_state[tenant] := changed_to;
      end if;
      if p_claims[lead] > 0 then
        delete from log.claim c using unnest(k_part, k_kind, k_value, k_stream, k_takes) u(part, kind, value, stream, takes)
          where u.part = lead and not u.takes and c.tenant_id = t_tenant[tenant] and c.kind = u.kind
            and c.value = u.value and c.stream_id = u.stream;
        insert into log.claim (tenant_id, kind, value, stream_id)
          select t_tenant[tenant], u.kind, u.value, u.stream
          from unnest(k_part, k_kind, k_value, k_stream, k_takes) u(part, kind, value, stream, takes)
          where u.part = lead and u.takes on conflict do nothing;
      end if;
      if r.occurred is not null then
        t_newest[tenant] := r.occurred;
      else
        t_newest[tenant] := now_recorded;
      end if;
      first_position := t_position[tenant] + 1;
      first_offset := q_offset[t_partition[tenant]];
      events := total;
      versions := '{}';
      total := 0;
      for i in lead .. r.ord loop
        o_write[i] := true;
        o_position[i] := t_position[tenant] + total;
        o_offset[i] := first_offset + total - 1;
        o_version[i] := s_version[p_stream[i]];
        if r.occurred is not null then
          o_occurred[i] := r.occurred;
        end if;
        versions := versions || (o_version[i] + case when p_events[i] > 0 then 1 else 0 end);
        s_version[p_stream[i]] := o_version[i] + p_events[i];
        s_last[p_stream[i]] := coalesce(p_last[i], s_last[p_stream[i]]);
        total := total + p_events[i];
      end loop;
      t_position[tenant] := t_position[tenant] + total;
      q_offset[t_partition[tenant]] := first_offset + total;
    elsif verdict = 2 then
      first_position := (prior ->> 'position')::bigint;
      first_offset := (prior ->> 'offset')::bigint;
      events := (prior ->> 'events')::int;
      versions := array(
        select v::int from jsonb_array_elements_text(coalesce(prior -> 'versions', jsonb_build_array(prior -> 'version'))) v);
    else
      first_position := null; first_offset := null; events := null;
      versions := case verdict when 1 then array[current] end;
    end if;
    outcome := verdict;
    recorded_at := now_recorded;
    part := bad;
    return next;
  end loop;

  -- 4. The rows.
  insert into log.event (partition, "offset", tenant_id, position, stream_id, version, event_id, event_type,
    schema_version, payload, content_type, metadata, content_hash, occurred_at, recorded_at)
  select e.partition, o_offset[e.part] + e.index, e.tenant, o_position[e.part] + e.index, e.stream,
         o_version[e.part] + e.index, e.id, e.type, e.schema, e.payload, e.content, e.metadata, e.hash,
         o_occurred[e.part], now_recorded
  from unnest(e_part, e_index, e_partition, e_tenant, e_stream, e_id, e_type, e_schema, e_payload, e_content, e_metadata,
      e_hash) e(part, index, partition, tenant, stream, id, type, schema, payload, content, metadata, hash)
  where o_write[e.part];

  -- 5. The counters.
  update log.partition p
    set next_offset = n.next_offset, last_recorded_at = now_recorded
    from unnest(q_partition, q_offset) n(partition, next_offset)
    where p.partition = n.partition and p.next_offset <> n.next_offset;

  -- 6. The idempotency keys of what was accepted.
  insert into log.command (tenant_id, command_id, request_hash, response, expires_at)
  select t_tenant[s_tenant[p.stream]], p.command, p.hash,
         jsonb_build_object('position', o_position[p.ord] + 1, 'offset', o_offset[p.ord] + 1,
           'version', o_version[p.ord] + case when p.events > 0 then 1 else 0 end,
           'events', case p.parts when 1 then p.events
                     else (select sum(p_events[i]) from generate_series(p.ord, p.ord + p.parts - 1) i) end)
         || case p.parts when 1 then '{}' else jsonb_build_object('versions', (
              select jsonb_agg(o_version[i] + case when p_events[i] > 0 then 1 else 0 end order by i)
              from generate_series(p.ord, p.ord + p.parts - 1) i)) end,
         now_recorded + interval '30 days'
  from unnest(p_parts, p_stream, p_events, p_command, p_hash) with ordinality p(parts, stream, events, command, hash, ord)
  where p.parts > 0 and p.hash is not null and o_write[p.ord];
end $$;

alter function log.append owner to daybook_appender;
revoke all on function log.append from public;
grant execute on function log.append to daybook_append;
