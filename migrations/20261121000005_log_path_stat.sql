-- What the operator's proofs and figures need: who appended how, per day, and the right to look at what is
-- remembered beside the events.
set local role daybook_owner;

-- Appends by path, per day: the servers add to it every few seconds. It is a figure, not a fact: a server that
-- is killed loses its last seconds.
create table log.path_stat (
  day       date not null,
  -- The path that was taken, or the queue in front of both; and why it was not the numbered one, where that was counted.
  path      text collate "C" not null check (path in ('numbered', 'checked', 'queue')),
  reason    text collate "C" not null,
  commands  bigint not null default 0,
  events    bigint not null default 0,
  batches   bigint not null default 0,
  -- The time that the commands waited in the queue, together, in microseconds.
  waited_us bigint not null default 0,
  constraint path_stat_pkey primary key (day, path, reason)
);
grant select, insert, update on log.path_stat to daybook_appender;
grant select on log.path_stat to daybook_operator;

create policy operator_reads on log.command for select to daybook_operator using (true);
create policy operator_reads on log.snapshot for select to daybook_operator using (true);
grant select (tenant_id, command_id, response) on log.command to daybook_operator;
grant select (tenant_id, stream_id, version) on log.snapshot to daybook_operator;

-- The bookkeeping of migrations is the migrator's own.
reset role;
