-- The read model of leads: the list, one lead's page, the pipeline and the conversion by origin. The status is text, for
-- row-level security keeps comparisons on enums from using an index.
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
  position            bigint not null,
  updated_at          timestamptz not null,
  primary key (tenant_id, lead_id),
  check ((monthly_revenue is null) = (revenue_currency is null))
) with (fillfactor = 70);
-- No index on what an event may change, the status above all: updates then touch the row alone. A list of one status walks
-- the index of captured_at.
create index lead_captured_at on lead (tenant_id, captured_at, lead_id);
create index lead_reference on lead (tenant_id, reference);

alter table lead enable row level security;
alter table lead force row level security;
create policy projection_writes on lead for all to daybook_partition using (true) with check (true);
create policy tenant_reads_itself on lead for select to daybook_tenant using (tenant_id = (select log.current_tenant()));
grant select on lead to daybook_tenant;
