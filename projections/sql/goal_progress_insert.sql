insert into goal_progress
  (tenant_id, goal_id, number, actual, baseline, target, starts_at, due_at, metric_id, observation_number, event_id, note,
   recorded_at, position)
select * from unnest($1::uuid[], $2::uuid[], $3::int[], $4::bigint[], $5::bigint[], $6::bigint[], $7::timestamptz[],
                     $8::timestamptz[], $9::uuid[], $10::bigint[], $11::uuid[], $12::text[], $13::timestamptz[], $14::bigint[])
