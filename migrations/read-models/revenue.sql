-- The state of the policy that notes what orders bring: which metrics follow the revenue, in which currency.
create table revenue_metric (
  tenant_id uuid not null,
  metric_id uuid not null,
  currency  text not null,
  primary key (tenant_id, metric_id)
);

alter table revenue_metric enable row level security;
alter table revenue_metric force row level security;
create policy projection_writes on revenue_metric for all to daybook_partition using (true) with check (true);
create policy tenant_reads_itself on revenue_metric for select to daybook_tenant using (tenant_id = (select log.current_tenant()));
grant select on revenue_metric to daybook_tenant;
