insert into customer
  (tenant_id, customer_id, name, email, phone, postal_code, city, state, country, consents, registered_at, updated_at,
   version, position)
select tenant_id, customer_id, name, email, phone, postal_code, city, state, country, consents::text[], registered_at,
       updated_at, version, position
from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
            $10::text[], $11::timestamptz[], $12::timestamptz[], $13::int[], $14::bigint[])
  as c (tenant_id, customer_id, name, email, phone, postal_code, city, state, country, consents, registered_at, updated_at,
        version, position)
on conflict (tenant_id, customer_id) do update set
  name = excluded.name, email = excluded.email, phone = excluded.phone, postal_code = excluded.postal_code,
  city = excluded.city, state = excluded.state, country = excluded.country, consents = excluded.consents,
  updated_at = excluded.updated_at, version = excluded.version, position = excluded.position
