insert into monthly_metric (tenant_id, metric_id, name, unit, growth_percent, time_zone, month, total)
select tenant_id, metric_id, name, unit, growth_percent, time_zone, month, total::numeric
from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::date[], $8::text[])
  m(tenant_id, metric_id, name, unit, growth_percent, time_zone, month, total)
on conflict (tenant_id, metric_id) do update set month = excluded.month, total = excluded.total
