//! A lock that the test holds, so that a process stands where it is to be killed; and a look at who stands there. Waits for what
//! it sees, never for a time to pass.

use std::{
    fs,
    time::{Duration, Instant},
};

use sqlx::PgConnection;
use tokio::time::sleep;

use crate::postgres::Postgres;

/// By when somebody must have come to the point.
const DEADLINE: Duration = Duration::from_mins(2);
/// How long to hold a lock that nobody runs into, before the others go on for a moment.
const PATIENCE: Duration = Duration::from_secs(3);
const LOOK: Duration = Duration::from_millis(2);

/// What the server's sessions do, how far the builds are, and what policies wait for.
const SEEN: &str = "
    select concat_ws(' ', 'session', application_name, state, wait_event_type, wait_event, now() - query_start, left(query, 120))
    from pg_stat_activity where datname = current_database()
    union all
    select concat_ws(' ', 'build', c.projection, c.build, sum(c.next_offset), 'parked', sum(c.parked), 'halted', count(c.halted_at),
                     max(c.updated_at), case when bool_or(c.replaced) then 'replaced' end,
                     case when c.build in (select build from projection.live l where l.projection = c.projection) then 'serves' end)
    from projection.checkpoint c group by c.projection, c.build
    union all
    select concat_ws(' ', 'outbox', policy, count(*), 'refused', count(refused_at)) from policy.outbox group by policy
    union all
    select concat_ws(' ', 'held', tenant_id, attempts, until, error) from policy.held
    union all
    select concat_ws(' ', 'now', clock_timestamp(), 'events', sum(next_offset)) from log.partition";

/// A backend that waits for a lock.
pub struct Point {
    /// The table whose lock it waits for.
    pub table: String,
    /// What its statement is like.
    pub statement: &'static str,
}

/// A transaction of the test's own.
pub struct Hold {
    connection: PgConnection,
    /// Looks: what a transaction sees of other sessions' activity is as it was when it looked first.
    eyes: PgConnection,
    /// The server's port.
    port: u16,
    deadline: Instant,
}

impl Hold {
    pub async fn begin(postgres: &Postgres) -> Self {
        let mut hold = Self {
            connection: postgres.admin().await,
            eyes: postgres.admin().await,
            port: postgres.port(),
            deadline: Instant::now() + DEADLINE,
        };
        hold.run("begin").await;
        hold
    }

    /// Fails once it has gone on for too long, and says what everybody was at.
    pub async fn go_on(&mut self) {
        if Instant::now() < self.deadline {
            return;
        }
        let seen: Vec<String> = sqlx::query_scalar(SEEN)
            .fetch_all(&mut self.eyes)
            .await
            .unwrap();
        panic!(
            "nobody came to the point within {DEADLINE:?}:\n{}",
            seen.join("\n")
        );
    }

    /// Takes a lock for as long as the whole hold lasts.
    pub async fn run(&mut self, statement: &str) {
        self.go_on().await;
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_owned()))
            .execute(&mut self.connection)
            .await
            .unwrap();
    }

    /// Takes a lock that [`let_go`](Self::let_go) gives back.
    pub async fn lock(&mut self, table: &str, mode: &str) {
        self.run(&format!(
            "savepoint held; lock table {table} in {mode} mode"
        ))
        .await;
    }

    /// Lets everybody pass for a moment.
    pub async fn let_go(&mut self) {
        self.run("rollback to held").await;
        sleep(LOOK).await;
    }

    /// The end of it. The locks may have gone already, with PostgreSQL.
    pub async fn release(mut self) {
        let _gone_already = sqlx::raw_sql("rollback")
            .execute(&mut self.connection)
            .await;
    }

    /// Ends the appends that wait, so that nothing comes of them.
    pub async fn lose(&mut self) {
        let ended = "select pg_terminate_backend(a.pid, 10000)
                     from pg_stat_activity a join pg_locks l on l.pid = a.pid
                     where not l.granted and l.relation = 'log.event'::regclass";
        sqlx::raw_sql(ended).execute(&mut self.eyes).await.unwrap();
    }

    pub async fn ask<T>(&mut self, question: &'static str, about: &str) -> T
    where
        T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres> + Send + Unpin,
    {
        sqlx::query_scalar(question)
            .bind(about)
            .fetch_one(&mut self.eyes)
            .await
            .unwrap()
    }

    /// The one of these processes of which a backend stands at the point. None if none comes there soon.
    pub async fn stands(&mut self, point: &Point, processes: &[u32]) -> Option<u32> {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            let ports: Vec<i32> = sqlx::query_scalar(
                "select a.client_port from pg_stat_activity a join pg_locks l on l.pid = a.pid
                 where not l.granted and l.relation = $1::regclass and a.query like $2",
            )
            .bind(&point.table)
            .bind(point.statement)
            .fetch_all(&mut self.eyes)
            .await
            .unwrap();
            let stands = processes
                .iter()
                .find(|process| ports.iter().any(|port| owns(**process, *port, self.port)));
            if let Some(process) = stands {
                return Some(*process);
            }
            sleep(LOOK).await;
        }
        None
    }

    /// Whether something that others bring about comes about soon.
    pub async fn soon(&mut self, question: &'static str, about: &str) -> bool {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if self.ask(question, about).await {
                return true;
            }
            sleep(LOOK).await;
        }
        false
    }
}

/// Whether a process has the connection from `local` to `remote` on this machine.
fn owns(process: u32, local: i32, remote: u16) -> bool {
    let (from, to) = (format!(":{local:04X}"), format!(":{remote:04X}"));
    let connections = fs::read_to_string("/proc/net/tcp").unwrap();
    let sockets: Vec<String> = connections
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|fields| fields.len() > 9 && fields[1].ends_with(&from) && fields[2].ends_with(&to))
        .map(|fields| format!("socket:[{}]", fields[9]))
        .collect();
    let Ok(files) = fs::read_dir(format!("/proc/{process}/fd")) else {
        return false;
    };
    files.flatten().any(|file| {
        let target = fs::read_link(file.path()).unwrap_or_default();
        sockets
            .iter()
            .any(|socket| target.as_os_str() == socket.as_str())
    })
}
