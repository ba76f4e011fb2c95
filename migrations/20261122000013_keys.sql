-- Keys are looked up for every request that is not remembered: one statement, so one round trip.
set local role daybook_owner;

-- The keys with these hashes, in the build that serves. The search path is set for this statement's transaction alone.
create function projection.keys(hashes bytea[])
  returns table (secret_hash bytea, key_id uuid, tenant_id uuid, scopes text[], expires_at timestamptz, revoked_at timestamptz)
  language plpgsql security invoker rows 1 as $$
begin
  perform projection.look();
  return query
    select k.secret_hash, k.key_id, k.tenant_id, k.scopes, k.expires_at, k.revoked_at
    from api_key k where k.secret_hash = any (hashes);
end $$;
revoke all on function projection.keys(bytea[]) from public;
grant execute on function projection.keys(bytea[]) to daybook_identity;

-- The bookkeeping of migrations is the migrator's own.
reset role;
