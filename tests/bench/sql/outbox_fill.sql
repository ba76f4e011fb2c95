-- The log's events as rows of the outbox, no further than the first $FIRST events of a partition: in
-- transactions of 1,024 events of all partitions.
do $$
declare
  step constant bigint := 64;
  start bigint := 0;
  last bigint;
begin
  select least(max(next_offset), $FIRST) into last from log.partition;
  while start < last loop
    insert into public.outbox
    select e.event_id, 'order', e.tenant_id || '/' || e.stream_id, e.payload, e.partition, 'application/json', '1.0',
           '/daybook/main', 'order.' || e.event_type,
           to_char(e.occurred_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), e.stream_id, e.tenant_id::text,
           e.position::text, e.version::text, e."offset"::text, m.told ->> 'correlationId', m.told ->> 'causationId',
           'https://daybook.dev/schemas/order/' || e.event_type || '.v' || e.schema_version || '.json',
           to_char(e.recorded_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), m.told ->> 'traceparent',
           '\x0100112233445566778899aabbccddeeff'::bytea
    from log.partition p
    join log.event e on e.partition = p.partition and e."offset" >= start and e."offset" < least(start + step, last)
    cross join lateral (select convert_from(e.metadata, 'UTF8')::jsonb as told) m
    order by e."offset", e.partition;
    commit;
    start := start + step;
  end loop;
end
$$
