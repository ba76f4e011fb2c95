insert into order_summary
  (tenant_id, order_id, number, reference, customer_id, state, status, currency, item_count, items_total, freight_total,
   payments_total, paid_total, refunded_total, placed_at, approved_at, shipped_at, delivered_at, cancelled_at,
   estimated_delivery, cancel_reason, carrier, tracking_code, invoice_number, review_score, review_count, review_total,
   seller_ids, waived, version, position, updated_at, first_position)
select
   tenant_id, order_id, number, reference, customer_id, state, status, currency, item_count, items_total, freight_total,
   payments_total, paid_total, refunded_total, placed_at, approved_at, shipped_at, delivered_at, cancelled_at,
   estimated_delivery, cancel_reason, carrier, tracking_code, invoice_number, review_score, review_count, review_total,
   seller_ids::text[], waived::text[], version, position, updated_at, first_position
from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::uuid[], $6::text[], $7::text[], $8::text[],
            $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $15::timestamptz[],
            $16::timestamptz[], $17::timestamptz[], $18::timestamptz[], $19::timestamptz[], $20::timestamptz[],
            $21::text[], $22::text[], $23::text[], $24::text[], $25::smallint[], $26::int[], $27::bigint[], $28::text[],
            $29::text[], $30::int[], $31::bigint[], $32::timestamptz[], $33::bigint[])
  as u (tenant_id, order_id, number, reference, customer_id, state, status, currency, item_count, items_total,
        freight_total, payments_total, paid_total, refunded_total, placed_at, approved_at, shipped_at, delivered_at,
        cancelled_at, estimated_delivery, cancel_reason, carrier, tracking_code, invoice_number, review_score,
        review_count, review_total, seller_ids, waived, version, position, updated_at, first_position)
