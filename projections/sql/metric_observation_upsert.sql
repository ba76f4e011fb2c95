insert into metric_observation
  (tenant_id, metric_id, number, observed_at, value, source, corrections)
select * from unnest($1::uuid[], $2::uuid[], $3::int[], $4::timestamptz[], $5::bigint[], $6::text[], $7::int[])
on conflict (tenant_id, metric_id, number) do update set
  value = excluded.value, corrections = excluded.corrections
