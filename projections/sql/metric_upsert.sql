insert into metric
  (tenant_id, metric_id, name, unit, aggregation, description, feed, observation_count, correction_count, latest_number,
   latest_at, latest_value, defined_at, waived, version, position, updated_at)
select
  tenant_id, metric_id, name, unit, aggregation, description, feed, observation_count, correction_count, latest_number,
  latest_at, latest_value, defined_at, waived::text[], version, position, updated_at
from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::int[], $9::int[],
            $10::int[], $11::timestamptz[], $12::bigint[], $13::timestamptz[], $14::text[], $15::int[],
            $16::bigint[], $17::timestamptz[])
  as m (tenant_id, metric_id, name, unit, aggregation, description, feed, observation_count, correction_count, latest_number,
        latest_at, latest_value, defined_at, waived, version, position, updated_at)
on conflict (tenant_id, metric_id) do update set
  observation_count = excluded.observation_count, correction_count = excluded.correction_count,
  latest_number = excluded.latest_number, latest_at = excluded.latest_at, latest_value = excluded.latest_value,
  waived = excluded.waived, version = excluded.version, position = excluded.position, updated_at = excluded.updated_at
