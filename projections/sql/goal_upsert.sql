with u as (
  select * from unnest(
    $1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[], $9::bigint[],
    $10::timestamptz[], $11::timestamptz[], $12::uuid[], $13::text[], $14::bigint[], $15::timestamptz[], $16::int[],
    $17::int[], $18::timestamptz[], $19::timestamptz[], $20::timestamptz[], $21::text[], $22::text[], $23::int[],
    $24::bigint[], $25::timestamptz[], $26::bigint[], $27::bigint[])
    as u (
      tenant_id, goal_id, title, description, owner_id, status, unit, baseline, target, starts_at, due_at, metric_id,
      aggregation, actual, progressed_at, progress_count, adjustment_count, drafted_at, activated_at, closed_at, note,
      waived, version, position, updated_at, first_position, valid_to)),
past as (
  insert into goal_past (
    tenant_id, goal_id, valid_from, valid_to, baseline, target, starts_at, due_at, metric_id, actual, progressed_at,
    activated_at, closed_at, updated_at, progress_count, adjustment_count, version, status, title, description,
    owner_id, unit, aggregation, note, waived)
  select
    tenant_id, goal_id, position, valid_to, baseline, target, starts_at, due_at, metric_id, actual, progressed_at,
    activated_at, closed_at, updated_at, progress_count, adjustment_count, version, status, title, description,
    owner_id, unit, aggregation, note, waived::text[]
  from u where u.valid_to is not null)
insert into goal (
  tenant_id, goal_id, title, description, owner_id, status, unit, baseline, target, starts_at, due_at, metric_id,
  aggregation, actual, progressed_at, progress_count, adjustment_count, drafted_at, activated_at, closed_at, note,
  waived, version, position, updated_at, first_position)
select
  tenant_id, goal_id, title, description, owner_id, status, unit, baseline, target, starts_at, due_at, metric_id,
  aggregation, actual, progressed_at, progress_count, adjustment_count, drafted_at, activated_at, closed_at, note,
  waived::text[], version, position, updated_at, first_position
from u where u.valid_to is null
on conflict (tenant_id, goal_id) do update set
  title = excluded.title, description = excluded.description, owner_id = excluded.owner_id, status = excluded.status,
  unit = excluded.unit, baseline = excluded.baseline, target = excluded.target, starts_at = excluded.starts_at,
  due_at = excluded.due_at, metric_id = excluded.metric_id, aggregation = excluded.aggregation,
  actual = excluded.actual, progressed_at = excluded.progressed_at, progress_count = excluded.progress_count,
  adjustment_count = excluded.adjustment_count, activated_at = excluded.activated_at, closed_at = excluded.closed_at,
  note = excluded.note, waived = excluded.waived, version = excluded.version, position = excluded.position,
  updated_at = excluded.updated_at
