-- The audit trail: who did what, when, from where and why. One row per event of every stream, whatever its context.
--
-- A denied action leaves no event behind. It fits in as it is: `entry_id` is then an id of its own, `position` that of the
-- newest event there was, `outcome` is 'denied', `action` is the command's type, `reason` says why, and `version` is null;
-- `target` is null too where the command would have created something.
create table audit (
  tenant_id      uuid not null,
  -- The event's id.
  entry_id       uuid not null,
  position       bigint not null,
  outcome        text not null check (outcome in ('accepted', 'denied')),
  reason         text,
  context        text not null,
  action         text not null,
  -- The stream, and the event's number in it.
  target         text,
  version        int,
  -- Who and from where. Null where the writer did not say: streams of other programs need not.
  actor_kind     text,
  actor_id       text,
  on_behalf_of   text,
  source         text,
  trace_id       text,
  -- The keyed hash of the client's address, where it was kept; never the address.
  client         text,
  legal_basis    text,
  -- Why.
  command_id     uuid,
  causation_id   uuid,
  correlation_id uuid,
  occurred_at    timestamptz not null,
  recorded_at    timestamptz not null,
  -- What full text finds it by. Never a personal field of a payload.
  words          text not null,
  primary key (tenant_id, entry_id),
  check ((outcome = 'accepted') = (version is not null))
);
-- Rows are only ever added, so that each index costs once. The order of the list.
create unique index audit_position on audit (tenant_id, position, entry_id);
-- Equal keys are stored once.
create index audit_target on audit (tenant_id, target);
create index audit_correlation on audit (tenant_id, correlation_id);
-- What an event caused. Most are caused by their command alone, and are not in it.
create index audit_causation on audit (tenant_id, causation_id) where causation_id <> command_id;

-- Words in small letters without accents.
create function audit_fold(words text) returns text
  language sql immutable parallel safe
  return translate(lower(words), 'àáâãäåçèéêëìíîïñòóôõöùúûüýÿ', 'aaaaaaceeeeiiiinooooouuuuyy');

-- The lexemes of a row: each word's stems in Portuguese and in English, for texts come in both; itself without accents; and
-- the tenant, so that the index leads a search past the rows of all others.
create function audit_lexemes(tenant uuid, words text) returns tsvector
  language sql immutable parallel safe
  return to_tsvector('pg_catalog.portuguese', words) || to_tsvector('pg_catalog.english', words)
    || to_tsvector('pg_catalog.simple', audit_fold(words)) || array_to_tsvector(array['tenant:' || tenant::text]);
create index audit_words on audit using gin (audit_lexemes(tenant_id, words)) with (gin_pending_list_limit = 256);

-- What finds them.
create function audit_query(tenant uuid, query text) returns tsquery
  language sql immutable parallel safe
  return (websearch_to_tsquery('pg_catalog.portuguese', query) || websearch_to_tsquery('pg_catalog.english', query)
    || websearch_to_tsquery('pg_catalog.simple', audit_fold(query))) && ('''tenant:' || tenant::text || '''')::tsquery;

-- Of the 500 newest or oldest entries beyond a place, those that a search finds, at most so many. Where a word is frequent they
-- are enough, and what else has it need not be gone through.
create function audit_near(tenant uuid, query text, newest boolean, beyond_position bigint, beyond_id uuid, most bigint)
  returns setof uuid
  language sql stable rows 20
  set search_path = pg_catalog set plan_cache_mode = force_custom_plan set enable_bitmapscan = off set enable_seqscan = off
  begin atomic
    (select n.entry_id
     from (select a.entry_id, a.position, a.words from audit a
           where newest and most is not null and a.tenant_id = tenant
             and (a.position, a.entry_id) < (beyond_position, beyond_id)
           order by a.position desc, a.entry_id desc limit 500) n
     where audit_lexemes(tenant, n.words) @@ audit_query(tenant, query)
     order by n.position desc, n.entry_id desc limit most)
    union all
    (select n.entry_id
     from (select a.entry_id, a.position, a.words from audit a
           where not newest and most is not null and a.tenant_id = tenant
             and (a.position, a.entry_id) > (beyond_position, beyond_id)
           order by a.position, a.entry_id limit 500) n
     where audit_lexemes(tenant, n.words) @@ audit_query(tenant, query)
     order by n.position, n.entry_id limit most);
  end;

-- The entries of a tenant that a search finds: the `most` newest or oldest beyond a place, all if that is null; none unless it
-- is the tenant of this transaction. The owner's, for whom policies are no barrier to the index: `@@` may not be evaluated
-- before them. Statistics know how frequent a word is among all tenants, not in one of them, so that none may be walked through
-- on their word.
create function audit_matching(tenant uuid, query text, newest boolean, beyond_position bigint, beyond_id uuid, most bigint)
  returns setof uuid
  language sql stable security definer rows 100
  set search_path = pg_catalog set plan_cache_mode = force_custom_plan set enable_indexscan = off set enable_seqscan = off
  begin atomic
    with near as materialized (
      select n as entry_id from audit_near(tenant, query, newest, beyond_position, beyond_id, most) n
      where tenant = (select log.current_tenant()))
    select near.entry_id from near
    union all
    select f.entry_id
    from (select a.entry_id, a.position from audit a
          where tenant = (select log.current_tenant())
            -- So that no other index comes into question.
            and (a.tenant_id = tenant) is true
            and audit_lexemes(a.tenant_id, a.words) @@ audit_query(tenant, query)
            and case when newest then (a.position, a.entry_id) < (beyond_position, beyond_id)
                     else (a.position, a.entry_id) > (beyond_position, beyond_id) end
            and (most is null or (select count(*) from near) < most)
          order by case when newest then -a.position else a.position end, a.entry_id
          limit most) f;
  end;
revoke all on function audit_fold(text), audit_lexemes(uuid, text), audit_query(uuid, text),
  audit_near(uuid, text, boolean, bigint, uuid, bigint), audit_matching(uuid, text, boolean, bigint, uuid, bigint) from public;
grant execute on function audit_matching(uuid, text, boolean, bigint, uuid, bigint) to daybook_tenant;
-- A session keeps the index's expression as the first who plans with it sees it: resolved to what the function does only if that
-- one may execute it. Otherwise `audit_matching` would not find its own expression in the index.
grant execute on function audit_fold(text), audit_lexemes(uuid, text) to daybook_tenant;

alter table audit enable row level security;
alter table audit force row level security;
create policy projection_writes on audit for all to daybook_partition using (true) with check (true);
create policy tenant_reads_itself on audit for select to daybook_tenant using (tenant_id = (select log.current_tenant()));
grant select on audit to daybook_tenant;
