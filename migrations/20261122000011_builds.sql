-- Several builds of a projection side by side: binaries of different revisions read their own, and a build can be made anew
-- beside the one that serves.
set local role daybook_owner;

alter table projection.build
  -- 'serve': to serve its revision, sooner or later. 'check': made by one process for itself, and dropped by it.
  add column purpose text not null default 'serve' check (purpose in ('serve', 'check')),
  -- When a process said last that it feeds the build. What nobody feeds any more is dropped.
  add column seen_at timestamptz not null default now();

-- Which build serves a revision.
alter table projection.live add column revision text;
update projection.live l set revision = b.revision
from projection.build b where b.projection = l.projection and b.build = l.build;
alter table projection.live
  alter column revision set not null,
  -- False until it has once been where the build was that served before.
  add column caught_up boolean not null default true,
  drop constraint live_pkey,
  add constraint live_pkey primary key (projection, revision);

-- Whether another build of the revision serves in this one's place. In this row, so that whoever locks it knows.
alter table projection.checkpoint add column replaced boolean not null default false;

-- The build of each projection that this session reads: that of its binary's revision, once it has caught up; until then, and
-- for those who belong to no binary, the newest that has.
create view projection.serving with (security_invoker = true) as
select distinct on (l.projection) l.projection, l.revision, l.build, l.schema_name, l.caught_up
from projection.live l
order by l.projection,
         coalesce(l.caught_up and l.revision = any (string_to_array(current_setting('app.revisions', true), ',')), false) desc,
         l.caught_up desc, l.build desc;

create or replace function projection.look() returns void
  language plpgsql security invoker as $$
begin
  perform set_config('search_path', coalesce(
    (select string_agg(quote_ident(s.schema_name), ', ' order by s.projection) || ', extensions' from projection.serving s),
    'extensions'), true);
end $$;

grant select on projection.serving to daybook_tenant, daybook_partition, daybook_operator, daybook_identity;
grant delete on projection.live to daybook_partition;

-- The bookkeeping of migrations is the migrator's own.
reset role;
