//! What the policy of monthly goals has made of the real orders: for every seller, or for every tenth, each month's target, what it
//! came to and how it ended, against what the months' revenue by the orders leads to.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use event_schemas::{TenantId, decimal::Decimal};
use futures::{StreamExt, stream};
use serde_json::{Value, json};

use crate::harness::Served;

/// By month, such as `2017-11`: the target and what was reached, in millionths, and the status.
type Goals = BTreeMap<String, (i64, i64, String)>;

/// Holds both against each other.
pub async fn goals_follow(app: &Arc<Served>, keys: &[(TenantId, String)]) {
    let began = Instant::now();
    let every = if super::whole() { 1 } else { 10 };
    let asked: Vec<_> = keys.iter().step_by(every).cloned().collect();
    let sellers = asked.len();
    let statuses: Vec<String> = stream::iter(asked)
        .map(|(tenant, key)| {
            let app = Arc::clone(app);
            async move { compare(&app, tenant, &key).await }
        })
        .buffer_unordered(4)
        .concat()
        .await;
    let count = |status: &str| statuses.iter().filter(|found| *found == status).count();
    let (achieved, missed) = (count("ACHIEVED"), count("MISSED"));
    eprintln!(
        "the monthly goals of {sellers} tenants, {achieved} achieved and {missed} missed, compared in {:.1} s",
        began.elapsed().as_secs_f64()
    );
    assert!(achieved > 100 && missed > 100);
}

/// How the tenant's goals ended.
async fn compare(app: &Served, tenant: TenantId, key: &str) -> Vec<String> {
    let query = "{ ordersStats(bucket: { size: MONTH }, first: 60) { start revenue { amount } }
        goals(first: 100) { nodes { title unit target actual status startsAt } } }";
    let data = app.query(key, query, json!({})).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let micros = |value: &Value| Decimal::parse(value.as_str().unwrap()).unwrap().micros();
    let found: Goals = data["goals"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|goal| {
            assert!(text(&goal["title"]).starts_with("Revenue, "), "{goal}");
            assert_eq!(goal["unit"], "BRL");
            let (target, actual) = (micros(&goal["target"]), micros(&goal["actual"]));
            let month = text(&goal["startsAt"])[..7].to_owned();
            (month, (target, actual, text(&goal["status"])))
        })
        .collect();
    let months: Vec<(String, i64)> = data["ordersStats"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let cents: i64 = text(&row["revenue"]["amount"]).parse().unwrap();
            (text(&row["start"])[..7].to_owned(), cents)
        })
        .collect();
    let mut expected = Goals::new();
    for ((_, before), (month, cents)) in months.iter().zip(months.iter().skip(1)) {
        // A cent is ten thousand millionths, and there are to be 110 % of them.
        let (target, reached) = (before * 11_000, cents * 10_000);
        if target == 0 {
            continue;
        }
        let goal = if reached >= target {
            // An achieved goal hears no more: what it said last lies between the target and the month's sum.
            let said = found.get(month).map_or(0, |(_, said, _)| *said);
            assert!((target..=reached).contains(&said), "{tenant} {month}");
            (target, said, "ACHIEVED".to_owned())
        } else {
            (target, reached, "MISSED".to_owned())
        };
        expected.insert(month.clone(), goal);
    }
    assert_eq!(found, expected, "{tenant}");
    found.into_values().map(|(.., status)| status).collect()
}
