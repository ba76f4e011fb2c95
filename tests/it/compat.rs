//! Programs written for cqrs-es 0.5 on Daybook's log: what postgres-es promises them, and what it does not.

#[expect(
    dead_code,
    reason = "what only the example's own `main` needs is not needed here"
)]
#[path = "../../event-store/examples/bank_account.rs"]
mod bank_account;
mod framework;
mod replay;
mod repository;
mod snapshots;

use cqrs_es::{
    Aggregate, DomainEvent,
    doc::{Customer, CustomerEvent},
    persist::SerializedEvent,
};
use event_schemas::TenantId;
use event_store::{Store, compat::Repository};
use serde_json::{Value, json};

use crate::{
    append::registered,
    harness::{self, Database},
};

/// A database with one tenant, and its repository.
struct World {
    database: Database,
    store: Store,
    tenant: TenantId,
    repository: Repository,
}

async fn world() -> World {
    let database = harness::database().await;
    let store = database.store().await;
    let tenant = registered(&store).await;
    World {
        repository: Repository::new(store.clone(), tenant),
        database,
        store,
        tenant,
    }
}

impl World {
    /// Past every trigger.
    async fn tamper(&self, sql: &str) {
        let sql = format!("alter table log.event disable trigger all; {sql}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
            .execute(&mut self.database.admin().await)
            .await
            .unwrap();
    }
}

fn named(name: &str) -> CustomerEvent {
    CustomerEvent::NameAdded { name: name.into() }
}

fn serialized(id: &str, sequence: usize, event: &CustomerEvent) -> SerializedEvent {
    SerializedEvent {
        aggregate_id: id.to_owned(),
        sequence,
        aggregate_type: Customer::TYPE.to_owned(),
        event_type: event.event_type(),
        event_version: event.event_version(),
        payload: serde_json::to_value(event).unwrap(),
        metadata: json!({}),
    }
}

/// The customer's events 1 to `count`.
fn history(id: &str, count: usize) -> Vec<SerializedEvent> {
    (1..=count)
        .map(|n| serialized(id, n, &named(&n.to_string())))
        .collect()
}

fn state(name: &str) -> Value {
    json!({ "customer_id": "", "name": name, "email": "", "data_populated": false })
}
