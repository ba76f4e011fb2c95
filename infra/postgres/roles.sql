-- The roles of an installation. Roles belong to the whole cluster, so they are no migration: `daybook migrate`
-- runs this file as the administrator, under an advisory lock, and sets the login passwords afterwards.
-- It is idempotent.
do $$
declare
  r text;
begin
  foreach r in array array['daybook_owner', 'daybook_appender'] loop
    if not exists (select from pg_roles where rolname = r) then
      execute format('create role %I nologin nobypassrls', r);
    end if;
  end loop;
  foreach r in array array['daybook_migrator', 'daybook_append', 'daybook_tenant', 'daybook_partition',
                           'daybook_operator', 'daybook_identity'] loop
    if not exists (select from pg_roles where rolname = r) then
      execute format('create role %I login nobypassrls', r);
    end if;
    -- A forgotten transaction would hold back the pruning of the counter rows.
    execute format('alter role %I set idle_in_transaction_session_timeout = %L', r, '10s');
    -- Plans made for an empty table are wrong within minutes of an import.
    execute format('alter role %I set jit = off', r);
  end loop;
end $$;

grant daybook_owner, daybook_appender to daybook_migrator with inherit true, set true;
alter role daybook_append set statement_timeout = '30s';
alter role daybook_tenant set statement_timeout = '5s';
alter role daybook_tenant set transaction_timeout = '10s';
alter role daybook_identity set statement_timeout = '5s';
alter role daybook_migrator set idle_in_transaction_session_timeout = '60s';
