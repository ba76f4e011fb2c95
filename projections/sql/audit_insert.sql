insert into audit
  (tenant_id, entry_id, position, outcome, context, action, target, version, actor_kind, actor_id, on_behalf_of, source,
   trace_id, client, legal_basis, command_id, causation_id, correlation_id, occurred_at, recorded_at, words)
select tenant_id, entry_id, position, 'accepted', context, action, target, version, actor_kind, actor_id, on_behalf_of, source,
       trace_id, client, legal_basis, command_id, causation_id, correlation_id, occurred_at, recorded_at, words
from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::int[], $8::text[], $9::text[],
            $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::uuid[], $16::uuid[], $17::uuid[],
            $18::timestamptz[], $19::timestamptz[], $20::text[])
  as a (tenant_id, entry_id, position, context, action, target, version, actor_kind, actor_id, on_behalf_of, source,
        trace_id, client, legal_basis, command_id, causation_id, correlation_id, occurred_at, recorded_at, words)
