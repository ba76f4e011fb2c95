select l.tenant_id, l.lead_id, l.reference, l.name, l.email, l.phone, l.company, l.origin, l.landing_page_id,
       l.status, l.development_rep_id, l.sales_rep_id, l.business_segment, l.business_type, l.lead_type,
       l.behaviour_profile, l.has_company, l.has_gtin, l.average_stock, l.catalog_size, l.monthly_revenue,
       l.revenue_currency, l.seller_id, l.loss_reason, l.note, l.captured_at, l.qualified_at, l.assigned_at, l.won_at,
       l.lost_at, l.waived, l.version, l.position, l.updated_at, l.first_position
from (select distinct tenant_id, lead_id from unnest($1::uuid[], $2::uuid[]) as k (tenant_id, lead_id)) as k
join lead l on l.tenant_id = k.tenant_id and l.lead_id = k.lead_id
