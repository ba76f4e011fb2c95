select d.tenant_id, d.document_id, d.status, d.title, d.language, d.kind, d.tags, d.source, d.revision, d.note, d.reason,
       d.added_at, d.revised_at, d.retired_at, d.waived, d.version, d.position, d.updated_at
from (select distinct tenant_id, document_id from unnest($1::uuid[], $2::uuid[]) as k (tenant_id, document_id)) as k
join document d on d.tenant_id = k.tenant_id and d.document_id = k.document_id
