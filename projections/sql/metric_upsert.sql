insert into metric
  (tenant_id, metric_id, name, unit, aggregation, description, feed, monthly_growth, monthly_zone, observation_count,
   correction_count, latest_number, latest_at, latest_value, defined_at, waived, version, position, updated_at)
select
  tenant_id, metric_id, name, unit, aggregation, description, feed, monthly_growth, monthly_zone, observation_count,
  correction_count, latest_number, latest_at, latest_value, defined_at, waived::text[], version, position, updated_at
from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[], $9::text[],
            $10::int[], $11::int[], $12::int[], $13::timestamptz[], $14::bigint[], $15::timestamptz[], $16::text[], $17::int[],
            $18::bigint[], $19::timestamptz[])
  as m (tenant_id, metric_id, name, unit, aggregation, description, feed, monthly_growth, monthly_zone, observation_count,
        correction_count, latest_number, latest_at, latest_value, defined_at, waived, version, position, updated_at)
on conflict (tenant_id, metric_id) do update set
  observation_count = excluded.observation_count, correction_count = excluded.correction_count,
  latest_number = excluded.latest_number, latest_at = excluded.latest_at, latest_value = excluded.latest_value,
  waived = excluded.waived, version = excluded.version, position = excluded.position, updated_at = excluded.updated_at
