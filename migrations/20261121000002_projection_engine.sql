-- The projection engine's own book-keeping. The read models' tables are derived state: they live in schemas of
-- their own, one per build, which the engine creates.
create schema projection authorization daybook_owner;
set local role daybook_owner;

-- A build of a projection: one schema, filled from offset 0 of every partition.
create table projection.build (
  projection  text not null,
  build       int not null,
  revision    text not null,
  schema_name text not null unique,
  created_at  timestamptz not null,
  constraint build_pkey primary key (projection, build)
);

-- Which build serves.
create table projection.live (
  projection  text primary key,
  build       int not null,
  schema_name text not null,
  -- Transactions that began before may still read the build that served until then.
  switched_at timestamptz not null,
  constraint live_build_fkey foreign key (projection, build) references projection.build (projection, build)
);

create table projection.checkpoint (
  projection  text not null,
  build       int not null,
  partition   smallint not null,
  -- The first offset that is not applied yet.
  next_offset bigint not null default 0,
  -- When the last applied event was recorded, for the lag in seconds.
  recorded_at timestamptz,
  updated_at  timestamptz not null,
  -- A poison event halts its partition loudly; these say why.
  halted_at   timestamptz,
  error       text,
  constraint checkpoint_pkey primary key (projection, build, partition),
  constraint checkpoint_build_fkey foreign key (projection, build) references projection.build (projection, build)
) with (fillfactor = 50);

-- One tenant's transaction begins here: it sets the tenant with its signature and the search path to the live
-- builds, in constant order, in one statement.
create function projection.enter(tenant text, signature text) returns void
  language plpgsql security invoker as $$
begin
  perform set_config('app.current_organization', tenant, true), set_config('app.signature', signature, true);
  perform projection.look();
end $$;

-- The search path of the live builds alone, for those who read across tenants.
create function projection.look() returns void
  language plpgsql security invoker as $$
begin
  perform set_config('search_path', coalesce(
    (select string_agg(quote_ident(l.schema_name), ', ' order by l.projection) || ', extensions' from projection.live l),
    'extensions'), true);
end $$;

grant usage on schema projection to daybook_tenant, daybook_partition, daybook_operator, daybook_identity;
grant execute on function projection.enter(text, text), projection.look()
  to daybook_tenant, daybook_partition, daybook_operator, daybook_identity;
grant select on projection.live to daybook_tenant, daybook_partition, daybook_operator, daybook_identity;
grant select on projection.build, projection.checkpoint to daybook_tenant, daybook_operator;
grant select, insert, update, delete on projection.build, projection.live, projection.checkpoint to daybook_partition;

reset role;

-- The bookkeeping of migrations is the migrator's own.
reset role;
