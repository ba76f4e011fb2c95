-- The state of the policy by which goals follow their metrics: the goals that are linked and not closed, and the observations
-- of every metric, for one may be linked later. Values are whole millionths.
create table progress_goal (
  tenant_id   uuid not null,
  goal_id     uuid not null,
  active      boolean not null,
  -- From what it follows, and how; null without a link.
  metric_id   uuid,
  aggregation text,
  -- Set once it is active.
  baseline    bigint,
  target      bigint,
  starts_at   timestamptz,
  due_at      timestamptz,
  -- What the observations of its span have come to: how many there are, their sum, the latest, the smallest and the largest.
  count       bigint not null,
  total       numeric not null,
  last_at     timestamptz,
  last_number int,
  last_value  bigint,
  least       bigint,
  most        bigint,
  -- What was said last that it has come to, and whether it was said to be achieved.
  told        bigint,
  closing     boolean not null,
  primary key (tenant_id, goal_id)
) with (fillfactor = 70);
create index progress_goal_metric on progress_goal (tenant_id, metric_id);

create table progress_observation (
  tenant_id   uuid not null,
  metric_id   uuid not null,
  number      int not null,
  observed_at timestamptz not null,
  value       bigint not null,
  primary key (tenant_id, metric_id, number)
);
create index progress_observation_at on progress_observation (tenant_id, metric_id, observed_at, number);

do $$
declare
  t text;
begin
  foreach t in array array['progress_goal', 'progress_observation'] loop
    execute format('alter table %I enable row level security', t);
    execute format('alter table %I force row level security', t);
    execute format('create policy projection_writes on %I for all to daybook_partition using (true) with check (true)', t);
    execute format('create policy tenant_reads_itself on %I for select to daybook_tenant using (tenant_id = (select log.current_tenant()))', t);
    execute format('grant select on %I to daybook_tenant', t);
  end loop;
end $$;
