//! Isolation: with one tenant's key and every id, number, cursor, token and key of another's, nothing of the other is
//! read or written. The requests are generated over everything there is, so that new routes and fields cannot be
//! forgotten; and the checks are shown to fail when a single policy is missing.

mod command;
mod graph;
pub mod introspection;
mod sql;
mod value;
mod world;

use crate::harness;
use sql::Contexts;
use world::World;

#[tokio::test]
async fn nothing_of_another_tenant_is_read_or_written() {
    let world = World::open().await;
    let operations = graph::operations(&world);
    eprintln!("{} queries", operations.len());
    graph::control(&world, &operations).await;
    let leaks = graph::leaks(&world.without(""), &operations).await;
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
    graph::foreign_tokens_are_refused(&world).await;

    let before = world.digests().await;
    let mut attacks = command::requests(&world);
    attacks.extend(graph::mutations(&world));
    eprintln!("{} commands", attacks.len());
    let leaks = command::leaks(&world.without(""), &attacks).await;
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
    world.settle().await;
    let after = world.digests().await;
    assert_eq!(before, after, "something of the other tenant was changed");

    // What was written for oneself under the other's ids shows nothing of the other either.
    let operations = graph::operations(&world);
    let sent: String = attacks.iter().map(|attack| attack.text.as_str()).collect();
    let leaks = graph::leaks(&world.without(&sent), &operations).await;
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
    let answer = world
        .app
        .query(
            &world.b.tenant.key,
            "{ viewer { tenantId } }",
            serde_json::json!({}),
        )
        .await;
    assert_eq!(
        answer["viewer"]["tenantId"],
        world.b.tenant.id.to_string(),
        "the other's key still works"
    );
    world.app.stop().await;
}

#[tokio::test]
async fn the_database_shows_a_tenant_its_own_rows_alone() {
    let world = World::open().await;
    let contexts = Contexts::of(&world).await;
    let leaks = sql::leaks(&world.database, &contexts).await;
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
    let empty = sql::empty_tables(&world).await;
    assert!(
        empty.is_empty(),
        "the check proves nothing about tables without rows of the other tenant: {empty:?}"
    );
    world.app.stop().await;
}

#[tokio::test]
async fn a_dropped_policy_is_noticed() {
    let world = World::open().await;
    let contexts = Contexts::of(&world).await;
    let policies = sql::policies(&world.database).await;
    assert!(policies.len() >= 17, "{policies:?}");
    for policy in &policies {
        sql::open(&world.database, policy).await;
        assert!(
            sql::is_open(&world.database, &policy.table, &contexts).await,
            "nothing was noticed of {policy:?}"
        );
        sql::restore(&world.database, policy).await;
    }
    let leaks = sql::leaks(&world.database, &contexts).await;
    assert!(leaks.is_empty(), "the policies are back: {leaks:?}");

    let orders = policies
        .iter()
        .find(|policy| policy.table.ends_with(".order_summary"))
        .unwrap();
    sql::open(&world.database, orders).await;
    let leaks = graph::leaks(&world.without(""), &graph::operations(&world)).await;
    assert!(
        leaks.iter().any(|leak| leak.starts_with("orders")),
        "nothing was noticed over GraphQL: {leaks:?}"
    );
    world.app.stop().await;
}

/// A database of one's own for a look at the template.
#[tokio::test]
async fn without_any_tenant_there_is_nothing() {
    let database = harness::database().await;
    assert!(!sql::policies(&database).await.is_empty());
    let leaks = sql::leaks(&database, &Contexts::none()).await;
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
}
