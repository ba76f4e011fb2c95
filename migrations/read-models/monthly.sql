-- The state of the policy that gives each month a goal: the metrics that have monthly goals, with what their newest month has come
-- to, and that month's observations, for they may be corrected. Values are whole millionths.
create table monthly_metric (
  tenant_id      uuid not null,
  metric_id      uuid not null,
  name           text not null,
  unit           text not null,
  growth_percent bigint not null,
  time_zone      text not null,
  -- The first day of the newest month with observations, and their sum; null and 0 before the first.
  month          date,
  total          numeric not null,
  primary key (tenant_id, metric_id)
) with (fillfactor = 70);

create table monthly_observation (
  tenant_id uuid not null,
  metric_id uuid not null,
  number    int not null,
  value     bigint not null,
  primary key (tenant_id, metric_id, number)
);

do $$
declare
  t text;
begin
  foreach t in array array['monthly_metric', 'monthly_observation'] loop
    execute format('alter table %I enable row level security', t);
    execute format('alter table %I force row level security', t);
    execute format('create policy projection_writes on %I for all to daybook_partition using (true) with check (true)', t);
    execute format('create policy tenant_reads_itself on %I for select to daybook_tenant using (tenant_id = (select log.current_tenant()))', t);
    execute format('grant select on %I to daybook_tenant', t);
  end loop;
end $$;
