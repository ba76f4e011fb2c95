//! A writer's own connection, and how to be sure that a lost one does no more.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(5);
/// How long the database may stay away before an outcome is given up as unknown.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(50);

/// The session that a connection has in the database.
#[derive(Clone, Copy, Debug)]
pub(super) struct Session {
    process: i32,
    /// Process numbers come again; together with this they do not.
    since: DateTime<Utc>,
}

/// A connection and its session.
pub(super) struct Link {
    pub(super) connection: PgConnection,
    pub(super) session: Session,
}

impl Link {
    pub(super) async fn open(options: &PgConnectOptions) -> Result<Self, sqlx::Error> {
        let opened = tokio::time::timeout(CONNECT, async {
            let mut connection = PgConnection::connect_with(options).await?;
            let session = sqlx::query!(
                r#"select pid as "pid!", backend_start as "since!" from pg_stat_activity where pid = pg_backend_pid()"#
            )
            .fetch_one(&mut connection)
            .await?;
            Ok(Self {
                connection,
                session: Session {
                    process: session.pid,
                    since: session.since,
                },
            })
        });
        opened.await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
    }

    /// A new connection once the lost session has ended: nothing that was sent in it happens any more. Waits for a database
    /// that restarts.
    pub(super) async fn after(
        options: &PgConnectOptions,
        lost: Session,
    ) -> Result<Self, sqlx::Error> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let attempt = async {
                let mut link = Self::open(options).await?;
                // Asks it to end and waits; no row means that it has.
                let ended = sqlx::query_scalar!(
                    r#"select pg_terminate_backend(pid, 2000) as "ended!" from pg_stat_activity where pid = $1 and backend_start = $2"#,
                    lost.process,
                    lost.since
                )
                .fetch_optional(&mut link.connection)
                .await?;
                Ok(ended.unwrap_or(true).then_some(link))
            };
            match attempt.await {
                Ok(Some(link)) => return Ok(link),
                Err(error) if Instant::now() >= deadline => return Err(error),
                Ok(None) if Instant::now() >= deadline => return Err(sqlx::Error::PoolTimedOut),
                Ok(None) | Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }
}
