-- An empty body says that the one that is stored stays. A text is taken apart only where it, or what goes with it, is another.
insert into document as d
  (tenant_id, document_id, status, title, body, language, kind, tags, source, revision, note, reason, added_at, revised_at,
   retired_at, waived, version, position, updated_at, lexemes)
select
  tenant_id, document_id, status, title, body, language, kind, tags::text[], source, revision, note, reason, added_at,
  revised_at, retired_at, waived::text[], version, position, updated_at,
  case when body = '' then '' else document_lexemes(tenant_id, language, title, kind, tags::text[], body) end
from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
            $10::int[], $11::text[], $12::text[], $13::timestamptz[], $14::timestamptz[], $15::timestamptz[], $16::text[],
            $17::int[], $18::bigint[], $19::timestamptz[])
  as n (tenant_id, document_id, status, title, body, language, kind, tags, source, revision, note, reason, added_at, revised_at,
        retired_at, waived, version, position, updated_at)
on conflict (tenant_id, document_id) do update set
  status = excluded.status, title = excluded.title,
  body = case when excluded.body = '' then d.body else excluded.body end,
  language = excluded.language, kind = excluded.kind, tags = excluded.tags, source = excluded.source,
  revision = excluded.revision, note = excluded.note, reason = excluded.reason, revised_at = excluded.revised_at,
  retired_at = excluded.retired_at, waived = excluded.waived, version = excluded.version, position = excluded.position,
  updated_at = excluded.updated_at,
  lexemes = case
    when excluded.body <> '' then excluded.lexemes
    when (excluded.title, excluded.language, excluded.kind, excluded.tags) is distinct from (d.title, d.language, d.kind, d.tags)
      then document_lexemes(d.tenant_id, excluded.language, excluded.title, excluded.kind, excluded.tags, d.body)
    else d.lexemes end
