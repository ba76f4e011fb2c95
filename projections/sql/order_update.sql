with u as (
  select * from unnest(
    $1::uuid[], $2::uuid[], $3::text[], $4::bigint[], $5::bigint[], $6::timestamptz[], $7::timestamptz[],
    $8::timestamptz[], $9::timestamptz[], $10::text[], $11::text[], $12::text[], $13::text[], $14::smallint[],
    $15::int[], $16::bigint[], $17::text[], $18::int[], $19::bigint[], $20::timestamptz[], $21::bigint[])
    as u (
      tenant_id, order_id, status, paid_total, refunded_total, approved_at, shipped_at, delivered_at, cancelled_at,
      cancel_reason, carrier, tracking_code, invoice_number, review_score, review_count, review_total, waived, version,
      position, updated_at, valid_to)),
past as (
  insert into order_past (
    tenant_id, order_id, valid_from, valid_to, paid_total, refunded_total, approved_at, shipped_at, delivered_at,
    cancelled_at, updated_at, review_total, review_count, version, review_score, status, cancel_reason, carrier,
    tracking_code, invoice_number, waived)
  select
    tenant_id, order_id, position, valid_to, paid_total, refunded_total, approved_at, shipped_at, delivered_at,
    cancelled_at, updated_at, review_total, review_count, version, review_score, status, cancel_reason, carrier,
    tracking_code, invoice_number, waived::text[]
  from u where u.valid_to is not null)
update order_summary s set
  status = u.status, paid_total = u.paid_total, refunded_total = u.refunded_total, approved_at = u.approved_at,
  shipped_at = u.shipped_at, delivered_at = u.delivered_at, cancelled_at = u.cancelled_at,
  cancel_reason = u.cancel_reason, carrier = u.carrier, tracking_code = u.tracking_code,
  invoice_number = u.invoice_number, review_score = u.review_score, review_count = u.review_count,
  review_total = u.review_total, waived = u.waived::text[], version = u.version, position = u.position,
  updated_at = u.updated_at
from u
where u.valid_to is null and s.tenant_id = u.tenant_id and s.order_id = u.order_id
