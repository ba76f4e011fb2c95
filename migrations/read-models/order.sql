-- The read models of orders: list, detail, and totals by seller, month, state and status; and how each order stood at any earlier
-- position. Status columns are text, for row-level security keeps comparisons on enums from using an index.

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
  -- The positions of its newest event and of its first.
  position           bigint not null,
  updated_at         timestamptz not null,
  first_position     bigint not null,
  primary key (tenant_id, order_id)
) with (fillfactor = 70);
-- No index on what an event may change, the status above all: updates then touch the row alone, which makes the
-- projection half as fast again. A list of one status walks the index of placed_at.
create unique index order_summary_number on order_summary (tenant_id, number);
create index order_summary_placed_at on order_summary (tenant_id, placed_at, order_id);
create index order_summary_customer on order_summary (tenant_id, customer_id, placed_at, order_id);
create index order_summary_reference on order_summary (tenant_id, reference);

-- How orders stood before: what an event may change, from one position until before another. Rows are only ever added.
create table order_past (
  tenant_id       uuid not null,
  order_id        uuid not null,
  valid_from      bigint not null,
  valid_to        bigint not null,
  paid_total      bigint not null,
  refunded_total  bigint not null,
  approved_at     timestamptz,
  shipped_at      timestamptz,
  delivered_at    timestamptz,
  cancelled_at    timestamptz,
  updated_at      timestamptz not null,
  review_total    bigint not null,
  review_count    int not null,
  version         int not null,
  review_score    smallint,
  status          text not null,
  cancel_reason   text,
  carrier         text,
  tracking_code   text,
  invoice_number  text,
  waived          text[] not null,
  primary key (tenant_id, order_id, valid_from)
);

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
  position    bigint not null,
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

-- The tables as they were after the tenant's event at a position. A statement that names one of these is planned as if what
-- stands here stood in it. What has not changed since is not looked for among the past: its key there is null.
create function order_summary_at(as_of bigint) returns setof order_summary language sql stable
  begin atomic
    select c.tenant_id, c.order_id, c.number, c.reference, c.customer_id, c.state,
           case when c.position <= as_of then c.status else p.status end, c.currency, c.item_count, c.items_total,
           c.freight_total, c.payments_total, case when c.position <= as_of then c.paid_total else p.paid_total end,
           case when c.position <= as_of then c.refunded_total else p.refunded_total end, c.placed_at,
           case when c.position <= as_of then c.approved_at else p.approved_at end,
           case when c.position <= as_of then c.shipped_at else p.shipped_at end,
           case when c.position <= as_of then c.delivered_at else p.delivered_at end,
           case when c.position <= as_of then c.cancelled_at else p.cancelled_at end, c.estimated_delivery,
           case when c.position <= as_of then c.cancel_reason else p.cancel_reason end,
           case when c.position <= as_of then c.carrier else p.carrier end,
           case when c.position <= as_of then c.tracking_code else p.tracking_code end,
           case when c.position <= as_of then c.invoice_number else p.invoice_number end,
           case when c.position <= as_of then c.review_score else p.review_score end,
           case when c.position <= as_of then c.review_count else p.review_count end,
           case when c.position <= as_of then c.review_total else p.review_total end, c.seller_ids,
           case when c.position <= as_of then c.waived else p.waived end,
           case when c.position <= as_of then c.version else p.version end,
           case when c.position <= as_of then c.position else p.valid_from end,
           case when c.position <= as_of then c.updated_at else p.updated_at end, c.first_position
    from order_summary c
    left join order_past p
      on p.tenant_id = c.tenant_id and p.order_id = case when c.position > as_of then c.order_id end
     and p.valid_from <= as_of and p.valid_to > as_of
    where c.first_position <= as_of;
  end;
create function order_review_at(as_of bigint) returns setof order_review language sql stable
  begin atomic
    select * from order_review where position <= as_of;
  end;

do $$
declare
  t text;
begin
  foreach t in array array['order_summary', 'order_past', 'order_line', 'order_payment', 'order_review', 'order_total', 'order_count'] loop
    execute format('alter table %I enable row level security', t);
    execute format('alter table %I force row level security', t);
    execute format('create policy projection_writes on %I for all to daybook_partition using (true) with check (true)', t);
    execute format('create policy tenant_reads_itself on %I for select to daybook_tenant using (tenant_id = (select log.current_tenant()))', t);
    execute format('grant select on %I to daybook_tenant', t);
  end loop;
end $$;
revoke all on function order_summary_at(bigint), order_review_at(bigint) from public;
grant execute on function order_summary_at(bigint), order_review_at(bigint) to daybook_tenant;
