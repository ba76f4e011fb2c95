-- The read models of leads: the list, one lead's page, the pipeline and the conversion by origin; and how each lead stood at any
-- earlier position. The status is text, for row-level security keeps comparisons on enums from using an index.
create table lead (
  tenant_id           uuid not null,
  lead_id             uuid not null,
  reference           text,
  name                text,
  email               text,
  phone               text,
  company             text,
  origin              text,
  landing_page_id     text,
  status              text not null,
  development_rep_id  text,
  sales_rep_id        text,
  business_segment    text,
  business_type       text,
  lead_type           text,
  behaviour_profile   text,
  has_company         boolean,
  has_gtin            boolean,
  average_stock       text,
  catalog_size        bigint,
  -- In minor units; both null where no revenue was declared.
  monthly_revenue     bigint,
  revenue_currency    text,
  seller_id           text,
  loss_reason         text,
  -- The note of the loss, or else of the qualification.
  note                text,
  captured_at         timestamptz not null,
  qualified_at        timestamptz,
  assigned_at         timestamptz,
  -- Null too where a deal's time is unknown.
  won_at              timestamptz,
  lost_at             timestamptz,
  waived              text[] not null,
  version             int not null,
  -- The positions of its newest event and of its first.
  position            bigint not null,
  updated_at          timestamptz not null,
  first_position      bigint not null,
  primary key (tenant_id, lead_id),
  check ((monthly_revenue is null) = (revenue_currency is null))
) with (fillfactor = 70);
-- No index on what an event may change, the status above all: updates then touch the row alone. A list of one status walks
-- the index of captured_at.
create index lead_captured_at on lead (tenant_id, captured_at, lead_id);
create index lead_reference on lead (tenant_id, reference);

-- How leads stood before: what an event may change, from one position until before another. Rows are only ever added.
create table lead_past (
  tenant_id          uuid not null,
  lead_id            uuid not null,
  valid_from         bigint not null,
  valid_to           bigint not null,
  catalog_size       bigint,
  monthly_revenue    bigint,
  qualified_at       timestamptz,
  assigned_at        timestamptz,
  won_at             timestamptz,
  lost_at            timestamptz,
  updated_at         timestamptz not null,
  version            int not null,
  has_company        boolean,
  has_gtin           boolean,
  status             text not null,
  development_rep_id text,
  sales_rep_id       text,
  business_segment   text,
  business_type      text,
  lead_type          text,
  behaviour_profile  text,
  average_stock      text,
  revenue_currency   text,
  seller_id          text,
  loss_reason        text,
  note               text,
  waived             text[] not null,
  primary key (tenant_id, lead_id, valid_from)
);

-- The leads as they were after the tenant's event at a position. A statement that names this is planned as if what stands here
-- stood in it.
create function lead_at(as_of bigint) returns setof lead language sql stable
  begin atomic
    select c.tenant_id, c.lead_id, c.reference, c.name, c.email, c.phone, c.company, c.origin, c.landing_page_id,
           case when c.position <= as_of then c.status else p.status end,
           case when c.position <= as_of then c.development_rep_id else p.development_rep_id end,
           case when c.position <= as_of then c.sales_rep_id else p.sales_rep_id end,
           case when c.position <= as_of then c.business_segment else p.business_segment end,
           case when c.position <= as_of then c.business_type else p.business_type end,
           case when c.position <= as_of then c.lead_type else p.lead_type end,
           case when c.position <= as_of then c.behaviour_profile else p.behaviour_profile end,
           case when c.position <= as_of then c.has_company else p.has_company end,
           case when c.position <= as_of then c.has_gtin else p.has_gtin end,
           case when c.position <= as_of then c.average_stock else p.average_stock end,
           case when c.position <= as_of then c.catalog_size else p.catalog_size end,
           case when c.position <= as_of then c.monthly_revenue else p.monthly_revenue end,
           case when c.position <= as_of then c.revenue_currency else p.revenue_currency end,
           case when c.position <= as_of then c.seller_id else p.seller_id end,
           case when c.position <= as_of then c.loss_reason else p.loss_reason end,
           case when c.position <= as_of then c.note else p.note end, c.captured_at,
           case when c.position <= as_of then c.qualified_at else p.qualified_at end,
           case when c.position <= as_of then c.assigned_at else p.assigned_at end,
           case when c.position <= as_of then c.won_at else p.won_at end,
           case when c.position <= as_of then c.lost_at else p.lost_at end,
           case when c.position <= as_of then c.waived else p.waived end,
           case when c.position <= as_of then c.version else p.version end,
           case when c.position <= as_of then c.position else p.valid_from end,
           case when c.position <= as_of then c.updated_at else p.updated_at end, c.first_position
    from lead c
    left join lead_past p
      on p.tenant_id = c.tenant_id and p.lead_id = case when c.position > as_of then c.lead_id end
     and p.valid_from <= as_of and p.valid_to > as_of
    where c.first_position <= as_of;
  end;

do $$
declare
  t text;
begin
  foreach t in array array['lead', 'lead_past'] loop
    execute format('alter table %I enable row level security', t);
    execute format('alter table %I force row level security', t);
    execute format('create policy projection_writes on %I for all to daybook_partition using (true) with check (true)', t);
    execute format('create policy tenant_reads_itself on %I for select to daybook_tenant using (tenant_id = (select log.current_tenant()))', t);
    execute format('grant select on %I to daybook_tenant', t);
  end loop;
end $$;
revoke all on function lead_at(bigint) from public;
grant execute on function lead_at(bigint) to daybook_tenant;
