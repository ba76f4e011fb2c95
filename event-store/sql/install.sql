-- log.install: fixes the number of partitions and the key of the tenant contexts, once. Repeating it with the same
-- values changes nothing; other values are refused, for tenants would change partitions.
create or replace function log.install(n smallint, key bytea) returns void
language plpgsql volatile security definer
set search_path = pg_catalog
as $$
declare
  found_n smallint;
begin
  insert into log.installation (partitions, context_key) values (n, key) on conflict (only_row) do nothing;
  select i.partitions into found_n from log.installation i;
  if found_n <> n then
    raise exception 'this log was installed with % partitions and cannot be changed to %', found_n, n
      using errcode = 'DB004', hint = 'Set log.partitions back, or replay the log into a new installation.';
  end if;
  update log.installation i set context_key = key where i.context_key <> key;
  insert into log.partition (partition) select generate_series(0, n - 1) on conflict (partition) do nothing;
end $$;

alter function log.install owner to daybook_owner;
revoke all on function log.install from public;
grant execute on function log.install to daybook_migrator;
