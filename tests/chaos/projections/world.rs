//! What is hit: PostgreSQL, a server that does everything, and tenants whose goals follow what their orders bring. Runs the
//! commands of the binary beside it; judges nothing.

use std::{
    process::{Output, Stdio},
    sync::Arc,
    time::Duration,
};

use chrono::{TimeDelta, Utc};
use commands::{Bus, Way};
use event_schemas::TenantId;
use event_store::{Store, SystemClock};
use serde_json::{Value, json};
use tokio::process::{Child, Command};
use uuid::Uuid;

use crate::{
    Run, harness,
    postgres::Postgres,
    writers::{
        load::{self, Target},
        server::Server,
    },
};

/// What a tenant measures.
const METRIC: Uuid = Uuid::from_u128(1);
/// A goal that nobody reaches, so that every observation is progress.
pub const FAR: Uuid = Uuid::from_u128(10);
/// A goal that is reached by some orders: 7 each.
pub const NEAR: Uuid = Uuid::from_u128(11);
pub const NEAR_TARGET: u32 = 70;
const SETTINGS: [(&str, &str); 3] = [
    ("DAYBOOK__TELEMETRY__FILTER", "off"),
    ("DAYBOOK__DATABASE__PARTITION_CONNECTIONS", "4"),
    ("DAYBOOK__DATABASE__TENANT_CONNECTIONS", "2"),
];

pub struct World {
    pub run: Run,
    pub postgres: Postgres,
    pub server: Server,
    pub target: Arc<Target>,
    pub tenants: Vec<TenantId>,
    pub store: Store,
}

impl World {
    pub async fn start(run: Run, tenants: usize) -> Self {
        let postgres = Postgres::start().await;
        // First, for policies answer nothing that was there before them.
        let server = run.server(postgres.url(), 0).await;
        let options = harness::options_for(postgres.url());
        let store = Store::connect(&options).await.unwrap();
        let (tenants, keys) = load::tenants(&store, tenants).await;
        for tenant in &tenants {
            furnish(&store, *tenant).await;
        }
        let urls = [server.url.clone(), server.url.clone()];
        Self {
            run,
            postgres,
            server,
            target: Arc::new(Target::new(urls, keys)),
            tenants,
            store,
        }
    }

    /// Starts the server again after it was killed.
    pub async fn start_again(&mut self) {
        self.server = self.run.server(self.postgres.url(), 0).await;
        for n in 0..2 {
            self.target.moved(n, self.server.url.clone());
        }
    }

    /// `daybook projections rebuild`, running.
    pub fn rebuild(&self, projection: &str) -> Child {
        let mut command = self.command(&["projections", "rebuild", projection]);
        command.spawn().unwrap()
    }

    /// `daybook projections rebuild --tenant`, running.
    pub fn rebuild_tenant(&self, projection: &str, tenant: TenantId) -> Child {
        let tenant = tenant.0.to_string();
        let mut command =
            self.command(&["projections", "rebuild", projection, "--tenant", &tenant]);
        command.spawn().unwrap()
    }

    /// `daybook projections verify`, running.
    pub fn verifying(&self, projection: &str) -> Child {
        let mut command = self.command(&["projections", "verify", projection]);
        command.spawn().unwrap()
    }

    /// What `daybook projections verify` finds, of one or of all.
    pub async fn verify(&self, projection: Option<&str>) -> Vec<String> {
        let mut arguments = vec!["projections", "verify", "--output", "json"];
        arguments.extend(projection);
        let mut command = self.command(&arguments);
        let verifying = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let Output {
            status,
            stdout,
            stderr,
        } = verifying.output().await.unwrap();
        if status.success() {
            return Vec::new();
        }
        let said = [stdout, stderr].concat();
        let said = String::from_utf8_lossy(&said);
        vec![format!(
            "daybook projections verify {}: {status}\n{said}",
            projection.unwrap_or_default()
        )]
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.run.program);
        command
            .args(arguments)
            .env("DATABASE_URL", self.postgres.url())
            .envs(SETTINGS)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        command
    }
}

/// A metric that follows the revenue, and two goals that follow the metric.
async fn furnish(store: &Store, tenant: TenantId) {
    let bus = Bus::new(store.clone(), Arc::new(SystemClock), None, Way::Direct);
    let send = async |id: Uuid, kind: &str, data: Value| {
        let mut request = daybook::verb::tenant::request(tenant, kind, &data).unwrap();
        request.id = id;
        bus.execute(request).await.unwrap();
    };
    let revenue =
        json!({ "name": "Revenue", "unit": "EUR", "aggregation": "sum", "feed": "orderRevenue" });
    send(METRIC, "metric.define", revenue).await;
    let due = Utc::now() + TimeDelta::from_std(Duration::from_hours(24 * 30)).unwrap();
    for (goal, target) in [(FAR, 1_000_000_000), (NEAR, NEAR_TARGET)] {
        let draft = json!({ "title": "Sell more", "unit": "EUR", "dueAt": due, "target": target.to_string() });
        send(goal, "goal.draft", draft).await;
        let link = json!({ "metricId": METRIC, "aggregation": "sum" });
        send(goal, "goal.linkMetric", link).await;
        send(goal, "goal.activate", json!({})).await;
    }
}
