-- log.count_paths: adds a server's figures of the last seconds to log.path_stat. One entry per day, path and reason;
-- an entry that stands twice counts twice.
create or replace function log.count_paths(
  days date[], paths text[], reasons text[], commands bigint[], events bigint[], batches bigint[], waited_us bigint[]
) returns void
language sql volatile security definer
set search_path = pg_catalog
as $$
  -- In the order of the key, so that two servers never wait for each other in a circle.
  insert into log.path_stat as s (day, path, reason, commands, events, batches, waited_us)
  select u.day, u.path, u.reason, sum(u.commands), sum(u.events), sum(u.batches), sum(u.waited_us)
  from unnest(days, paths, reasons, commands, events, batches, waited_us)
    u(day, path, reason, commands, events, batches, waited_us)
  group by u.day, u.path, u.reason order by u.day, u.path collate "C", u.reason collate "C"
  on conflict (day, path, reason) do update set commands = s.commands + excluded.commands,
    events = s.events + excluded.events, batches = s.batches + excluded.batches,
    waited_us = s.waited_us + excluded.waited_us
$$;

alter function log.count_paths owner to daybook_appender;
revoke all on function log.count_paths from public;
grant execute on function log.count_paths to daybook_append;
