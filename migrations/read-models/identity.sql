-- The read model of credentials: API keys by the hash of their secret. The gateway looks a key up in its own role,
-- before any tenant is known; a tenant sees its own keys, without the hash.
create table api_key (
  tenant_id   uuid not null,
  key_id      uuid not null,
  name        text not null,
  scopes      text[] not null,
  secret_hash bytea not null,
  issued_at   timestamptz not null,
  expires_at  timestamptz,
  revoked_at  timestamptz,
  primary key (tenant_id, key_id)
);
create unique index api_key_secret_hash on api_key (secret_hash, tenant_id);

alter table api_key enable row level security;
alter table api_key force row level security;
create policy projection_writes on api_key for all to daybook_partition using (true) with check (true);
create policy tenant_reads_itself on api_key for select to daybook_tenant using (tenant_id = (select log.current_tenant()));
create policy gateway_looks_up on api_key for select to daybook_identity using (true);
create policy operator_reads on api_key for select to daybook_operator using (true);
grant select (tenant_id, key_id, name, scopes, issued_at, expires_at, revoked_at) on api_key to daybook_tenant, daybook_operator;
grant select on api_key to daybook_identity;
