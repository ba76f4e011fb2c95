-- The relay's own book-keeping: who publishes which slice of the log, and how far it is, for those who watch. What was
-- published is known to Kafka alone.
create schema relay authorization daybook_owner;
set local role daybook_owner;

-- Who leads a slot: for liveness only. Kafka fences whoever leads no more and does not know it yet.
create table relay.slot (
  slot       smallint primary key,
  -- The process, and where it runs.
  holder     uuid not null,
  place      text not null,
  -- On the clock of the database, which all agree on.
  expires_at timestamptz not null,
  -- Why it publishes nothing at the moment.
  trouble    text
) with (fillfactor = 50);

create table relay.progress (
  partition   smallint primary key,
  -- The first offset that is not published yet.
  next_offset bigint not null,
  updated_at  timestamptz not null
) with (fillfactor = 50);

grant usage on schema relay to daybook_partition, daybook_operator;
grant select, insert, update on relay.slot, relay.progress to daybook_partition;
grant select on relay.slot, relay.progress to daybook_operator;

-- The bookkeeping of migrations is the migrator's own.
reset role;
