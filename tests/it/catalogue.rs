//! What the database's own catalogue says of isolation: the pitfalls of row-level security, each as one query that must
//! find nothing, and the list of who may do what, to be reviewed when it changes. Never looks at a row of data.

use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use crate::harness;

/// The schemas of ours. Those of read models end in their revision.
const OURS: &str =
    "n.nspname in ('log', 'projection', 'identity', 'keys') or n.nspname like 'p\\_%'";
/// A table with tenants' rows.
const OF_TENANTS: &str = "c.relkind in ('r', 'p') and exists (select from pg_attribute a where a.attrelid = c.oid \
    and a.attname = 'tenant_id' and not a.attisdropped)";
/// The name of a table without the revision of its read model.
const NAME: &str =
    "regexp_replace(n.nspname, '^(p_.*)_[0-9a-f]{8}_[0-9]+$', '\\1') || '.' || c.relname";

/// Keys of tenants' tables that may do without the tenant: the log's own number, of which a partition's readers speak,
/// and the references to the partition and to a projection's checkpoint in it, which are no tenant's.
const EXEMPT: [&str; 3] = [
    "event_pkey",
    "tenant_partition_fkey",
    "parked_checkpoint_fkey",
];

/// One column of text, sorted.
async fn lines(admin: &mut PgConnection, query: &str) -> Vec<String> {
    let found = sqlx::query_scalar::<_, String>(AssertSqlSafe(query.to_owned()))
        .fetch_all(admin)
        .await;
    let mut found = found.unwrap_or_else(|error| panic!("{error}\n{query}"));
    found.sort();
    found
}

async fn none(admin: &mut PgConnection, what: &str, query: &str) {
    let found = lines(admin, query).await;
    assert!(found.is_empty(), "{what}:\n{}", found.join("\n"));
}

async fn admin() -> PgConnection {
    harness::database().await.admin().await
}

#[tokio::test]
async fn every_table_of_tenants_forces_row_level_security() {
    let mut admin = admin().await;
    let of_tenants =
        format!("from pg_class c join pg_namespace n on n.oid = c.relnamespace where {OF_TENANTS}");
    let all = lines(&mut admin, &format!("select {NAME} {of_tenants}")).await;
    assert!(
        all.len() >= 13 && all.contains(&"p_order.order_summary".to_owned()),
        "the query finds them: {all:?}"
    );
    let unforced =
        format!("select {NAME} {of_tenants} and not (c.relrowsecurity and c.relforcerowsecurity)");
    none(
        &mut admin,
        "row-level security is not enabled and forced",
        &unforced,
    )
    .await;
    let bare = format!(
        "select {NAME} {of_tenants} and not exists (select from pg_policy p where p.polrelid = c.oid)"
    );
    none(&mut admin, "a table of tenants has no policy at all", &bare).await;
    // The check itself sees what is wrong.
    sqlx::raw_sql("alter table log.snapshot no force row level security")
        .execute(&mut admin)
        .await
        .unwrap();
    assert_eq!(lines(&mut admin, &unforced).await, ["log.snapshot"]);
}

#[tokio::test]
async fn policies_name_their_roles() {
    let mut admin = admin().await;
    none(
        &mut admin,
        "a policy holds for everybody",
        &format!(
            "select {NAME} || ' ' || p.polname from pg_policy p join pg_class c on c.oid = p.polrelid \
             join pg_namespace n on n.oid = c.relnamespace where p.polroles = '{{0}}' or 0 = any (p.polroles)"
        ),
    )
    .await;
    let policies = lines(
        &mut admin,
        &format!(
            "select {NAME} || ' → ' || p.polname || ' → ' || string_agg(r.rolname, ', ' order by r.rolname) || ' (' || \
               case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' \
                 else 'all' end || case when p.polpermissive then '' else ', restrictive' end || \
               coalesce(', using ' || pg_get_expr(p.polqual, p.polrelid), '') || \
               coalesce(', check ' || pg_get_expr(p.polwithcheck, p.polrelid), '') || ')' \
             from pg_policy p join pg_class c on c.oid = p.polrelid join pg_namespace n on n.oid = c.relnamespace \
             join pg_roles r on r.oid = any (p.polroles) \
             group by n.nspname, c.relname, p.polname, p.polcmd, p.polpermissive, p.polqual, p.polwithcheck, p.polrelid"
        ),
    )
    .await;
    insta::assert_snapshot!("policies", policies.join("\n"));
}

#[tokio::test]
async fn keys_of_tenants_tables_have_the_tenant_in_them() {
    let mut admin = admin().await;
    let exempt = EXEMPT.map(|name| format!("'{name}'")).join(", ");
    let keys = format!(
        "select {NAME} || ' ' || i.relname from pg_index x join pg_class c on c.oid = x.indrelid \
         join pg_class i on i.oid = x.indexrelid join pg_namespace n on n.oid = c.relnamespace \
         where (x.indisunique or x.indisexclusion) and {OF_TENANTS} and i.relname not in ({exempt}) \
           and not exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' \
             and a.attnum = any ((x.indkey::smallint[])[0:x.indnkeyatts - 1]))"
    );
    none(
        &mut admin,
        "a unique key tells one tenant of another's values",
        &keys,
    )
    .await;
    let references = format!(
        "select {NAME} || ' ' || k.conname from pg_constraint k join pg_class c on c.oid = k.conrelid \
         join pg_namespace n on n.oid = c.relnamespace \
         where k.contype = 'f' and {OF_TENANTS} and k.conname not in ({exempt}) \
           and not exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' \
             and a.attnum = any (k.conkey))"
    );
    none(
        &mut admin,
        "a foreign key crosses from tenant to tenant",
        &references,
    )
    .await;
    // The checks themselves see what is wrong.
    let wrong = "create unique index wrong on log.snapshot (stream_id); \
                 alter table log.snapshot add constraint wrong_fkey foreign key (stream_id) references log.snapshot (stream_id)";
    sqlx::raw_sql(wrong).execute(&mut admin).await.unwrap();
    assert_eq!(lines(&mut admin, &keys).await, ["log.snapshot wrong"]);
    assert_eq!(
        lines(&mut admin, &references).await,
        ["log.snapshot wrong_fkey"]
    );
}

#[tokio::test]
async fn no_view_looks_past_row_level_security() {
    let mut admin = admin().await;
    let views = format!(
        "select {NAME} from pg_class c join pg_namespace n on n.oid = c.relnamespace \
         where n.nspname not in ('pg_catalog', 'information_schema') and (c.relkind = 'm' or c.relkind = 'v' \
           and not coalesce(c.reloptions, '{{}}') && '{{security_invoker=true,security_invoker=on,security_invoker=1}}')"
    );
    none(
        &mut admin,
        "a view without security_invoker, or a materialised one",
        &views,
    )
    .await;
    let wrong = "create view log.peek as select * from log.event; \
                 create view log.fine with (security_invoker = true) as select * from log.event; \
                 create materialized view log.kept as select * from log.event";
    sqlx::raw_sql(wrong).execute(&mut admin).await.unwrap();
    assert_eq!(lines(&mut admin, &views).await, ["log.kept", "log.peek"]);
    // A function with its owner's rights must belong to one of ours who has none beyond its purpose, and find its names
    // in no schema of its caller's. Those of read models belong to who makes these: they are one statement that was bound to
    // its tables when they were made, and change nothing.
    none(
        &mut admin,
        "a function with its owner's rights",
        "select p.oid::regprocedure::text from pg_proc p join pg_roles r on r.oid = p.proowner \
         where p.prosecdef and p.pronamespace <> 'pg_catalog'::regnamespace \
           and (r.rolname not in ('daybook_owner', 'daybook_appender') or r.rolcanlogin \
             or not coalesce(p.proconfig, '{}') @> '{search_path=pg_catalog}') \
           and not (r.rolname = 'daybook_partition' and p.pronamespace::regnamespace::text like 'p\\_%' \
             and p.prosqlbody is not null and p.provolatile = 's' \
             and coalesce(p.proconfig, '{}') @> '{search_path=pg_catalog}')",
    )
    .await;
}

#[tokio::test]
async fn no_role_of_ours_can_step_around_it() {
    let mut admin = admin().await;
    // The cluster's own administrator has the first id, whatever it is called.
    let paths = "with recursive reach(origin, role) as ( \
           select r.oid, r.oid from pg_roles r where r.rolname like 'daybook\\_%' and r.oid <> 10 \
           union select reach.origin, m.roleid from reach join pg_auth_members m on m.member = reach.role) \
         select o.rolname || ' → ' || r.rolname from reach join pg_roles o on o.oid = reach.origin \
         join pg_roles r on r.oid = reach.role \
         where r.rolsuper or r.rolbypassrls or r.rolcreaterole or r.rolcreatedb or r.rolreplication or r.rolname like 'pg\\_%'";
    none(
        &mut admin,
        "a role with, or a path to, rights that pass row-level security",
        paths,
    )
    .await;
    let members = "select m.rolname || ' in ' || g.rolname from pg_auth_members a join pg_roles m on m.oid = a.member \
                   join pg_roles g on g.oid = a.roleid where m.rolname like 'daybook\\_%' or g.rolname like 'daybook\\_%'";
    assert_eq!(
        lines(&mut admin, members).await,
        [
            "daybook_migrator in daybook_appender",
            "daybook_migrator in daybook_owner"
        ],
        "only deployments act as the owners"
    );
    none(
        &mut admin,
        "a login role may hold a transaction open for ever",
        "select r.rolname from pg_roles r where r.rolcanlogin and r.rolname like 'daybook\\_%' and r.oid <> 10 and not exists ( \
           select from unnest(r.rolconfig) c where c ~ '^idle_in_transaction_session_timeout=[1-9]')",
    )
    .await;
}

#[tokio::test]
async fn nothing_of_ours_is_everybodys() {
    let mut admin = admin().await;
    let public = format!(
        "select {NAME} || ' ' || g.privilege_type from pg_class c join pg_namespace n on n.oid = c.relnamespace \
           cross join lateral aclexplode(c.relacl) g where g.grantee = 0 and ({OURS}) \
         union all select {NAME} || '.' || a.attname || ' ' || g.privilege_type from pg_attribute a \
           join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace \
           cross join lateral aclexplode(a.attacl) g where g.grantee = 0 and ({OURS}) \
         union all select n.nspname || ' ' || g.privilege_type from pg_namespace n \
           cross join lateral aclexplode(n.nspacl) g where g.grantee = 0 and ({OURS}) \
         union all select p.oid::regprocedure::text || ' ' || g.privilege_type from pg_proc p \
           join pg_namespace n on n.oid = p.pronamespace \
           cross join lateral aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) g where g.grantee = 0 and ({OURS})"
    );
    none(&mut admin, "granted to everybody", &public).await;
}

/// Every right of a role on what is ours, its own and those of everybody.
fn rights(role: &str) -> String {
    format!(
        "select {NAME} || coalesce(' (' || string_agg(distinct g.columns, ', ') || ')', '') || ': ' || g.privilege \
         from pg_class c join pg_namespace n on n.oid = c.relnamespace cross join lateral ( \
           select lower(e.privilege_type) as privilege, null as columns from aclexplode(c.relacl) e \
             where e.grantee in (0, '{role}'::regrole) \
           union all select lower(e.privilege_type), a.attname from pg_attribute a cross join lateral aclexplode(a.attacl) e \
             where a.attrelid = c.oid and e.grantee in (0, '{role}'::regrole)) g \
         where {OURS} group by n.nspname, c.relname, g.privilege \
         union all select regexp_replace(p.oid::regprocedure::text, '^(p_.*)_[0-9a-f]{{8}}_[0-9]+\\.', '\\1.') || ': execute' from pg_proc p join pg_namespace n on n.oid = p.pronamespace \
         where ({OURS}) and has_function_privilege('{role}', p.oid, 'execute')"
    )
}

#[tokio::test]
async fn each_role_has_its_rights_and_no_others() {
    let mut admin = admin().await;
    for role in [
        "daybook_append",
        "daybook_tenant",
        "daybook_identity",
        "daybook_operator",
        "daybook_partition",
    ] {
        let found = lines(&mut admin, &rights(role)).await;
        insta::assert_snapshot!(format!("rights_of_{role}"), found.join("\n"));
    }
}

#[tokio::test]
async fn sql_and_rust_agree_on_a_tenants_partition() {
    let mut admin = admin().await;
    let ids: Vec<Uuid> = (0..1000_u32)
        .map(|n| Uuid::new_v5(&Uuid::NAMESPACE_OID, &n.to_be_bytes()))
        .collect();
    for partitions in [16_u16, 1, 7, 1024] {
        let found: Vec<i16> = sqlx::query_scalar(
            "select log.partition_of(id, $2) from unnest($1::uuid[]) with ordinality u(id, n) order by n",
        )
        .bind(&ids)
        .bind(i16::try_from(partitions).unwrap())
        .fetch_all(&mut admin)
        .await
        .unwrap();
        for (id, found) in ids.iter().zip(found) {
            let ours = event_schemas::TenantId(*id).partition(partitions);
            assert_eq!(i32::from(found), i32::from(ours), "{id} among {partitions}");
        }
    }
}
