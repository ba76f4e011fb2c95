//! Isolation where it is made: in the database. What the tenants' role sees under every kind of context, right and wrong.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use uuid::Uuid;

use super::world::World;
use crate::harness::Database;

/// A policy of the tenants' role.
#[derive(Clone, Debug)]
pub struct Policy {
    pub table: String,
    name: String,
    using: String,
}

/// The contexts a connection may claim.
pub struct Contexts {
    /// What is claimed, the organization and the signature.
    wrong: Vec<(&'static str, Option<String>, Option<String>)>,
    /// A tenant with its own signature.
    right: Option<(Uuid, String)>,
}

impl Contexts {
    /// Those that need no tenant.
    pub fn none() -> Self {
        let some = |text: &str| Some(text.to_owned());
        let wrong = vec![
            ("nothing", None, None),
            ("an empty organization", some(""), some("")),
            (
                "an empty one, signed with zeros",
                some(""),
                some(&"0".repeat(64)),
            ),
        ];
        Self { wrong, right: None }
    }

    /// All of them: each of the two tenants claimed without a right to it.
    pub async fn of(world: &World) -> Self {
        let signature = async |tenant| {
            let mut tx = world.app.store.tenant_tx(tenant).await.unwrap();
            sqlx::query_scalar::<_, String>("select current_setting('app.signature')")
                .fetch_one(tx.connection())
                .await
                .unwrap()
        };
        let (a, b) = (world.a.tenant.id, world.b.tenant.id);
        let (of_a, of_b) = (signature(a).await, signature(b).await);
        let mut contexts = Self::none();
        for tenant in [a, b] {
            let foreign = if tenant == a { &of_b } else { &of_a };
            let claimed = Some(tenant.to_string());
            contexts.wrong.extend([
                ("an unsigned tenant", claimed.clone(), None),
                (
                    "a tenant with an empty signature",
                    claimed.clone(),
                    Some(String::new()),
                ),
                (
                    "a wrongly signed tenant",
                    claimed.clone(),
                    Some("5a".repeat(32)),
                ),
                (
                    "a tenant signed for another",
                    claimed.clone(),
                    Some(foreign.clone()),
                ),
                (
                    "a signature for another spelling",
                    claimed.map(|t| t.to_uppercase()),
                    Some(of_a.clone()),
                ),
            ]);
        }
        contexts.right = Some((a.0, of_a));
        contexts
    }
}

/// Every table with tenants' rows.
pub async fn tables(admin: &mut PgConnection) -> Vec<String> {
    let query = "select quote_ident(n.nspname) || '.' || quote_ident(c.relname) from pg_class c \
                 join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid \
                 where c.relkind in ('r', 'p') and a.attname = 'tenant_id' and not a.attisdropped order by 1";
    sqlx::query_scalar(query).fetch_all(admin).await.unwrap()
}

/// The policies that keep tenants apart.
pub async fn policies(database: &Database) -> Vec<Policy> {
    let query = "select quote_ident(n.nspname) || '.' || quote_ident(c.relname), quote_ident(p.polname), \
                   pg_get_expr(p.polqual, p.polrelid) \
                 from pg_policy p join pg_class c on c.oid = p.polrelid join pg_namespace n on n.oid = c.relnamespace \
                 where 'daybook_tenant'::regrole = any (p.polroles) order by 1, 2";
    let rows: Vec<(String, String, String)> = sqlx::query_as(query)
        .fetch_all(&mut database.admin().await)
        .await
        .unwrap();
    rows.into_iter()
        .map(|(table, name, using)| Policy { table, name, using })
        .collect()
}

async fn alter(database: &Database, policy: &Policy, using: &str) {
    let statement = format!(
        "alter policy {} on {} using ({using})",
        policy.name, policy.table
    );
    sqlx::raw_sql(AssertSqlSafe(statement))
        .execute(&mut database.admin().await)
        .await
        .unwrap();
}

/// Lets the policy through.
pub async fn open(database: &Database, policy: &Policy) {
    alter(database, policy, "true").await;
}

pub async fn restore(database: &Database, policy: &Policy) {
    alter(database, policy, &policy.using).await;
}

/// Tables that the tenants' role may read and that hold nothing of the other tenant.
pub async fn empty_tables(world: &World) -> Vec<String> {
    let mut admin = world.database.admin().await;
    let mut empty = Vec::new();
    for (table, rows, _) in world.digests().await {
        let readable: bool = sqlx::query_scalar(
            "select has_column_privilege('daybook_tenant', $1, 'tenant_id', 'select')",
        )
        .bind(&table)
        .fetch_one(&mut admin)
        .await
        .unwrap();
        if readable && rows == 0 {
            empty.push(table);
        }
    }
    empty
}

/// How many rows of which tenants a table shows; none if it may not be read at all.
type Seen = BTreeMap<String, Option<Vec<(Uuid, i64)>>>;

/// What the tenants' role sees of these tables under a context.
async fn seen(
    connection: &mut PgConnection,
    tables: &[String],
    organization: Option<&str>,
    signature: Option<&str>,
) -> Seen {
    let mut seen = BTreeMap::new();
    for table in tables {
        let mut tx = connection.begin().await.unwrap();
        sqlx::raw_sql("set local role daybook_tenant")
            .execute(&mut *tx)
            .await
            .unwrap();
        for (name, value) in [
            ("app.current_organization", organization),
            ("app.signature", signature),
        ] {
            if let Some(value) = value {
                sqlx::query("select set_config($1, $2, true)")
                    .bind(name)
                    .bind(value)
                    .execute(&mut *tx)
                    .await
                    .unwrap();
            }
        }
        let query = format!(
            "select tenant_id, count(*) from {table} group by tenant_id order by tenant_id"
        );
        let rows = match sqlx::query_as::<_, (Uuid, i64)>(AssertSqlSafe(query))
            .fetch_all(&mut *tx)
            .await
        {
            Ok(rows) => Some(rows),
            Err(sqlx::Error::Database(refused)) if refused.code().as_deref() == Some("42501") => {
                None
            }
            Err(other) => panic!("{table}: {other}"),
        };
        tx.rollback().await.unwrap();
        seen.insert(table.clone(), rows);
    }
    seen
}

/// Whether one table shows something that it must not, to anybody at all.
pub async fn is_open(database: &Database, table: &str, contexts: &Contexts) -> bool {
    let mut connection = database.admin().await;
    let shown = foreign(&mut connection, &[table.to_owned()], contexts).await;
    !shown.is_empty()
}

/// What these tables show to whoever has no right to anything.
async fn foreign(
    connection: &mut PgConnection,
    tables: &[String],
    contexts: &Contexts,
) -> Vec<String> {
    let mut leaks = Vec::new();
    for (what, organization, signature) in &contexts.wrong {
        let seen = seen(
            connection,
            tables,
            organization.as_deref(),
            signature.as_deref(),
        );
        for (table, rows) in seen.await {
            if let Some(rows) = rows.filter(|rows| !rows.is_empty()) {
                leaks.push(format!("{table} shows {rows:?} to {what}"));
            }
        }
    }
    leaks
}

/// Everything that a context shows and must not.
pub async fn leaks(database: &Database, contexts: &Contexts) -> Vec<String> {
    let mut connection = database.admin().await;
    let tables = tables(&mut connection).await;
    let mut leaks = foreign(&mut connection, &tables, contexts).await;
    if let Some((tenant, signature)) = &contexts.right {
        let claimed = Some(tenant.to_string());
        let own = seen(
            &mut connection,
            &tables,
            claimed.as_deref(),
            Some(signature),
        )
        .await;
        let shown = own
            .values()
            .flatten()
            .filter(|rows| !rows.is_empty())
            .count();
        assert!(shown >= 8, "a tenant sees its own rows: {own:?}");
        for (table, rows) in own {
            if rows.into_iter().flatten().any(|(of, _)| of != *tenant) {
                leaks.push(format!("{table} shows another tenant's rows to a tenant"));
            }
        }
    }
    leaks
}
