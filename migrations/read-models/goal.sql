-- The read models of goals: the list, the history of progress, and how each goal stood at any earlier position. Values are whole millionths: comparisons on numerics would
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
  -- The positions of its newest event and of its first.
  position         bigint not null,
  updated_at       timestamptz not null,
  first_position   bigint not null,
  primary key (tenant_id, goal_id),
  check ((metric_id is null) = (aggregation is null)),
  check ((actual is null) = (progressed_at is null) and (actual is null) = (progress_count = 0))
) with (fillfactor = 70);
create index goal_drafted_at on goal (tenant_id, drafted_at, goal_id);
-- Drafts without a due date come last.
create index goal_due_at on goal (tenant_id, coalesce(due_at, timestamptz '9999-12-31 00:00:00+00'), goal_id);

-- How goals stood before: what an event may change, from one position until before another. Rows are only ever added.
create table goal_past (
  tenant_id        uuid not null,
  goal_id          uuid not null,
  valid_from       bigint not null,
  valid_to         bigint not null,
  baseline         bigint,
  target           bigint,
  starts_at        timestamptz,
  due_at           timestamptz,
  metric_id        uuid,
  actual           bigint,
  progressed_at    timestamptz,
  activated_at     timestamptz,
  closed_at        timestamptz,
  updated_at       timestamptz not null,
  progress_count   int not null,
  adjustment_count int not null,
  version          int not null,
  status           text not null,
  title            text not null,
  description      text,
  owner_id         text,
  unit             text,
  aggregation      text,
  note             text,
  waived           text[] not null,
  primary key (tenant_id, goal_id, valid_from)
);

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
  position           bigint not null,
  primary key (tenant_id, goal_id, number)
);

-- The tables as they were after the tenant's event at a position. A statement that names one of these is planned as if what
-- stands here stood in it.
create function goal_at(as_of bigint) returns setof goal language sql stable
  begin atomic
    select c.tenant_id, c.goal_id, case when c.position <= as_of then c.title else p.title end,
           case when c.position <= as_of then c.description else p.description end,
           case when c.position <= as_of then c.owner_id else p.owner_id end,
           case when c.position <= as_of then c.status else p.status end,
           case when c.position <= as_of then c.unit else p.unit end,
           case when c.position <= as_of then c.baseline else p.baseline end,
           case when c.position <= as_of then c.target else p.target end,
           case when c.position <= as_of then c.starts_at else p.starts_at end,
           case when c.position <= as_of then c.due_at else p.due_at end,
           case when c.position <= as_of then c.metric_id else p.metric_id end,
           case when c.position <= as_of then c.aggregation else p.aggregation end,
           case when c.position <= as_of then c.actual else p.actual end,
           case when c.position <= as_of then c.progressed_at else p.progressed_at end,
           case when c.position <= as_of then c.progress_count else p.progress_count end,
           case when c.position <= as_of then c.adjustment_count else p.adjustment_count end, c.drafted_at,
           case when c.position <= as_of then c.activated_at else p.activated_at end,
           case when c.position <= as_of then c.closed_at else p.closed_at end,
           case when c.position <= as_of then c.note else p.note end,
           case when c.position <= as_of then c.waived else p.waived end,
           case when c.position <= as_of then c.version else p.version end,
           case when c.position <= as_of then c.position else p.valid_from end,
           case when c.position <= as_of then c.updated_at else p.updated_at end, c.first_position
    from goal c
    left join goal_past p
      on p.tenant_id = c.tenant_id and p.goal_id = case when c.position > as_of then c.goal_id end
     and p.valid_from <= as_of and p.valid_to > as_of
    where c.first_position <= as_of;
  end;
create function goal_progress_at(as_of bigint) returns setof goal_progress language sql stable
  begin atomic
    select * from goal_progress where position <= as_of;
  end;

do $$
declare
  t text;
begin
  foreach t in array array['goal', 'goal_past', 'goal_progress'] loop
    execute format('alter table %I enable row level security', t);
    execute format('alter table %I force row level security', t);
    execute format('create policy projection_writes on %I for all to daybook_partition using (true) with check (true)', t);
    execute format('create policy tenant_reads_itself on %I for select to daybook_tenant using (tenant_id = (select log.current_tenant()))', t);
    execute format('grant select on %I to daybook_tenant', t);
  end loop;
end $$;
revoke all on function goal_at(bigint), goal_progress_at(bigint) from public;
grant execute on function goal_at(bigint), goal_progress_at(bigint) to daybook_tenant;
