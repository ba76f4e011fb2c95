//! The projections of the real data made anew while the server answers and takes orders: no query fails or goes back in time,
//! progress is told, and the rows are those that the log makes.

use std::{sync::Arc, time::Instant};

use daybook::app;
use event_schemas::TenantId;
use projections::Compared;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::harness::{Database, Served, an_order};

/// Of each sort one: several tables and earlier versions, a policy, and a small one.
const FEW: [&str; 3] = ["order", "revenue", "lead"];

/// How many tenants are asked again and again.
const ASKED: usize = 20;

/// Asks until it is over; how often.
async fn ask(app: Arc<Served>, keys: Vec<String>, over: CancellationToken) -> u64 {
    let mut seen = vec![0; keys.len()];
    let mut asked = 0;
    while !over.is_cancelled() {
        for (key, seen) in keys.iter().zip(&mut seen) {
            let query = "{ orders { totalCount } projections { name rebuild { applied events } } }";
            let data = app.query(key, query, json!({})).await;
            let now = data["orders"]["totalCount"].as_i64().unwrap();
            assert!(now >= *seen, "it went back from {seen} to {now}");
            *seen = now;
            asked += 1;
        }
    }
    asked
}

/// Places orders until it is over, and reads each back; how many.
async fn place(app: Arc<Served>, key: String, over: CancellationToken) -> u64 {
    let mutation = "mutation($id: UUID!, $input: PlaceOrderInput!) {
        placeOrder(id: $id, input: $input) { ... on Accepted { query { order(id: $id) { status } } } } }";
    let mut placed = 0;
    while !over.is_cancelled() {
        let variables = json!({ "id": Uuid::now_v7(), "input": an_order() });
        let data: Value = app.query(&key, mutation, variables).await;
        assert_eq!(data["placeOrder"]["query"]["order"]["status"], "CREATED");
        placed += 1;
    }
    placed
}

pub async fn while_it_serves(database: &Database, app: &Arc<Served>, keys: &[(TenantId, String)]) {
    let over = CancellationToken::new();
    let asked: Vec<String> = keys
        .iter()
        .take(ASKED)
        .map(|(_, key)| key.clone())
        .collect();
    let placing = keys.last().unwrap().1.clone();
    let asking = tokio::spawn(ask(Arc::clone(app), asked, over.clone()));
    let placing = tokio::spawn(place(Arc::clone(app), placing, over.clone()));

    // Another process, as an operator would start it.
    let store = database.store().await;
    let engine = app::engine(&store).await.unwrap();
    let all = projections::all();
    let mut names: Vec<&str> = all.iter().map(|projection| projection.name()).collect();
    if !super::whole() {
        names.retain(|name| FEW.contains(name));
        assert_eq!(names.len(), FEW.len());
    }
    for name in &names {
        let began = Instant::now();
        let build = engine.rebuild(name).await.unwrap();
        let builds = projections::builds(&store).await.unwrap();
        let serving = builds.iter().find(|one| one.projection == *name).unwrap();
        assert!(serving.serves && serving.build == build, "{builds:?}");
        eprintln!(
            "{name}: {} events made anew in {:.1} s",
            serving.applied,
            began.elapsed().as_secs_f64()
        );
    }
    over.cancel();
    let (asked, placed) = (asking.await.unwrap(), placing.await.unwrap());
    eprintln!("{asked} queries and {placed} orders meanwhile");
    assert!(asked > 0 && placed > 0);
    for name in &names {
        let compared = engine.verify(name).await.unwrap();
        assert!(compared.iter().all(Compared::is_equal), "{compared:#?}");
    }
    store.close().await;
}
