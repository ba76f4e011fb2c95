-- Unique values, and how far the guard has proved the log. The functions of the append changed their arguments; they come
-- back with the new ones right after the migrations.
set local role daybook_owner;

-- A value that only one stream of a tenant may hold, such as an e-mail address; kept as a keyed hash. Written only under
-- the partition's lock, together with the event that takes or releases it.
create table log.claim (
  tenant_id uuid not null,
  kind      text collate "C" not null check (octet_length(kind) between 1 and 64),
  value     bytea not null check (octet_length(value) = 32),
  stream_id text collate "C" not null,
  constraint claim_pkey primary key (tenant_id, kind, value)
);
alter table log.claim enable row level security;
alter table log.claim force row level security;
create policy append_writes on log.claim for all to daybook_appender using (true) with check (true);
grant select, insert, delete on log.claim to daybook_appender;

-- The first offset of each partition whose numbering is not proved yet.
create table log.proved (
  partition   smallint primary key references log.partition (partition),
  next_offset bigint not null default 0 check (next_offset >= 0)
) with (fillfactor = 50);
grant select, insert, update on log.proved to daybook_partition;
grant select on log.proved to daybook_operator;
reset role;

drop function if exists log.append(
  smallint[], uuid[], uuid[], text[], int[], boolean[], bytea[], timestamptz[], int[],
  int[], int[], uuid[], text[], smallint[], bytea[], smallint[], bytea[], bytea[]);
drop function if exists log.load(uuid[], text[], uuid[], uuid[]);
