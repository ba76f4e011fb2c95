insert into progress_goal
  (tenant_id, goal_id, active, metric_id, aggregation, baseline, target, starts_at, due_at, count, total, last_at, last_number,
   last_value, least, most, told, closing)
select tenant_id, goal_id, active, metric_id, aggregation, baseline, target, starts_at, due_at, count, total::numeric, last_at,
       last_number, last_value, least, most, told, closing
from unnest($1::uuid[], $2::uuid[], $3::boolean[], $4::uuid[], $5::text[], $6::bigint[], $7::bigint[], $8::timestamptz[],
            $9::timestamptz[], $10::bigint[], $11::text[], $12::timestamptz[], $13::int[], $14::bigint[], $15::bigint[],
            $16::bigint[], $17::bigint[], $18::boolean[])
  as g (tenant_id, goal_id, active, metric_id, aggregation, baseline, target, starts_at, due_at, count, total, last_at,
        last_number, last_value, least, most, told, closing)
on conflict (tenant_id, goal_id) do update set
  active = excluded.active, metric_id = excluded.metric_id, aggregation = excluded.aggregation, baseline = excluded.baseline,
  target = excluded.target, starts_at = excluded.starts_at, due_at = excluded.due_at, count = excluded.count,
  total = excluded.total, last_at = excluded.last_at, last_number = excluded.last_number, last_value = excluded.last_value,
  least = excluded.least, most = excluded.most, told = excluded.told, closing = excluded.closing
