//! The end of a freeze: the tenant is what it was before.

use std::process::{Command, Output, Stdio};

use event_schemas::TenantId;
use event_store::{Append, Expected, Outcome, Refusal, Store, TenantChange};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    append::{append, registered},
    harness::{self, Database, Tenant},
    suspension::{place, resume, state, suspend},
};

/// As an alarm does it, without one.
pub async fn freeze(store: &Store, tenant: TenantId) {
    let alarm = Append {
        change: Some(TenantChange::Freeze),
        ..append(tenant, "$log", Expected::Any, 1)
    };
    let outcomes = store.append(&[alarm]).await.unwrap();
    assert!(
        matches!(outcomes[0], Ok(Outcome::Appended(_))),
        "{outcomes:?}"
    );
}

/// `daybook tenant unfreeze`, as the operator runs it.
fn unfreeze(database: &Database, tenant: &Tenant) -> Output {
    Command::new(env!("CARGO_BIN_EXE_daybook"))
        .args(["tenant", "unfreeze", &tenant.id.to_string()])
        .args(["--reason", "looked into", "--output", "json"])
        .env("DATABASE_URL", &database.url)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_freeze_gives_back_what_the_tenant_was_before() {
    let database = harness::database().await;
    let app = database.serve().await;
    let (active, suspended) = (app.tenant(&["*"]).await, app.tenant(&["*"]).await);
    suspend(&app, &suspended).await.unwrap();
    for (tenant, before) in [(&active, "active"), (&suspended, "suspended")] {
        freeze(&app.store, tenant.id).await;
        // A second alarm changes nothing.
        freeze(&app.store, tenant.id).await;
        assert_eq!(state(&app, tenant).await, "frozen");
        assert_eq!(
            resume(&app, tenant).await.unwrap_err(),
            if before == "active" {
                "organization-not-suspended"
            } else {
                "organization-frozen"
            }
        );
        let output = unfreeze(&database, tenant);
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words}");
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(answer.to_string().contains(before), "{answer}");
        assert_eq!(words.contains("tenant resume"), before == "suspended");
        assert_eq!(state(&app, tenant).await, before);
        assert!(
            !unfreeze(&database, tenant).status.success(),
            "{before}: it is not frozen any more"
        );
        assert_eq!(state(&app, tenant).await, before);
    }
    assert_eq!(place(&app, &active, Uuid::now_v7()).await.0, 201);
    let (status, refused) = place(&app, &suspended, Uuid::now_v7()).await;
    assert_eq!(
        (status, &refused["code"]),
        (422, &json!("organization-suspended"))
    );
    resume(&app, &suspended).await.unwrap();
    assert_eq!(place(&app, &suspended, Uuid::now_v7()).await.0, 201);
    app.stop().await;
}

#[tokio::test]
async fn what_follows_the_end_of_a_freeze_in_its_batch_meets_the_state_of_before() {
    let store = harness::database().await.store().await;
    let tenant = registered(&store).await;
    let change = |change| Append {
        change: Some(change),
        ..append(tenant, "$log", Expected::Any, 1)
    };
    let batch = [
        change(TenantChange::Suspend),
        change(TenantChange::Freeze),
        change(TenantChange::Unfreeze),
        append(tenant, "order-a", Expected::Any, 1),
        change(TenantChange::Resume),
        append(tenant, "order-a", Expected::Any, 1),
        change(TenantChange::Unfreeze),
        append(tenant, "order-a", Expected::Any, 1),
    ];
    let outcomes = store.append(&batch).await.unwrap();
    for (n, outcome) in outcomes.into_iter().enumerate() {
        match outcome.unwrap() {
            Outcome::Refused(refusal) if n == 3 => {
                assert_eq!(refusal, Refusal::TenantSuspended);
            }
            Outcome::Appended(_) if n != 3 => {}
            other => panic!("{n}: {other:?}"),
        }
    }
}
