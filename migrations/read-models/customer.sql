-- The read model of customers: the list and one customer's page.
create table customer (
  tenant_id     uuid not null,
  customer_id   uuid not null,
  name          text,
  email         text,
  phone         text,
  postal_code   text,
  city          text,
  state         text,
  country       text,
  consents      text[] not null,
  registered_at timestamptz not null,
  updated_at    timestamptz not null,
  version       int not null,
  position      bigint not null,
  primary key (tenant_id, customer_id)
) with (fillfactor = 90);
create index customer_registered_at on customer (tenant_id, registered_at, customer_id);

alter table customer enable row level security;
alter table customer force row level security;
create policy projection_writes on customer for all to daybook_partition using (true) with check (true);
create policy tenant_reads_itself on customer for select to daybook_tenant using (tenant_id = (select log.current_tenant()));
grant select on customer to daybook_tenant;
