//! Two servers on one database: one whose commands go the given way and that remembers what it did, and one whose appends the
//! first knows nothing of.

use std::sync::Arc;

use bytes::Bytes;
use commands::{Accepted, Bus, Request, Way, registry};
use event_schemas::{Actor, ActorKind, Source, TenantId};
use event_store::{Clock, Store, SystemClock};
use gateway::Problem;
use serde_json::{Value, json};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use crate::harness;

pub struct TwoServers {
    pub url: String,
    pub store: Store,
    pub tenant: TenantId,
    pub bus: Bus,
    pub other: Bus,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// A version, or a problem's code.
pub type Answer = Result<i32, String>;

impl TwoServers {
    pub async fn new(way: Way) -> Self {
        let database = harness::database().await;
        let (store, elsewhere) = (database.store().await, database.store().await);
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        store.start(&tasks, &stop);
        let tenant = TenantId(SystemClock.uuid_v7());
        let other = Bus::new(elsewhere, Arc::new(SystemClock), None, Way::Direct);
        let register = json!({ "name": "Two servers" });
        let register = request(tenant, tenant.0, "organization.register", &register);
        other.execute(register).await.unwrap();
        Self {
            url: database.url,
            bus: Bus::new(store.clone(), Arc::new(SystemClock), None, way),
            store,
            tenant,
            other,
            tasks,
            stop,
        }
    }

    /// A command to an order.
    pub fn order(&self, id: Uuid, command: &str, data: &Value) -> Request {
        request(self.tenant, id, &format!("order.{command}"), data)
    }

    /// Whether orders may be shipped before they are paid.
    pub fn settings(&self, early: bool) -> Request {
        let data = json!({ "shipBeforePayment": early });
        let tenant = self.tenant;
        request(tenant, tenant.0, "organization.changeSettings", &data)
    }

    /// An order that the first server has just placed.
    pub async fn placed(&self) -> Uuid {
        let id = SystemClock.uuid_v7();
        let place = self.order(id, "place", &harness::an_order());
        self.bus.execute(place).await.unwrap();
        id
    }

    /// What the first server answers to a batch.
    pub async fn execute(&self, batch: &[Request]) -> Vec<Answer> {
        let answers = self.bus.execute_all(batch).await;
        answers.into_iter().map(answer).collect()
    }

    pub async fn end(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

pub fn answer(result: Result<Accepted, Problem>) -> Answer {
    result
        .map(|accepted| accepted.version)
        .map_err(|problem| problem.code().to_owned())
}

pub fn refused(code: &str) -> Answer {
    Err(code.to_owned())
}

/// A command over the API, without any of its options.
pub fn request(tenant: TenantId, id: Uuid, kind: &str, data: &Value) -> Request {
    Request {
        tenant,
        actor: Actor {
            kind: ActorKind::ApiKey,
            id: "test".to_owned(),
            on_behalf_of: None,
        },
        source: Source::Api,
        spec: registry().by_kind(kind).unwrap(),
        id,
        data: Bytes::from(data.to_string()),
        key: None,
        expected_version: None,
        occurred_at: None,
        dry_run: false,
        correlation_id: SystemClock.uuid_v7(),
        traceparent: None,
        cause: None,
        ip_hash: None,
    }
}
