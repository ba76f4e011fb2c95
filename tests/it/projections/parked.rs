//! A parked tenant as its people and its operator see it: over GraphQL, on the command line, in the metrics.

use std::process::{Command, Output, Stdio};

use event_schemas::StreamId;
use event_store::{Clock as _, SystemClock};
use serde_json::{Value, json};
use uuid::Uuid;

use super::history::{odd, store_all};
use crate::harness::{self, Served, an_order};

async fn ask(app: &Served, key: &str, query: &str, extensions: Value) -> Value {
    let request = app
        .client
        .post(format!("{}/graphql", app.url))
        .bearer_auth(key);
    let body = json!({ "query": query, "extensions": extensions });
    request
        .json(&body)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap()
}

fn projections(url: &str, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_daybook"))
        .args(["--output", "json", "projections"])
        .args(arguments)
        .env("DATABASE_URL", url)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parked_tenant_is_told_so_and_can_be_looked_into() {
    let database = harness::database().await;
    let app = database.serve().await;
    let (sick, well) = (app.tenant(&["*"]).await, app.tenant(&["*"]).await);
    let place = async |key: &str| {
        let path = format!("/api/v1/orders/{}/place", Uuid::now_v7());
        let (status, placed) = app.post(key, &path, &an_order()).await;
        assert_eq!(status, 201, "{placed}");
        placed["token"].clone()
    };
    let before = place(&sick.key).await;
    let stream = StreamId::new("order", SystemClock.uuid_v7());
    let poison = odd(sick.id, stream, "OrderRefunded", "{\"amount\":12}");
    store_all(&app.store, &[poison]).await;
    let after = place(&sick.key).await;

    let count = "{ orders { totalCount } }";
    let since = |token: &Value| json!({ "consistency": { "after": token } });
    let answer = ask(&app, &sick.key, count, since(&before)).await;
    assert_eq!(answer["data"]["orders"]["totalCount"], 1, "{answer:#}");
    let answer = ask(&app, &sick.key, count, since(&after)).await;
    let error = &answer["errors"][0];
    assert_eq!(
        error["extensions"]["code"], "PROJECTION_PARKED",
        "{answer:#}"
    );
    assert_eq!(
        (
            &error["extensions"]["projection"],
            &error["extensions"]["position"]
        ),
        (&json!("order"), &json!("4"))
    );
    let stale = json!({ "consistency": { "after": after, "onTimeout": "STALE" } });
    let answer = ask(&app, &sick.key, count, stale).await;
    assert_eq!(answer["data"]["orders"]["totalCount"], 1, "{answer:#}");
    // The neighbours' tables go on.
    let token = place(&well.key).await;
    let answer = ask(&app, &well.key, count, since(&token)).await;
    assert_eq!(answer["data"]["orders"]["totalCount"], 1, "{answer:#}");

    let look = "{ projections { name parked { position lagEvents eventType error attempts } } }";
    let of_order = |answer: &Value| {
        let all = answer["data"]["projections"].as_array().unwrap();
        let order = all.iter().find(|one| one["name"] == "order").unwrap();
        order["parked"].clone()
    };
    let answer = ask(&app, &sick.key, look, json!({})).await;
    let expected = json!({ "position": "4", "lagEvents": "2", "eventType": "OrderRefunded",
        "error": "the order is not placed", "attempts": 1 });
    assert_eq!(of_order(&answer), expected);
    assert_eq!(
        of_order(&ask(&app, &well.key, look, json!({})).await),
        Value::Null
    );

    let tenant = sick.id.0.to_string();
    let listed = projections(&database.url, &["parked", "--tenant", &tenant]);
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!(listed[0]["error"], "the order is not placed", "{listed:#}");
    let retried = projections(&database.url, &["retry", "order", "--tenant", &tenant]);
    let words = String::from_utf8_lossy(&retried.stderr).into_owned();
    assert_eq!(retried.status.code(), Some(4), "{words}");
    assert!(
        words.contains("at position 4: the order is not placed"),
        "{words}"
    );
    let answer = ask(&app, &sick.key, look, json!({})).await;
    assert_eq!(of_order(&answer)["attempts"], 2);
    let retried = projections(&database.url, &["retry", "customer", "--tenant", &tenant]);
    assert_eq!(retried.status.code(), Some(0));
    app.stop().await;
}
