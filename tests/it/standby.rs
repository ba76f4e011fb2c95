//! A failover: the primary is killed under load, its synchronous standby is promoted, and the address leads to it. What was
//! acknowledged is there, the numbers go on where they were, and commands resume by themselves.

use std::sync::Arc;

use event_store::{Expected, Outcome, Store};

use crate::{
    append::{append, registered},
    forward::Forwarder,
    harness,
    postgres::{End, Postgres, holds, until},
    writers::{
        check::{Log, Outages},
        load::{self, Target, Writers},
        server::Server,
    },
};

const WRITERS: u64 = 24;
const SEED: u64 = 0x0dab_0003;
const SOME: usize = 120;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_promoted_standby_has_everything_that_was_acknowledged() {
    let mut primary = Postgres::start().await;
    let standby = primary.standby().await;
    let forwarder = Forwarder::start(primary.port()).await;
    let url = forwarder.through(primary.url());
    let store = Store::connect(&harness::options_for(&url)).await.unwrap();
    let (_, keys) = load::tenants(&store, 4).await;
    store.close().await;
    let mut servers = [Server::start(&url).await, Server::start(&url).await];
    let target = Arc::new(Target::new(
        servers.each_ref().map(|server| server.url.clone()),
        keys,
    ));
    let writers = Writers::start(&target, WRITERS, SEED);
    let each_accepts = async |more: usize| {
        let goals = [0, 1].map(|server| target.accepted(server) + more);
        until("commands accepted by both servers", async || {
            (0..2).all(|server| target.accepted(server) >= goals[server])
        })
        .await;
    };
    each_accepts(SOME).await;

    primary.end(End::Killed).await;
    standby.promote().await;
    forwarder.lead_to(Some(standby.port()));
    each_accepts(SOME).await;

    let ledger = writers.end().await;
    for server in &mut servers {
        server.kill().await;
    }
    let open = target.open();
    assert!(open.keys().all(|status| *status == 503), "{open:?}");
    let log = Log::read(&mut standby.admin().await).await;
    let wrong = [ledger.wrong(&log, Outages::Expected), log.wrong()].concat();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether a commit of now waits for a standby.
async fn commits_wait(postgres: &Postgres, admin: &mut sqlx::PgConnection) -> bool {
    let mut other = postgres.admin().await;
    let pid: i32 = sqlx::query_scalar("select pg_backend_pid()")
        .fetch_one(&mut other)
        .await
        .unwrap();
    let commit = tokio::spawn(async move {
        // Ends with an error where its session is ended.
        drop(
            sqlx::query("select pg_logical_emit_message(true, 'a', 'b')")
                .execute(&mut other)
                .await,
        );
    });
    loop {
        let waits: bool = sqlx::query_scalar(
            "select exists (select from pg_stat_activity where wait_event = 'SyncRep' and pid = $1)",
        )
        .bind(pid)
        .fetch_one(&mut *admin)
        .await
        .unwrap();
        if waits {
            sqlx::query("select pg_terminate_backend($1, 5000)")
                .bind(pid)
                .execute(admin)
                .await
                .unwrap();
            commit.await.unwrap();
            return true;
        }
        if commit.is_finished() {
            return false;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_the_standby_does_not_have_yet_is_not_found_either() {
    let postgres = Postgres::start().await;
    let store = Store::connect(&harness::options_for(postgres.url()))
        .await
        .unwrap();
    let tenant = registered(&store).await;
    let mut admin = postgres.admin().await;
    let standby = async |admin: &mut sqlx::PgConnection, sql: &'static str| {
        sqlx::query(sql).execute(&mut *admin).await.unwrap();
        sqlx::query("select pg_reload_conf()")
            .execute(admin)
            .await
            .unwrap();
    };
    standby(
        &mut admin,
        "alter system set synchronous_standby_names = 'away'",
    )
    .await;
    until("the new setting", async || {
        let set =
            "select setting = 'away' from pg_settings where name = 'synchronous_standby_names'";
        holds(&mut admin, set).await
    })
    .await;
    // What commits wait for, another process of PostgreSQL learns in its own time.
    until("commits that wait for a standby", async || {
        commits_wait(&postgres, &mut admin).await
    })
    .await;
    let appending = store.clone();
    let command = append(tenant, "order-a", Expected::NoStream, 1);
    let answer = tokio::spawn(async move { appending.append(&[command]).await });
    // It is committed here and waits for the standby; whoever ends its session ends the wait too.
    let waits = "select exists (select from pg_stat_activity where wait_event = 'SyncRep' and usename = 'daybook_append')";
    until("a commit that waits", async || {
        holds(&mut admin, waits).await
    })
    .await;
    let lost: i32 = sqlx::query_scalar(
        "select pid from pg_stat_activity where wait_event = 'SyncRep' and usename = 'daybook_append'",
    )
    .fetch_one(&mut admin)
    .await
    .unwrap();
    let ended = sqlx::query_scalar::<_, bool>("select pg_terminate_backend($1, 5000)")
        .bind(lost)
        .fetch_one(&mut admin);
    assert!(ended.await.unwrap());
    until("the look-up that waits as well", async || {
        assert!(!answer.is_finished(), "told without the standby");
        holds(&mut admin, waits).await
    })
    .await;
    standby(&mut admin, "alter system reset synchronous_standby_names").await;
    let results = answer.await.unwrap().unwrap();
    assert!(
        matches!(&results[0], Ok(Outcome::Appended(n)) if n.first_position == 2),
        "{results:?}"
    );
    store.close().await;
}
