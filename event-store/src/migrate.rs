//! Brings a database up to this binary: roles, tables, functions. Owns what `daybook migrate` does; it never
//! touches read models, which belong to the projection engine.

use sqlx::{Connection, PgConnection, migrate::Migrator};

use crate::{
    Error, Options,
    role::Role,
    store::{admin_options, secret_of},
};

static MIGRATIONS: Migrator = sqlx::migrate!("../migrations");
const ROLES: &str = include_str!("../../infra/postgres/roles.sql");
const FUNCTIONS: [&str; 8] = [
    include_str!("../sql/install.sql"),
    include_str!("../sql/load.sql"),
    include_str!("../sql/append.sql"),
    include_str!("../sql/append_numbered.sql"),
    include_str!("../sql/count_paths.sql"),
    include_str!("../sql/find_appends.sql"),
    include_str!("../sql/prune_commands.sql"),
    include_str!("../sql/save_snapshots.sql"),
];
/// Any number that nothing else in the cluster is likely to lock on.
const BOOTSTRAP_LOCK: i64 = 0x0064_6179_626f_6f6b;

/// Creates the roles, sets their passwords, runs the migrations and replaces the functions. Idempotent; several
/// at once wait for each other. `partitions` counts only at the first time.
pub async fn migrate(options: &Options, partitions: u16) -> Result<(), Error> {
    let admin = admin_options(&options.url)?;
    let secret = secret_of(options)?;
    let mut connection = PgConnection::connect_with(&admin)
        .await
        .map_err(Error::Unavailable)?;
    sqlx::query("select pg_advisory_lock($1)")
        .bind(BOOTSTRAP_LOCK)
        .execute(&mut connection)
        .await?;
    sqlx::raw_sql(ROLES).execute(&mut connection).await?;
    for role in Role::ALL {
        // The password is hexadecimal and the role's name ours: nothing to escape.
        let statement = format!(
            "alter role {} password '{}'",
            role.name(),
            secret.password(role.name())
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
            .execute(&mut connection)
            .await?;
    }
    let name: String = sqlx::query_scalar("select quote_ident(current_database())")
        .fetch_one(&mut connection)
        .await?;
    let grants = format!(
        "grant connect, create on database {name} to daybook_migrator, daybook_partition, daybook_owner; \
         grant usage, create on schema public to daybook_migrator"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(grants))
        .execute(&mut connection)
        .await?;

    let mut migrator = PgConnection::connect_with(&Role::Migrator.options(&admin, &secret))
        .await
        .map_err(Error::Unavailable)?;
    MIGRATIONS.run(&mut migrator).await?;
    let mut transaction = migrator.begin().await?;
    for function in FUNCTIONS {
        sqlx::raw_sql(function).execute(&mut *transaction).await?;
    }
    sqlx::query("select log.install($1, $2)")
        .bind(i16::try_from(partitions).unwrap_or(i16::MAX))
        .bind(secret.context_key().as_slice())
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    migrator.close().await?;
    connection.close().await?;
    Ok(())
}
