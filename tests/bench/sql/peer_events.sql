-- The orders' events of the log as the peer would have stored them.
insert into events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata)
select 'order', substr(e.stream_id, length('order-') + 1), e.version, e.event_type, e.schema_version || '.0',
       json_build_object('type', e.event_type, 'data', convert_from(e.payload, 'UTF8')::json),
       json_build_object('tenantId', e.tenant_id, 'commandId', m.m ->> 'commandId', 'correlationId', m.m ->> 'correlationId',
         'causationId', m.m ->> 'causationId', 'actorKind', m.m -> 'actor' ->> 'kind', 'actorId', m.m -> 'actor' ->> 'id',
         'source', m.m ->> 'source', 'traceparent', m.m ->> 'traceparent')
from log.event e
cross join lateral (select convert_from(e.metadata, 'UTF8')::json) m(m)
where e.stream_id like 'order-%'
order by e.partition, e."offset"
