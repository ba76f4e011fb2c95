select s.tenant_id, s.order_id, s.number, s.status, s.currency, s.state, s.item_count, s.items_total, s.freight_total,
       s.seller_ids, s.placed_at, s.paid_total, s.refunded_total, s.approved_at, s.shipped_at, s.delivered_at,
       s.cancelled_at, s.cancel_reason, s.carrier, s.tracking_code, s.invoice_number, s.review_score, s.review_count,
       s.review_total, s.waived, s.version, s.position, s.updated_at, s.first_position
from unnest($1::uuid[], $2::uuid[]) as k (tenant_id, order_id)
join order_summary s on s.tenant_id = k.tenant_id and s.order_id = k.order_id
