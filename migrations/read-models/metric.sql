-- The read models of metrics: the list, the observations with what they were before they were corrected. Values are whole
-- millionths: comparisons on numerics would keep row-level security from using an index.
create table metric (
  tenant_id         uuid not null,
  metric_id         uuid not null,
  name              text not null,
  unit              text not null,
  aggregation       text not null,
  description       text,
  feed              text,
  -- By how many millionths of a per cent each month's goal grows, and where months begin; null without such goals.
  monthly_growth    bigint,
  monthly_zone      text,
  observation_count int not null,
  correction_count  int not null,
  -- The latest observation by its own time, as corrected; all null before the first.
  latest_number     int,
  latest_at         timestamptz,
  latest_value      bigint,
  defined_at        timestamptz not null,
  waived            text[] not null,
  version           int not null,
  position          bigint not null,
  updated_at        timestamptz not null,
  primary key (tenant_id, metric_id),
  check ((monthly_growth is null) = (monthly_zone is null)),
  check ((latest_number is null) = (latest_at is null) and (latest_at is null) = (latest_value is null))
) with (fillfactor = 70);
create index metric_defined_at on metric (tenant_id, defined_at, metric_id);

create table metric_observation (
  tenant_id   uuid not null,
  metric_id   uuid not null,
  -- Its number within the metric, from 1.
  number      int not null,
  observed_at timestamptz not null,
  -- As corrected.
  value       bigint not null,
  source      text,
  corrections int not null,
  primary key (tenant_id, metric_id, number)
) with (fillfactor = 90);
create index metric_observation_observed_at on metric_observation (tenant_id, metric_id, observed_at, number);

create table metric_correction (
  tenant_id    uuid not null,
  metric_id    uuid not null,
  number       int not null,
  -- The place in the order of the observation's corrections, from 1.
  correction   int not null,
  old_value    bigint not null,
  new_value    bigint not null,
  reason       text,
  corrected_at timestamptz not null,
  primary key (tenant_id, metric_id, number, correction)
);

do $$
declare
  t text;
begin
  foreach t in array array['metric', 'metric_observation', 'metric_correction'] loop
    execute format('alter table %I enable row level security', t);
    execute format('alter table %I force row level security', t);
    execute format('create policy projection_writes on %I for all to daybook_partition using (true) with check (true)', t);
    execute format('create policy tenant_reads_itself on %I for select to daybook_tenant using (tenant_id = (select log.current_tenant()))', t);
    execute format('grant select on %I to daybook_tenant', t);
  end loop;
end $$;
