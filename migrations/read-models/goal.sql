-- The read models of goals: the list, and the history of progress. Values are whole millionths: comparisons on numerics would
-- keep row-level security from using an index. Nothing here depends on when it is read: what a moment means for a goal is
-- computed in the query.
create table goal (
  tenant_id        uuid not null,
  goal_id          uuid not null,
  title            text not null,
  description      text,
  owner_id         text,
  status           text not null,
  unit             text,
  baseline         bigint,
  target           bigint,
  starts_at        timestamptz,
  due_at           timestamptz,
  metric_id        uuid,
  aggregation      text,
  -- The last progress; all null before the first.
  actual           bigint,
  progressed_at    timestamptz,
  progress_count   int not null,
  adjustment_count int not null,
  drafted_at       timestamptz not null,
  activated_at     timestamptz,
  closed_at        timestamptz,
  -- Why it was closed.
  note             text,
  waived           text[] not null,
  version          int not null,
  position         bigint not null,
  updated_at       timestamptz not null,
  primary key (tenant_id, goal_id),
  check ((metric_id is null) = (aggregation is null)),
  check ((actual is null) = (progressed_at is null) and (actual is null) = (progress_count = 0))
) with (fillfactor = 70);
create index goal_drafted_at on goal (tenant_id, drafted_at, goal_id);
-- Drafts without a due date come last.
create index goal_due_at on goal (tenant_id, coalesce(due_at, timestamptz '9999-12-31 00:00:00+00'), goal_id);

create table goal_progress (
  tenant_id          uuid not null,
  goal_id            uuid not null,
  -- Its number within the goal, from 1.
  number             int not null,
  actual             bigint not null,
  -- What was agreed on when it was recorded.
  baseline           bigint,
  target             bigint,
  starts_at          timestamptz,
  due_at             timestamptz,
  -- Where the value comes from; null where somebody said so.
  metric_id          uuid,
  observation_number bigint,
  event_id           uuid,
  note               text,
  recorded_at        timestamptz not null,
  primary key (tenant_id, goal_id, number)
);

do $$
declare
  t text;
begin
  foreach t in array array['goal', 'goal_progress'] loop
    execute format('alter table %I enable row level security', t);
    execute format('alter table %I force row level security', t);
    execute format('create policy projection_writes on %I for all to daybook_partition using (true) with check (true)', t);
    execute format('create policy tenant_reads_itself on %I for select to daybook_tenant using (tenant_id = (select log.current_tenant()))', t);
    execute format('grant select on %I to daybook_tenant', t);
  end loop;
end $$;
