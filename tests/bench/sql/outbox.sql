-- An outbox as Debezium documents it, with a column for each header that Daybook's records have. Its id becomes a header too.
create table public.outbox (
  id uuid primary key,
  aggregatetype text not null,
  aggregateid text not null,
  payload bytea not null,
  kafka_partition integer not null,
  content_type text,
  ce_specversion text,
  ce_source text,
  ce_type text,
  ce_time text,
  ce_subject text,
  ce_tenant text,
  ce_position text,
  ce_version text,
  ce_offset text,
  ce_correlationid text,
  ce_causationid text,
  ce_dataschema text,
  ce_recordedtime text,
  traceparent text,
  value_schema_id bytea
);
