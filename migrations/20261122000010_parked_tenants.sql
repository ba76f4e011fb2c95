-- A tenant with an event that a projection cannot apply is parked there: the others go on, and it stays as it was until
-- somebody has mended what is wrong.
set local role daybook_owner;

create table projection.parked (
  projection text not null,
  build      int not null,
  partition  smallint not null,
  tenant_id  uuid not null,
  -- The first event that is not applied.
  "offset"   bigint not null,
  position   bigint not null,
  -- The event that could not be applied, and why. Names no value of its payload, for tenants may read it.
  event_id   uuid not null,
  event_type text not null,
  error      text not null,
  attempts   int not null,
  parked_at  timestamptz not null,
  tried_at   timestamptz not null,
  constraint parked_pkey primary key (projection, build, tenant_id),
  constraint parked_checkpoint_fkey foreign key (projection, build, partition)
    references projection.checkpoint (projection, build, partition) on delete cascade
);
create index parked_partition on projection.parked (projection, build, partition);

-- How many tenants are parked there. In this row, so that whoever locks it knows: only they read who.
alter table projection.checkpoint add column parked int not null default 0;

alter table projection.parked enable row level security;
alter table projection.parked force row level security;
create policy projection_writes on projection.parked for all to daybook_partition using (true) with check (true);
create policy operator_reads on projection.parked for select to daybook_operator using (true);
create policy tenant_reads_itself on projection.parked for select to daybook_tenant
  using (tenant_id = (select log.current_tenant()));
grant select, insert, update, delete on projection.parked to daybook_partition;
grant select on projection.parked to daybook_tenant, daybook_operator;

-- The bookkeeping of migrations is the migrator's own.
reset role;
