//! Order-independent digests of a build's tables: two builds that hold the same rows have the same digests. For tests
//! and for proving that a rebuild gives what stands; no protection against tampering.

use event_store::{PartitionTx, Store};

use crate::Error;

/// The digest of one table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TableDigest {
    /// The table's name.
    pub table: String,
    /// How many rows it has.
    pub rows: i64,
    /// The sum of the hashes of its rows, in decimal.
    pub digest: String,
}

/// The digests of every table in a build's schema, in the order of their names.
pub(crate) async fn digest(store: &Store, schema: &str) -> Result<Vec<TableDigest>, Error> {
    let mut tx = store.partition_tx().await?;
    digest_in(&mut tx, schema).await
}

/// The same, of what this transaction sees.
pub(crate) async fn digest_in(
    tx: &mut PartitionTx,
    schema: &str,
) -> Result<Vec<TableDigest>, Error> {
    let mut digests = Vec::new();
    for table in tables(tx, schema).await? {
        let row = row(tx, schema, &table).await?;
        let statement = format!(
            "select count(*), coalesce(sum(hash_record_extended({row}, 0)::numeric), 0)::text from {schema}.{table} t"
        );
        let (rows, digest) = sqlx::query_as::<_, (i64, String)>(sqlx::AssertSqlSafe(statement))
            .fetch_one(tx.connection())
            .await?;
        digests.push(TableDigest {
            table,
            rows,
            digest,
        });
    }
    Ok(digests)
}

/// What is hashed of a row of the table `t`: all of its columns, those that PostgreSQL has no hash for as they are written.
async fn row(tx: &mut PartitionTx, schema: &str, table: &str) -> Result<String, Error> {
    let columns: String = sqlx::query_scalar(
        "select string_agg('t.' || quote_ident(attname) || case when atttypid = 'tsvector'::regtype then '::text' else '' end,
           ', ' order by attnum)
         from pg_attribute where attrelid = $1::regclass and attnum > 0 and not attisdropped",
    )
    .bind(format!("{schema}.{table}"))
    .fetch_one(tx.connection())
    .await?;
    Ok(format!("row({columns})"))
}

/// The names of the tables in a build's schema, quoted where they must be, in order.
pub(crate) async fn tables(tx: &mut PartitionTx, schema: &str) -> Result<Vec<String>, Error> {
    let tables = sqlx::query_scalar!(
        r#"select quote_ident(c.relname) as "name!" from pg_class c join pg_namespace n on n.oid = c.relnamespace
           where n.nspname = $1 and c.relkind = 'r' order by c.relname"#,
        schema
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(tables)
}
