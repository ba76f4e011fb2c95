with u as (
  select * from unnest(
    $1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
    $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::boolean[],
    $18::boolean[], $19::text[], $20::bigint[], $21::bigint[], $22::text[], $23::text[], $24::text[], $25::text[],
    $26::timestamptz[], $27::timestamptz[], $28::timestamptz[], $29::timestamptz[], $30::timestamptz[], $31::text[],
    $32::int[], $33::bigint[], $34::timestamptz[], $35::bigint[], $36::bigint[])
    as u (
      tenant_id, lead_id, reference, name, email, phone, company, origin, landing_page_id, status, development_rep_id,
      sales_rep_id, business_segment, business_type, lead_type, behaviour_profile, has_company, has_gtin, average_stock,
      catalog_size, monthly_revenue, revenue_currency, seller_id, loss_reason, note, captured_at, qualified_at,
      assigned_at, won_at, lost_at, waived, version, position, updated_at, first_position, valid_to)),
past as (
  insert into lead_past (
    tenant_id, lead_id, valid_from, valid_to, catalog_size, monthly_revenue, qualified_at, assigned_at, won_at, lost_at,
    updated_at, version, has_company, has_gtin, status, development_rep_id, sales_rep_id, business_segment,
    business_type, lead_type, behaviour_profile, average_stock, revenue_currency, seller_id, loss_reason, note, waived)
  select
    tenant_id, lead_id, position, valid_to, catalog_size, monthly_revenue, qualified_at, assigned_at, won_at, lost_at,
    updated_at, version, has_company, has_gtin, status, development_rep_id, sales_rep_id, business_segment,
    business_type, lead_type, behaviour_profile, average_stock, revenue_currency, seller_id, loss_reason, note,
    waived::text[]
  from u where u.valid_to is not null)
insert into lead (
  tenant_id, lead_id, reference, name, email, phone, company, origin, landing_page_id, status, development_rep_id,
  sales_rep_id, business_segment, business_type, lead_type, behaviour_profile, has_company, has_gtin, average_stock,
  catalog_size, monthly_revenue, revenue_currency, seller_id, loss_reason, note, captured_at, qualified_at, assigned_at,
  won_at, lost_at, waived, version, position, updated_at, first_position)
select
  tenant_id, lead_id, reference, name, email, phone, company, origin, landing_page_id, status, development_rep_id,
  sales_rep_id, business_segment, business_type, lead_type, behaviour_profile, has_company, has_gtin, average_stock,
  catalog_size, monthly_revenue, revenue_currency, seller_id, loss_reason, note, captured_at, qualified_at, assigned_at,
  won_at, lost_at, waived::text[], version, position, updated_at, first_position
from u where u.valid_to is null
on conflict (tenant_id, lead_id) do update set
  status = excluded.status, development_rep_id = excluded.development_rep_id, sales_rep_id = excluded.sales_rep_id,
  business_segment = excluded.business_segment, business_type = excluded.business_type, lead_type = excluded.lead_type,
  behaviour_profile = excluded.behaviour_profile, has_company = excluded.has_company, has_gtin = excluded.has_gtin,
  average_stock = excluded.average_stock, catalog_size = excluded.catalog_size,
  monthly_revenue = excluded.monthly_revenue, revenue_currency = excluded.revenue_currency,
  seller_id = excluded.seller_id, loss_reason = excluded.loss_reason, note = excluded.note,
  qualified_at = excluded.qualified_at, assigned_at = excluded.assigned_at, won_at = excluded.won_at,
  lost_at = excluded.lost_at, waived = excluded.waived, version = excluded.version, position = excluded.position,
  updated_at = excluded.updated_at
