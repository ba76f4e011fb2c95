select g.tenant_id, g.goal_id, g.title, g.description, g.owner_id, g.status, g.unit, g.baseline, g.target, g.starts_at,
       g.due_at, g.metric_id, g.aggregation, g.actual, g.progressed_at, g.progress_count, g.adjustment_count,
       g.drafted_at, g.activated_at, g.closed_at, g.note, g.waived, g.version, g.position, g.updated_at, g.first_position
from unnest($1::uuid[], $2::uuid[]) as k (tenant_id, goal_id)
join goal g on g.tenant_id = k.tenant_id and g.goal_id = k.goal_id
