-- The read models of orders: list, detail, and totals by seller, month, state and status. Status columns are text, for
-- row-level security keeps comparisons on enums from using an index.

-- One row per order: what the list shows and filters. `number` is the order's human number: gapless per tenant, in
-- the order of position.
create table order_summary (
  tenant_id          uuid not null,
  order_id           uuid not null,
  number             bigint not null,
  reference          text,
  customer_id        uuid not null,
  state              text,
  status             text not null,
  currency           text not null,
  item_count         bigint not null,
  items_total        bigint not null,
  freight_total      bigint not null,
  payments_total     bigint not null,
  paid_total         bigint not null,
  refunded_total     bigint not null,
  placed_at          timestamptz not null,
  approved_at        timestamptz,
  shipped_at         timestamptz,
  delivered_at       timestamptz,
  cancelled_at       timestamptz,
  estimated_delivery timestamptz,
  cancel_reason      text,
  carrier            text,
  tracking_code      text,
  invoice_number     text,
  review_score       smallint,
  review_count       int not null,
  -- The scores of all its reviews added.
  review_total       bigint not null,
  -- Each seller once, in the order of the lines; '' stands for lines without one.
  seller_ids         text[] not null,
  waived             text[] not null,
  version            int not null,
  position           bigint not null,
  updated_at         timestamptz not null,
  primary key (tenant_id, order_id)
) with (fillfactor = 70);
-- No index on what an event may change, the status above all: updates then touch the row alone, which makes the
-- projection half as fast again. A list of one status walks the index of placed_at.
create unique index order_summary_number on order_summary (tenant_id, number);
create index order_summary_placed_at on order_summary (tenant_id, placed_at, order_id);
create index order_summary_customer on order_summary (tenant_id, customer_id, placed_at, order_id);
create index order_summary_reference on order_summary (tenant_id, reference);

create table order_line (
  tenant_id  uuid not null,
  order_id   uuid not null,
  line       int not null,
  product_id text not null,
  category   text,
  seller_id  text,
  quantity   bigint not null,
  unit_price bigint not null,
  freight    bigint not null,
  primary key (tenant_id, order_id, line)
);

create table order_payment (
  tenant_id    uuid not null,
  order_id     uuid not null,
  sequence     int not null,
  method       text not null,
  installments int,
  amount       bigint not null,
  -- The place in the order's list: sequences are the merchant's own and may repeat.
  payment      int not null,
  primary key (tenant_id, order_id, payment)
);

create table order_review (
  tenant_id   uuid not null,
  order_id    uuid not null,
  -- The place in the order of the reviews, from 1.
  review      int not null,
  review_id   text,
  score       smallint not null,
  title       text,
  comment     text,
  reviewed_at timestamptz not null,
  primary key (tenant_id, order_id, review)
);

-- Totals per month (UTC, of placement), customer's state, seller, status and currency; '' stands for "not given".
-- An order counts once in the row of each of its sellers.
create table order_total (
  tenant_id uuid not null,
  month     date not null,
  state     text not null,
  seller_id text not null,
  status    text not null,
  currency  text not null,
  orders    bigint not null,
  items     bigint not null,
  revenue   bigint not null,
  freight   bigint not null,
  primary key (tenant_id, month, state, seller_id, status, currency)
) with (fillfactor = 70);

-- How many orders a tenant has, for the human numbers.
create table order_count (
  tenant_id uuid primary key,
  orders    bigint not null
) with (fillfactor = 50);

do $$
declare
  t text;
begin
  foreach t in array array['order_summary', 'order_line', 'order_payment', 'order_review', 'order_total', 'order_count'] loop
    execute format('alter table %I enable row level security', t);
    execute format('alter table %I force row level security', t);
    execute format('create policy projection_writes on %I for all to daybook_partition using (true) with check (true)', t);
    execute format('create policy tenant_reads_itself on %I for select to daybook_tenant using (tenant_id = (select log.current_tenant()))', t);
    execute format('grant select on %I to daybook_tenant', t);
  end loop;
end $$;
