-- Policies: rules that answer events with commands. What they want done waits here, beside the builds of their states, for a
-- state may be made anew and a command is sent once.
create schema policy authorization daybook_owner;
set local role daybook_owner;

-- A command that a policy wants executed. Gone once the log has it; one that was refused stays, with the reason.
create table policy.outbox (
  -- Made from the event that caused it: it names the same command whoever thinks of it, and is its idempotency key.
  id             uuid not null,
  -- A tenant's commands are sent in this order.
  sequence       bigint generated always as identity,
  policy         text not null,
  partition      smallint not null,
  tenant_id      uuid not null,
  -- Such as `metric.observe`.
  command        text not null,
  aggregate_id   uuid not null,
  -- The JSON object of its fields.
  data           text not null,
  -- The event that caused it, and of that event: its position, its conversation, who was behind it and the trace.
  event_id       uuid not null,
  position       bigint not null,
  correlation_id uuid not null,
  on_behalf_of   text,
  traceparent    text,
  -- How many policies led to it, itself included.
  depth          smallint not null,
  -- When the event happened, if it was told later: then the command's events are dated too.
  dated_at       timestamptz,
  created_at     timestamptz not null,
  refused_at     timestamptz,
  code           text,
  detail         text,
  constraint outbox_pkey primary key (tenant_id, id),
  constraint outbox_refusal check ((refused_at is null) = (code is null) and (code is null) = (detail is null))
);
create index outbox_open on policy.outbox (partition, sequence) where refused_at is null;
create index outbox_refused on policy.outbox (tenant_id, refused_at) where refused_at is not null;

-- A tenant whose commands wait because the last one could not be tried: the log was away, or takes nothing of it.
create table policy.held (
  tenant_id uuid not null,
  attempts  int not null,
  until     timestamptz not null,
  error     text not null,
  constraint held_pkey primary key (tenant_id)
);

-- A command that is wanted at a certain time. A policy has one timer per key and tenant.
create table policy.timer (
  tenant_id      uuid not null,
  policy         text not null,
  key            text collate "C" not null,
  due_at         timestamptz not null,
  id             uuid not null,
  partition      smallint not null,
  command        text not null,
  aggregate_id   uuid not null,
  data           text not null,
  event_id       uuid not null,
  position       bigint not null,
  correlation_id uuid not null,
  on_behalf_of   text,
  traceparent    text,
  depth          smallint not null,
  dated_at       timestamptz,
  constraint timer_pkey primary key (tenant_id, policy, key)
);
create index timer_due on policy.timer (due_at);

-- Before this offset a build answers nothing: the log was older than the policy.
alter table projection.checkpoint add column silent_until bigint not null default 0;

do $$
declare
  t text;
begin
  foreach t in array array['outbox', 'held', 'timer'] loop
    execute format('alter table policy.%I enable row level security', t);
    execute format('alter table policy.%I force row level security', t);
    execute format('create policy projection_writes on policy.%I for all to daybook_partition using (true) with check (true)', t);
    execute format('create policy operator_reads on policy.%I for select to daybook_operator using (true)', t);
    execute format('create policy tenant_reads_itself on policy.%I for select to daybook_tenant using (tenant_id = (select log.current_tenant()))', t);
    execute format('grant select, insert, update, delete on policy.%I to daybook_partition', t);
    execute format('grant select on policy.%I to daybook_tenant, daybook_operator', t);
  end loop;
end $$;
grant usage on schema policy to daybook_tenant, daybook_partition, daybook_operator;

-- The bookkeeping of migrations is the migrator's own.
reset role;
