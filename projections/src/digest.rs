//! Order-independent digests of a build's tables: two builds that hold the same rows have the same digests. For tests
//! and for proving that a rebuild gives what stands; no protection against tampering.

use event_store::Store;

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
    let tables = sqlx::query!(
        r#"select c.relname::text as "name!", format('%I.%I', n.nspname, c.relname) as "quoted!"
           from pg_class c join pg_namespace n on n.oid = c.relnamespace
           where n.nspname = $1 and c.relkind = 'r' order by c.relname"#,
        schema
    )
    .fetch_all(tx.connection())
    .await?;
    let mut digests = Vec::with_capacity(tables.len());
    for table in tables {
        let statement = format!(
            "select count(*), coalesce(sum(hash_record_extended(t, 0)::numeric), 0)::text from {} t",
            table.quoted
        );
        let (rows, digest) = sqlx::query_as::<_, (i64, String)>(sqlx::AssertSqlSafe(statement))
            .fetch_one(tx.connection())
            .await?;
        digests.push(TableDigest {
            table: table.name,
            rows,
            digest,
        });
    }
    Ok(digests)
}
