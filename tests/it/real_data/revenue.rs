//! What the policy of the revenue has made of the real orders: month by month, for every seller, what the read model of the orders
//! says.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use event_schemas::TenantId;
use futures::{StreamExt, stream};
use projections::policy::status;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::Served;

/// Waits until every order is answered, and everything that follows from that: the months' goals are closed.
async fn settle(app: &Served) {
    let engine = daybook::app::engine(&app.store).await.unwrap();
    let mut heads = app.store.heads().subscribe();
    loop {
        heads.mark_unchanged();
        engine.catch_up().await.unwrap();
        let backlogs = status::backlogs(&app.store, None).await.unwrap();
        let is_done = |one: &status::Backlog| one.waiting == 0 && one.timers == 0;
        if backlogs.iter().all(is_done) && !heads.has_changed().unwrap() {
            return;
        }
        // What is in the log is taken off the list a moment later.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until every order is answered, and holds both against each other.
pub async fn is_what_orders_bring(app: &Arc<Served>, keys: &[(TenantId, String)]) {
    let began = Instant::now();
    settle(app).await;
    eprintln!(
        "what the orders brought was observed, and its goals were closed, {:.1} s after the server was there",
        began.elapsed().as_secs_f64()
    );
    assert!(
        status::refused(&app.store, None, None, 10)
            .await
            .unwrap()
            .is_empty()
    );
    let observed: usize = stream::iter(keys.to_vec())
        .map(|(tenant, key)| {
            let app = Arc::clone(app);
            async move { compare(&app, tenant, &key).await }
        })
        .buffer_unordered(4)
        .fold(0, async |all, one| all + one)
        .await;
    // The pairs of order and seller in the files' items, and the orders of the marketplace.
    assert_eq!(observed, 34_398 + 775);
}

/// How many orders of the tenant were observed.
async fn compare(app: &Served, tenant: TenantId, key: &str) -> usize {
    let query = "query($id: ID!) {
        ordersStats(bucket: { size: MONTH }) { start orders revenue { amount } }
        metricStats(id: $id, bucket: { size: MONTH }) { start sum observations } }";
    let metric = Uuid::new_v5(&tenant.0, b"revenue");
    let data = app.query(key, query, json!({ "id": metric })).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let rows = |field: &str| data[field].as_array().unwrap().clone();
    let by_orders: Vec<_> = rows("ordersStats")
        .iter()
        .map(|row| {
            let cents: i64 = text(&row["revenue"]["amount"]).parse().unwrap();
            (
                text(&row["start"])[..7].to_owned(),
                text(&row["orders"]),
                cents,
            )
        })
        .collect();
    let by_metric: Vec<_> = rows("metricStats")
        .iter()
        .map(|row| {
            let (whole, part) = match text(&row["sum"]).split_once('.') {
                Some((whole, part)) => (whole.to_owned(), format!("{part:0<2}")),
                None => (text(&row["sum"]), "00".to_owned()),
            };
            let cents: i64 = format!("{whole}{part}").parse().unwrap();
            (
                text(&row["start"])[..7].to_owned(),
                text(&row["observations"]),
                cents,
            )
        })
        .collect();
    assert_eq!(by_orders, by_metric, "{tenant}");
    by_metric
        .iter()
        .map(|(_, observations, _)| observations.parse::<usize>().unwrap())
        .sum()
}
