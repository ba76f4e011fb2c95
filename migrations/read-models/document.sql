-- The read model of documents: the list, one document's page, and the full text that a search goes through. The status is text,
-- for row-level security keeps comparisons on enums from using an index.
create table document (
  tenant_id    uuid not null,
  document_id  uuid not null,
  status       text not null,
  title        text not null,
  body         text not null,
  language     text not null,
  kind         text,
  tags         text[] not null,
  source       text,
  revision     int not null,
  -- What was said of the last revision, and why it was retired.
  note         text,
  reason       text,
  added_at     timestamptz not null,
  revised_at   timestamptz,
  retired_at   timestamptz,
  waived       text[] not null,
  version      int not null,
  position     bigint not null,
  updated_at   timestamptz not null,
  -- What full text finds it by: see `document_lexemes`.
  lexemes      tsvector not null,
  primary key (tenant_id, document_id)
) with (fillfactor = 85);
create index document_added_at on document (tenant_id, added_at, document_id);
-- An update that says nothing new leaves it alone.
create index document_lexemes_found on document using gin (lexemes) with (gin_pending_list_limit = 256);

-- By whose rules the words of a language are taken apart: Portuguese, English, or none.
create function document_class(language text) returns text
  language sql immutable parallel safe
  return case when language in ('pt', 'en') then language else 'other' end;

create function document_config(language text) returns regconfig
  language sql immutable parallel safe
  return case language when 'pt' then 'pg_catalog.portuguese'::regconfig when 'en' then 'pg_catalog.english'::regconfig
    else 'pg_catalog.simple'::regconfig end;

-- Words without accents, as many letters as they have.
create function document_fold(words text) returns text
  language sql immutable parallel safe
  return translate(words, 'àáâãäåçèéêëìíîïñòóôõöùúûüýÿÀÁÂÃÄÅÇÈÉÊËÌÍÎÏÑÒÓÔÕÖÙÚÛÜÝ',
    'aaaaaaceeeeiiiinooooouuuuyyAAAAAACEEEEIIIINOOOOOUUUUY');

-- As much of a text as is looked through. A vector holds 1 MB and no more; it takes at most nine times what a text has, and half
-- of that where the words are in it once. Of a longer text it is the beginning, of four bytes a letter at most.
create function document_searched(language text, words text) returns text
  language sql immutable parallel safe
  return (select case when octet_length(n.words) <= n.most then n.words else left(n.words, n.most / 4) end
          from (select normalize(words) as words, case language when 'pt' then 112000 else 224000 end as most) n);

-- The lexemes of a text: its words' stems. Portuguese is often typed without accents, which its stems depend on: there each word
-- itself without them too. The other languages' do not, so that once without them is enough.
create function document_words(language text, words text) returns tsvector
  language sql immutable parallel safe
  return case language
    when 'pt' then to_tsvector('pg_catalog.portuguese', words) || to_tsvector('pg_catalog.simple', document_fold(words))
    else to_tsvector(document_config(language), document_fold(words)) end;

-- The lexemes of a row, those of its title first in rank, and then those of its kind and its tags; and the tenant and the
-- language, so that the index leads a search past the rows of all others, and to each language's own words.
create function document_lexemes(tenant uuid, language text, title text, kind text, tags text[], body text) returns tsvector
  language sql stable parallel safe
  return setweight(document_words(language, normalize(title)), 'A')
    || setweight(document_words(language, normalize(concat_ws(' ', kind, array_to_string(tags, ' ')))), 'B')
    || document_words(language, document_searched(language, body))
    || array_to_tsvector(array['tenant:' || tenant::text, 'language:' || document_class(language)]);

-- What is asked for, in the words of a language. What is to be left out is left out in every form: a word without accents would
-- not know them.
create function document_asked(language text, query text) returns tsquery
  language sql immutable parallel safe
  return (select case when language <> 'pt' then q.folded when strpos(q.folded::text, '!') > 0 then q.own else q.own || q.folded end
          from (select websearch_to_tsquery('pg_catalog.portuguese', normalize(query)) as own,
                  websearch_to_tsquery(case language when 'pt' then 'pg_catalog.simple'::regconfig else document_config(language) end,
                    document_fold(normalize(query))) as folded) q);

-- What finds a tenant's rows, of all languages or of one. Null where no word is left of it.
create function document_query(tenant uuid, query text, of_language text) returns tsquery
  language sql immutable parallel safe
  return (select ('''tenant:' || tenant::text || '''')::tsquery && string_agg(
            '(''language:' || l.name || ''' & (' || document_asked(l.name, query)::text || '))', ' | ')::tsquery
          from unnest(array['pt', 'en', 'other']) as l (name)
          where (of_language is null or l.name = document_class(of_language)) and numnode(document_asked(l.name, query)) > 0);

-- The documents of a tenant that a search finds, with their rank in billionths; none unless it is the tenant of this transaction.
-- No more than 500 are ranked, the newest of 10,000: a rank needs all that a document says, and a search that finds everything
-- must cost no more than another. The owner's, for whom policies are no barrier to the index: `@@` may not be evaluated before
-- them. Statistics know how frequent a word is among all tenants, not in one of them, so that none may be walked through on
-- their word.
create function document_found(tenant uuid, query text, of_language text, of_kind text, with_tag text, with_retired boolean)
  returns table (document_id uuid, rank bigint)
  language sql stable security definer rows 100
  set search_path = pg_catalog set plan_cache_mode = force_custom_plan set enable_indexscan = off set enable_seqscan = off
  begin atomic
    select n.document_id,
      (1000000000 * ts_rank(n.lexemes, document_asked(document_class(n.language), query), 33)::double precision)::bigint
    from (select f.document_id, f.language, f.lexemes
          from (select d.document_id, d.language, d.lexemes, d.position
                from document d
                where tenant = (select log.current_tenant())
                  -- So that no other index comes into question.
                  and (d.tenant_id = tenant) is true
                  and d.lexemes @@ document_query(tenant, query, of_language)
                  and (of_language is null or d.language = of_language)
                  and (of_kind is null or d.kind = of_kind)
                  and (with_tag is null or with_tag = any (d.tags))
                  and (with_retired or d.status <> 'retired')
                limit 10000) f
          order by f.position desc
          limit 500) n;
  end;

-- What is marked in a text: each word that was asked for, and the text's words that are those but for their accents.
-- Null where that is nothing.
create function document_marks(language text, words text, query text) returns tsquery
  language sql stable parallel safe
  return (select string_agg('''' || replace(replace(a.lexeme, '\', '\\'), '''', '''''') || '''', ' | ')::tsquery
          from (select lexeme from unnest(to_tsvector(document_config(language), query)
                  || to_tsvector(document_config(language), document_fold(query)))
                union
                select s.lexeme
                from unnest(to_tsvector('pg_catalog.simple', words)) w, unnest(to_tsvector(document_config(language), w.lexeme)) s
                where document_fold(w.lexeme) <> w.lexeme
                  and document_fold(w.lexeme)
                    = any ((select tsvector_to_array(to_tsvector('pg_catalog.simple', document_fold(query))))::text[])) a);

-- A piece of a text, of about 3,000 letters and whole words. What is marked costs the square of the words in which it is looked for.
create function document_piece(words text, number int) returns text
  language sql immutable parallel safe
  return (select case when number > 0 and substr(words, 3000 * number, 1) ~ '\S' then regexp_replace(p.piece, '^\S+', '') else p.piece end
          from (select substr(words, 3000 * number + 1, 3000)
                  || coalesce(substring(substr(words, 3000 * number + 3001, 100) from '^\S+'), '') as piece) p);

-- The pieces of a text in which something is marked, at most the first three that have it: fragments of them, with
-- U+0003 between them, and what is marked between U+0001 and U+0002. No text has these.
create function document_fragments(language text, words text, query text) returns text
  language sql stable parallel safe
  return (select string_agg(m.fragment, chr(3) order by m.number)
          from (select n.number, ts_headline(document_config(language), n.piece, n.marks,
                  format('StartSel=%s, StopSel=%s, FragmentDelimiter=%s, MaxFragments=3, MinWords=8, MaxWords=24',
                    chr(1), chr(2), chr(3))) as fragment
                from (select k.number, k.piece, document_marks(language, k.piece, query) as marks
                      from (select g.number, document_piece(words, g.number) as piece
                            from generate_series(0, length(words) / 3000) g (number)
                            offset 0) k
                      offset 0) n
                where to_tsvector(document_config(language), n.piece) @@ n.marks
                limit 3) m);

-- What a search found in a document: its whole title, and fragments of what it says, marked like those. Null where there is nothing.
create function document_marked(language text, title text, body text, query text) returns table (title text, body text)
  language sql stable parallel safe
  begin atomic
    select ts_headline(document_config(language), t.title, document_marks(language, t.title, t.query),
             format('StartSel=%s, StopSel=%s, HighlightAll=true', chr(1), chr(2))),
      document_fragments(language, t.body, t.query)
    from (select normalize(title) as title, document_searched(language, body) as body,
            -- It joins words, and is none.
            regexp_replace(normalize(query), '\mor\M', '', 'gi') as query) t;
  end;

revoke all on function document_class(text), document_config(text), document_fold(text), document_searched(text, text),
  document_words(text, text), document_lexemes(uuid, text, text, text, text[], text), document_asked(text, text),
  document_query(uuid, text, text), document_found(uuid, text, text, text, text, boolean), document_marks(text, text, text),
  document_piece(text, int), document_fragments(text, text, text), document_marked(text, text, text, text) from public;
grant execute on function document_found(uuid, text, text, text, text, boolean), document_marked(text, text, text, text),
  document_fragments(text, text, text), document_piece(text, int), document_marks(text, text, text), document_searched(text, text),
  document_fold(text), document_config(text) to daybook_tenant;

alter table document enable row level security;
alter table document force row level security;
create policy projection_writes on document for all to daybook_partition using (true) with check (true);
create policy tenant_reads_itself on document for select to daybook_tenant using (tenant_id = (select log.current_tenant()));
grant select on document to daybook_tenant;
