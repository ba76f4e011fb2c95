-- The read model of organizations: one row per tenant.
create table organization (
  tenant_id            uuid primary key,
  name                 text not null,
  country              text,
  state                text,
  city                 text,
  ship_before_payment  boolean not null,
  -- Both null unless it is suspended.
  suspended_at         timestamptz,
  suspension_reason    text,
  registered_at        timestamptz not null,
  updated_at           timestamptz not null,
  version              int not null,
  position             bigint not null,
  check ((suspended_at is null) = (suspension_reason is null))
);

alter table organization enable row level security;
alter table organization force row level security;
create policy projection_writes on organization for all to daybook_partition using (true) with check (true);
create policy tenant_reads_itself on organization for select to daybook_tenant using (tenant_id = (select log.current_tenant()));
create policy operator_reads on organization for select to daybook_operator using (true);
grant select on organization to daybook_tenant, daybook_operator;
