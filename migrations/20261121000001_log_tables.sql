-- The event log: the only source of truth. Every other table is derived from it.
create schema log authorization daybook_owner;
create schema extensions authorization daybook_owner;
set local role daybook_owner;

-- What was fixed when the log was installed.
create table log.installation (
  only_row        boolean primary key default true check (only_row),
  partitions      smallint not null check (partitions between 1 and 1024),
  -- The key under which a tenant context is signed; readable by its owner alone.
  context_key     bytea not null check (octet_length(context_key) = 32),
  installed_at    timestamptz not null default now()
);

-- One counter row per partition. It is locked from the numbering to the commit, so that numbers become visible
-- in order and without gaps. The low fill factor keeps its updates on one page.
create table log.partition (
  partition        smallint primary key,
  next_offset      bigint not null default 0 check (next_offset >= 0),
  last_recorded_at timestamptz not null default '-infinity'
) with (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

create table log.tenant (
  tenant_id  uuid primary key,
  partition  smallint not null references log.partition (partition),
  state      text not null default 'active' check (state in ('active', 'suspended', 'frozen')),
  created_at timestamptz not null
);

create table log.event (
  partition      smallint not null,
  "offset"       bigint not null,
  tenant_id      uuid not null,
  position       bigint not null,
  stream_id      text collate "C" not null check (octet_length(stream_id) between 1 and 255),
  version        int not null,
  event_id       uuid not null,
  event_type     text collate "C" not null check (octet_length(event_type) between 1 and 128),
  schema_version smallint not null,
  payload        bytea not null check (octet_length(payload) <= 524288),
  content_type   smallint not null,
  metadata       bytea not null check (octet_length(metadata) <= 16384),
  content_hash   bytea not null check (octet_length(content_hash) = 32),
  occurred_at    timestamptz not null,
  recorded_at    timestamptz not null,
  constraint event_pkey primary key (partition, "offset"),
  constraint event_position_key unique (tenant_id, position),
  constraint event_version_key unique (tenant_id, stream_id, version)
);

-- Accepted commands that carried an idempotency key.
create table log.command (
  tenant_id    uuid not null,
  command_id   uuid not null,
  request_hash bytea not null,
  response     jsonb not null,
  expires_at   timestamptz not null,
  constraint command_pkey primary key (tenant_id, command_id)
);
create index command_expires_at on log.command (expires_at);

create table log.snapshot (
  tenant_id   uuid not null,
  stream_id   text collate "C" not null,
  version     int not null,
  state       bytea not null,
  schema_hash bytea not null,
  constraint snapshot_pkey primary key (tenant_id, stream_id)
);

-- The partition of a tenant: the first eight bytes of SHA-256 over its id, big-endian and unsigned, modulo the
-- number of partitions. (The sign bit is taken off and its worth, 2^63 modulo the number, is added back.)
create function log.partition_of(tenant uuid, partitions smallint) returns smallint
  language sql immutable strict parallel safe
  begin atomic
    select ((((('x' || encode(substr(sha256(uuid_send(tenant)), 1, 8), 'hex'))::bit(64)
                & (~(1::bigint << 63))::bit(64))::bigint % partitions)
            + case when get_byte(sha256(uuid_send(tenant)), 0) >= 128
                then ((9223372036854775807 % partitions) + 1) else 0 end) % partitions)::smallint;
  end;

-- The tenant of this transaction, if the context was set together with its signature; else null, which
-- matches nothing. An injected `set_config` cannot hop tenants: it lacks the key.
create function log.current_tenant() returns uuid
  language plpgsql stable security definer parallel safe
  set search_path = pg_catalog
as $$
declare
  claimed text := current_setting('app.current_organization', true);
  k bytea;
begin
  if claimed is null or claimed = '' then
    return null;
  end if;
  select i.context_key into k from log.installation i;
  if encode(sha256(k || sha256(k || convert_to(claimed, 'UTF8'))), 'hex')
     is distinct from current_setting('app.signature', true) then
    return null;
  end if;
  return claimed::uuid;
end $$;

-- The log is append-only for everyone, its owner included.
create function log.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'the log is append-only: % on %.% is refused', tg_op, tg_table_schema, tg_table_name
    using errcode = 'DB002', hint = 'Record a correcting event instead.';
end $$;
create trigger event_is_append_only before update or delete on log.event
  for each row execute function log.refuse_change();
create trigger event_is_never_truncated before truncate on log.event
  for each statement execute function log.refuse_change();

-- Row-level security, from the first day. Policies bind the owner too and name their roles.
alter table log.tenant enable row level security;
alter table log.tenant force row level security;
alter table log.event enable row level security;
alter table log.event force row level security;
alter table log.command enable row level security;
alter table log.command force row level security;
alter table log.snapshot enable row level security;
alter table log.snapshot force row level security;

create policy tenant_reads_itself on log.tenant for select to daybook_tenant
  using (tenant_id = (select log.current_tenant()));
create policy partition_reads on log.tenant for select to daybook_partition using (true);
create policy operator_reads on log.tenant for select to daybook_operator using (true);
create policy append_writes on log.tenant for all to daybook_appender using (true) with check (true);

create policy tenant_reads_itself on log.event for select to daybook_tenant
  using (tenant_id = (select log.current_tenant()));
create policy partition_reads on log.event for select to daybook_partition using (true);
create policy operator_reads on log.event for select to daybook_operator using (true);
create policy append_reads on log.event for select to daybook_appender using (true);
create policy append_inserts on log.event for insert to daybook_appender with check (true);

create policy append_writes on log.command for all to daybook_appender using (true) with check (true);
create policy append_writes on log.snapshot for all to daybook_appender using (true) with check (true);

grant usage on schema log to daybook_appender, daybook_append, daybook_tenant, daybook_partition, daybook_operator;
grant create on schema log to daybook_appender;
grant usage on schema extensions to public;
grant select on log.installation to daybook_appender;
grant select (partitions) on log.installation to daybook_append, daybook_tenant, daybook_partition, daybook_operator;
grant select, update on log.partition to daybook_appender;
grant select on log.partition to daybook_partition, daybook_operator, daybook_append;
grant select, insert, update on log.tenant to daybook_appender;
grant select on log.tenant to daybook_tenant, daybook_partition, daybook_operator;
grant select, insert on log.event to daybook_appender;
grant select on log.event to daybook_tenant, daybook_partition, daybook_operator;
grant select, insert, delete on log.command to daybook_appender;
grant select, insert, update, delete on log.snapshot to daybook_appender;

-- The bookkeeping of migrations is the migrator's own.
reset role;
