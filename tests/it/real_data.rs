//! The import of 34,747 real orders, asked back over GraphQL, against figures that were computed independently. Built with the
//! feature `real-data` only; `DAYBOOK_TEST_DATA` names the folder of the data. `make test-data` sees to both.

mod as_of;
mod figures;
mod monthly;
mod rebuild;
mod revenue;

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::Arc,
};

use commands::{Bus, Way};
use event_schemas::TenantId;
use event_store::SystemClock;
use futures::{StreamExt, stream};
use serde_json::{Value, json};

use crate::{harness, import};

/// Whether everything is compared, made anew and stopped at. What is left out otherwise is more of the same.
fn whole() -> bool {
    std::env::var("DAYBOOK_TEST_WHOLE").is_ok_and(|whole| !whole.is_empty())
}

const QUIRKS: [(&str, u64); 12] = [
    ("leadsWithoutOrigin", 60),
    ("dealBeforeContact", 1),
    ("carrierBeforeApproval", 424),
    ("carrierBeforePurchase", 54),
    ("deliveredWithoutDate", 8),
    ("canceledYetDelivered", 6),
    ("orderWithoutPayment", 1),
    ("zeroPayments", 7),
    ("reviewIdsOnSeveralOrders", 86),
    ("byteOrderMark", 1),
    ("ordersWithSeveralSellers", 409),
    ("ordersWithoutItems", 775),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_imported_figures_equal_the_independent_ones() {
    let folder =
        std::env::var("DAYBOOK_TEST_DATA").expect("DAYBOOK_TEST_DATA names the folder of the data");
    let folder = PathBuf::from(folder).join("olist");
    let truths: Value =
        serde_json::from_slice(&std::fs::read(folder.join("truths.json")).unwrap()).unwrap();
    let database = harness::database().await;
    let report = import::run_with(&database, &folder, &["--revenue"]);
    eprintln!(
        "{} events/s, {:#}",
        report["eventsPerSecond"], report["peakMemoryBytes"]
    );
    assert_eq!(report["written"]["refused"], json!({}));
    for (file, counts) in report["source"]["files"].as_object().unwrap() {
        let reported: u64 = counts["reported"]
            .as_object()
            .unwrap()
            .values()
            .map(|n| n.as_u64().unwrap())
            .sum();
        assert_eq!(
            counts["mapped"].as_u64().unwrap() + reported,
            counts["rows"].as_u64().unwrap(),
            "{file}"
        );
    }
    for (quirk, count) in QUIRKS {
        assert_eq!(
            report["source"]["quirks"][quirk], count,
            "{quirk}: {:#}",
            report["source"]["quirks"]
        );
    }

    let app = database.serve().await;
    let keys = keys(&app).await;
    assert_eq!(keys.len(), 2517, "2,516 sellers and the marketplace");
    let app = Arc::new(app);
    // First, for it waits until the policies have answered everything: they keep the database busy.
    revenue::is_what_orders_bring(&app, &keys).await;
    figures::compare(&app, &keys, &folder, &truths).await;
    monthly::goals_follow(&app, &keys).await;
    let found: Vec<Found> = stream::iter(keys.clone())
        .map(|(tenant, key)| {
            let app = app.clone();
            async move { ask(&app, tenant, &key).await }
        })
        .buffer_unordered(4)
        .collect()
        .await;
    compare(&found, &truths);
    rebuild::while_it_serves(&database, &app, &keys).await;
    Arc::into_inner(app).unwrap().stop().await;
}

/// A key for every tenant, issued as one batch.
async fn keys(app: &harness::Served) -> Vec<(TenantId, String)> {
    let tenants = app
        .store
        .operator_tx()
        .await
        .unwrap()
        .tenants()
        .await
        .unwrap();
    let bus = Bus::new(app.store.clone(), Arc::new(SystemClock), None, Way::Direct);
    let mut keys = Vec::new();
    for batch in tenants.chunks(500) {
        let data = json!({ "name": "test", "scopes": ["*"] });
        let requests: Vec<_> = batch
            .iter()
            .map(|t| {
                daybook::verb::tenant::request(t.tenant, "organization.issueApiKey", &data).unwrap()
            })
            .collect();
        for (tenant, answer) in batch.iter().zip(bus.execute_all(&requests).await) {
            keys.push((
                tenant.tenant,
                answer.unwrap().extra["apiKey"].as_str().unwrap().to_owned(),
            ));
        }
    }
    daybook::app::engine(&app.store)
        .await
        .unwrap()
        .catch_up()
        .await
        .unwrap();
    keys
}

#[derive(Default)]
struct Found {
    tenant: String,
    revenue: i64,
    freight: i64,
    items: i64,
    /// By the original order: its status and its payments `(sequence, method, amount)`.
    orders: HashMap<String, (String, Vec<(i64, String, i64)>)>,
}

fn number(value: &Value) -> i64 {
    value
        .as_str()
        .map_or_else(|| value.as_i64().unwrap(), |text| text.parse().unwrap())
}

async fn ask(app: &harness::Served, tenant: TenantId, key: &str) -> Found {
    let mut found = Found {
        tenant: tenant.0.simple().to_string(),
        ..Found::default()
    };
    let stats = app
        .query(
            key,
            "{ ordersStats { items revenue { amount } freight { amount } } }",
            json!({}),
        )
        .await;
    for row in stats["ordersStats"].as_array().unwrap() {
        found.items += number(&row["items"]);
        found.revenue += number(&row["revenue"]["amount"]);
        found.freight += number(&row["freight"]["amount"]);
    }
    let list = "query($after: String) { orders(first: 100, after: $after) {
        nodes { reference status payments { sequence method amount { amount } } } pageInfo { hasNextPage endCursor } } }";
    let mut after = Value::Null;
    loop {
        let page = app.query(key, list, json!({ "after": after })).await;
        for order in page["orders"]["nodes"].as_array().unwrap() {
            let payment = |p: &Value| {
                (
                    number(&p["sequence"]),
                    p["method"].as_str().unwrap().to_owned(),
                    number(&p["amount"]["amount"]),
                )
            };
            let payments = order["payments"]
                .as_array()
                .unwrap()
                .iter()
                .map(payment)
                .collect();
            let status = order["status"].as_str().unwrap().to_lowercase();
            let earlier = found.orders.insert(
                order["reference"].as_str().unwrap().to_owned(),
                (status, payments),
            );
            assert!(earlier.is_none(), "a tenant has an order once");
        }
        if page["orders"]["pageInfo"]["hasNextPage"] == json!(false) {
            return found;
        }
        after = page["orders"]["pageInfo"]["endCursor"].clone();
    }
}

fn compare(found: &[Found], truths: &Value) {
    let (mut statuses, mut by_type): (BTreeMap<&str, u64>, BTreeMap<&str, (u64, i64)>) =
        (BTreeMap::new(), BTreeMap::new());
    let mut orders: HashMap<&str, &str> = HashMap::new();
    let mut payments: HashMap<(&str, i64), (&str, i64)> = HashMap::new();
    for tenant in found {
        for (reference, (status, rows)) in &tenant.orders {
            let other = orders.insert(reference, status);
            assert!(
                other.is_none_or(|other| other == status),
                "{reference} has one status in all its parts"
            );
            for (sequence, method, amount) in rows {
                payments
                    .entry((reference, *sequence))
                    .or_insert((method, 0))
                    .1 += amount;
            }
        }
    }
    for status in orders.values() {
        *statuses.entry(status).or_default() += 1;
    }
    for (method, amount) in payments.values() {
        let entry = by_type.entry(method).or_default();
        entry.0 += 1;
        entry.1 += amount;
    }
    let sum = |of: fn(&Found) -> i64| found.iter().map(of).sum::<i64>();
    let totals = &truths["totals"];
    assert_eq!(orders.len() as u64, truths["counts"]["orders"]);
    assert_eq!(json!(statuses), truths["order_status_counts"]);
    assert_eq!(
        sum(|f| f.items),
        truths["counts"]["items"].as_i64().unwrap()
    );
    assert_eq!(
        sum(|f| f.revenue),
        totals["item_price_centavos"].as_i64().unwrap()
    );
    assert_eq!(
        sum(|f| f.freight),
        totals["freight_centavos"].as_i64().unwrap()
    );
    assert_eq!(
        payments.values().map(|p| p.1).sum::<i64>(),
        totals["payments_centavos"].as_i64().unwrap()
    );
    let by_type: BTreeMap<_, _> = by_type
        .into_iter()
        .map(|(method, (rows, sum))| (method, json!({ "rows": rows, "centavos": sum })))
        .collect();
    assert_eq!(json!(by_type), totals["payments_by_type"]);

    let mut ranked: Vec<&Found> = found.iter().collect();
    ranked.sort_by(|a, b| b.revenue.cmp(&a.revenue).then(a.tenant.cmp(&b.tenant)));
    for (truth, seller) in truths["top20_sellers"]
        .as_array()
        .unwrap()
        .iter()
        .zip(ranked)
    {
        let got = json!({ "rank": truth["rank"], "seller_id": seller.tenant, "orders": seller.orders.len(),
            "items": seller.items, "revenue_centavos": seller.revenue });
        assert_eq!(&got, truth);
    }
}
