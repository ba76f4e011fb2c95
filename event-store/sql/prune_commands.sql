-- log.prune_commands: forgets the idempotency keys whose time is over, the oldest first and at most `most` of them. Whoever
-- uses such a key again sends a new command.
--
-- since: those that expired before are not looked for, null for all. A long series of calls begins each where the last one
-- ended, and so never walks over the remains of what it deleted.
-- Answers how many went, and when the last of them had expired; no row if another session is at it.
create or replace function log.prune_commands(since timestamptz, most int)
returns table (pruned bigint, until timestamptz)
language plpgsql volatile security definer
set search_path = pg_catalog
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
as $$
begin
  -- Any number that nothing else in the database is likely to lock on.
  if not pg_try_advisory_xact_lock(0x64617962_7072756e) then
    return;
  end if;
  -- Nobody waits for this to be on disk: what comes back is pruned again.
  perform set_config('synchronous_commit', 'off', true);
  -- Rows are never updated, so that one is where it was found.
  return query
    with gone as (
      delete from log.command c
      where c.ctid = any (array(
        select o.ctid from log.command o
        where o.expires_at >= coalesce(since, '-infinity') and o.expires_at <= now()
        order by o.expires_at limit most))
      returning c.expires_at)
    select count(*), max(g.expires_at) from gone g;
end $$;

alter function log.prune_commands owner to daybook_appender;
revoke all on function log.prune_commands from public;
grant execute on function log.prune_commands to daybook_append;
