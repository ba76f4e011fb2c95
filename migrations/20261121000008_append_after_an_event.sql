-- The append learnt to ask which event has the expected version, so its arguments changed; it comes back with the new ones
-- right after the migrations.
drop function if exists log.append(
  smallint[], uuid[], int[], int[], text[], int[], int[], text[], int[], int[], uuid[], uuid[], smallint[], bytea[],
  timestamptz[], int[], int[], text[], bytea[], text[], boolean[], int[], int[], smallint[], uuid[], text[], uuid[], text[],
  smallint[], bytea[], smallint[], bytea[], bytea[]);
