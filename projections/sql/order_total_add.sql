insert into order_total as t
  (tenant_id, month, state, seller_id, status, currency, orders, items, revenue, freight)
select * from unnest($1::uuid[], $2::date[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bigint[],
                     $9::bigint[], $10::bigint[])
on conflict (tenant_id, month, state, seller_id, status, currency) do update set
  orders = t.orders + excluded.orders, items = t.items + excluded.items, revenue = t.revenue + excluded.revenue,
  freight = t.freight + excluded.freight
