//! Two tenants with the same kinds of data, and everything that is the second one's secret.

mod fill;

use std::{collections::BTreeSet, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use projections::Waiter;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::{graph, introspection::Schema, sql};
use crate::harness::{self, Database, Served, Tenant};

/// Shorter texts are in every answer by chance.
const SECRET: usize = 8;

/// One tenant and what it has.
pub struct Side {
    pub tenant: Tenant,
    pub name: &'static str,
    pub orders: Vec<Uuid>,
    pub customers: Vec<Uuid>,
    pub leads: Vec<Uuid>,
    pub metrics: Vec<Uuid>,
    pub goals: Vec<Uuid>,
    pub documents: Vec<Uuid>,
    /// API keys' ids.
    pub keys: Vec<Uuid>,
    pub idempotency: Vec<String>,
    pub tokens: Vec<String>,
    /// Every answer it ever got.
    pub answers: Vec<Value>,
}

impl Side {
    pub fn text(&self, what: &str) -> String {
        format!("{}-{what}", self.name)
    }

    /// The strings of every answer's field of this name.
    pub fn field(&self, name: &str) -> Vec<String> {
        let mut found = BTreeSet::new();
        self.answers.iter().for_each(|answer| {
            visit(answer, &mut |key, text| {
                if key == name {
                    found.insert(text.to_owned());
                }
            });
        });
        found.into_iter().collect()
    }

    async fn send(&mut self, app: &Served, path: &str, body: Value) -> Value {
        let key = format!("{}-{}", self.name, self.idempotency.len());
        let request = app
            .client
            .post(format!("{}{path}", app.url))
            .bearer_auth(&self.tenant.key)
            .header("idempotency-key", &key);
        let response = request.json(&body).send().await.unwrap();
        let (status, answer) = (response.status(), response.json::<Value>().await.unwrap());
        assert!(status.is_success(), "{path}: {answer}");
        self.idempotency.push(key);
        self.tokens
            .push(answer["token"].as_str().unwrap().to_owned());
        self.answers.push(answer.clone());
        answer
    }

    /// Something of everything. `n` makes the amounts its own.
    async fn fill(&mut self, app: &Served, n: i64) {
        let organization = format!("/api/v1/organizations/{}", self.tenant.id);
        let name = self.text("organization");
        self.send(
            app,
            &format!("{organization}/rename"),
            json!({ "name": name }),
        )
        .await;
        self.send(
            app,
            &format!("{organization}/change-settings"),
            json!({ "shipBeforePayment": true }),
        )
        .await;
        let name = self.text("api-key");
        let issued = self
            .send(
                app,
                &format!("{organization}/issue-api-key"),
                json!({ "name": name, "scopes": ["order:read"] }),
            )
            .await;
        self.keys
            .push(issued["keyId"].as_str().unwrap().parse().unwrap());
        for customer in 0..2 {
            let id = Uuid::new_v5(&self.tenant.id.0, &[b'c', customer]);
            let path = format!("/api/v1/customers/{id}");
            let body = json!({
                "name": self.text("customer"), "email": self.text("mail@example.com"), "phone": self.text("phone-number"),
                "postalCode": self.text("postal"), "city": self.text("city-of-customer"), "state": self.text("state-of-customer"), "country": "BE",
            });
            self.send(app, &format!("{path}/register"), body).await;
            let purpose = self.text("purpose");
            self.send(
                app,
                &format!("{path}/record-consent"),
                json!({ "purpose": purpose }),
            )
            .await;
            self.customers.push(id);
        }
        for order in 0..3_u8 {
            let id = Uuid::new_v5(&self.tenant.id.0, &[b'o', order]);
            let path = format!("/api/v1/orders/{id}");
            let line = json!({ "productId": self.text("product"), "category": self.text("category"), "sellerId": self.text("seller"),
                "quantity": 3, "unitPrice": n + i64::from(order), "freight": n / 7 });
            let body = json!({
                "customerId": self.customers[0], "reference": self.text(&format!("reference-{order}")), "currency": "EUR",
                "state": self.text("state-of-order"), "lines": [line], "estimatedDelivery": "2026-12-24T12:00:00Z",
                "payments": [{ "sequence": 1, "method": self.text("method"), "installments": 2, "amount": n + 3 }],
            });
            self.send(app, &format!("{path}/place"), body).await;
            self.orders.push(id);
        }
        let path = format!("/api/v1/orders/{}", self.orders[0]);
        for (step, body) in [
            ("approve-payment", json!({})),
            ("start-processing", json!({})),
            ("invoice", json!({ "number": self.text("invoice-number") })),
            (
                "ship",
                json!({ "carrier": self.text("carrier"), "trackingCode": self.text("tracking-code") }),
            ),
            ("deliver", json!({})),
            (
                "review",
                json!({ "reviewId": self.text("review-id"), "score": 4, "title": self.text("review-title"), "comment": self.text("review-comment") }),
            ),
            (
                "refund",
                json!({ "amount": n / 3, "reason": "other", "note": self.text("refund-note") }),
            ),
        ] {
            self.send(app, &format!("{path}/{step}"), body).await;
        }
        let body = json!({ "reason": "fraud", "note": self.text("cancel-note") });
        self.send(
            app,
            &format!("/api/v1/orders/{}/cancel", self.orders[1]),
            body,
        )
        .await;
        self.fill_leads(app, n).await;
        self.fill_metrics(app, n).await;
        self.fill_goals(app, n).await;
        self.fill_documents(app).await;
    }
}

/// Both tenants, on one running application.
pub struct World {
    pub database: Database,
    pub app: Served,
    pub schema: Schema,
    /// The one who asks.
    pub a: Side,
    /// The one who must not be seen.
    pub b: Side,
    pub secrets: BTreeSet<String>,
}

impl World {
    pub async fn open() -> Self {
        let database = harness::database().await;
        let app = database.serve().await;
        let side = async |name| {
            let tenant = app.tenant(&["*"]).await;
            Side {
                tenant,
                name,
                orders: vec![],
                customers: vec![],
                leads: vec![],
                metrics: vec![],
                goals: vec![],
                documents: vec![],
                keys: vec![],
                idempotency: vec![],
                tokens: vec![],
                answers: vec![],
            }
        };
        let (mut a, mut b) = (side("alphaq").await, side("betaqx").await);
        a.fill(&app, 1_170_411).await;
        b.fill(&app, 7_310_923).await;
        let schema = Schema::of(&app, &a.tenant.key).await;
        let mut world = Self {
            database,
            app,
            schema,
            a,
            b,
            secrets: BTreeSet::new(),
        };
        world.settle().await;
        world.park().await;
        world.hold().await;
        // What each sees of itself when it asks for everything.
        for query in graph::everything(&world) {
            for b in [false, true] {
                let key = if b {
                    &world.b.tenant.key
                } else {
                    &world.a.tenant.key
                };
                let answer = world.app.query(key, &query, json!({})).await;
                if b {
                    world.b.answers.push(answer);
                } else {
                    world.a.answers.push(answer);
                }
            }
        }
        let (own, mut secrets) = (texts(&world.a), texts(&world.b));
        secrets.retain(|text| text.len() >= SECRET && !own.contains(text));
        secrets.insert(world.b.tenant.key.clone());
        secrets.insert(world.b.tenant.id.to_string());
        assert!(secrets.len() > 60, "{} secrets", secrets.len());
        world.secrets = secrets;
        world
    }

    /// A note that each is parked, which no engine acts on: its checkpoint does not count it.
    async fn park(&self) {
        let mut admin = self.database.admin().await;
        for side in [&self.a, &self.b] {
            sqlx::query(
                "insert into projection.parked select s.projection, s.build, c.partition, $1, 0, 1, gen_random_uuid(), 'X', $2, 1, \
                   now(), now() from projection.serving s join projection.checkpoint c using (projection, build) \
                 where s.projection = 'order' and c.partition = 0",
            )
            .bind(side.tenant.id.0)
            .bind(side.text("poison"))
            .execute(&mut admin)
            .await
            .unwrap();
        }
    }

    /// Something of a policy that nobody acts on: a command that was refused, a timer for later, a reason to wait.
    async fn hold(&self) {
        let mut admin = self.database.admin().await;
        for side in [&self.a, &self.b] {
            for statement in [
                "insert into policy.outbox (id, policy, partition, tenant_id, command, aggregate_id, data, event_id, position, \
                   correlation_id, depth, created_at, refused_at, code, detail) \
                 values (gen_random_uuid(), 'revenue', 0, $1, 'metric.observe', gen_random_uuid(), '{}', gen_random_uuid(), 1, \
                   gen_random_uuid(), 1, now(), now(), 'no', $2)",
                "insert into policy.timer (policy, key, due_at, id, partition, tenant_id, command, aggregate_id, data, event_id, \
                   position, correlation_id, depth) \
                 values ('revenue', $2, '2999-01-01', gen_random_uuid(), 0, $1, 'metric.observe', gen_random_uuid(), '{}', \
                   gen_random_uuid(), 1, gen_random_uuid(), 1)",
                "insert into policy.held values ($1, 1, '2999-01-01', $2)",
            ] {
                sqlx::query(statement)
                    .bind(side.tenant.id.0)
                    .bind(side.text("refusal"))
                    .execute(&mut admin)
                    .await
                    .unwrap();
            }
        }
    }

    /// The same world in which what stands in `sent` is no secret any more.
    pub fn without(self: &World, sent: &str) -> Watch<'_> {
        let secrets = self
            .secrets
            .iter()
            .filter(|secret| !known(sent, secret))
            .cloned()
            .collect();
        Watch {
            world: self,
            secrets,
        }
    }

    /// Waits until every read model has every event.
    pub async fn settle(&self) {
        let mut admin = self.database.admin().await;
        let names: Vec<String> = sqlx::query_scalar("select projection from projection.serving")
            .fetch_all(&mut admin)
            .await
            .unwrap();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let heads: Vec<(i16, i64)> = sqlx::query_as(
            "select partition, next_offset from log.partition where next_offset > 0",
        )
        .fetch_all(&mut admin)
        .await
        .unwrap();
        let waiter = Waiter::new(self.app.store.clone());
        for (partition, next) in heads {
            waiter
                .wait(
                    u16::try_from(partition).unwrap(),
                    next - 1,
                    &names,
                    Duration::from_secs(20),
                )
                .await
                .unwrap();
        }
    }

    /// Every table's rows of the other tenant, as number and digest.
    pub async fn digests(&self) -> Vec<(String, i64, String)> {
        let mut admin = self.database.admin().await;
        let mut found = Vec::new();
        for table in sql::tables(&mut admin).await {
            let query = format!(
                "select count(*), coalesce(md5(string_agg(t::text, '|' order by t::text)), '') from {table} t where tenant_id = $1"
            );
            let (rows, digest) = sqlx::query_as::<_, (i64, String)>(AssertSqlSafe(query))
                .bind(self.b.tenant.id.0)
                .fetch_one(&mut admin)
                .await
                .unwrap();
            found.push((table, rows, digest));
        }
        found
    }
}

/// Whose secrets are looked for where.
pub struct Watch<'a> {
    pub world: &'a World,
    pub secrets: BTreeSet<String>,
}

impl Watch<'_> {
    /// A secret that stands in the answer and was not in the request.
    pub fn leak<'s>(&'s self, request: &str, answer: &str) -> Option<&'s str> {
        self.secrets
            .iter()
            .find(|secret| answer.contains(*secret) && !known(request, secret))
            .map(String::as_str)
    }
}

/// Whether who sent the request knows the secret: it is in it, or is a name made of a UUID that is in it.
fn known(request: &str, secret: &str) -> bool {
    let plain = URL_SAFE_NO_PAD
        .decode(secret)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok());
    let of_uuid = |name: &str| {
        let (_, uuid) = name.split_once([':', '-'])?;
        (Uuid::parse_str(uuid).is_ok() && request.contains(uuid)).then_some(())
    };
    request.contains(secret)
        || of_uuid(secret).is_some()
        || plain.as_deref().and_then(of_uuid).is_some()
}

fn texts(side: &Side) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    side.answers.iter().for_each(|answer| {
        visit(answer, &mut |_, text| {
            found.insert(text.to_owned());
        });
    });
    found
}

fn visit(value: &Value, see: &mut impl FnMut(&str, &str)) {
    fn inside(key: &str, value: &Value, see: &mut impl FnMut(&str, &str)) {
        match value {
            Value::String(text) => see(key, text),
            Value::Array(items) => items.iter().for_each(|item| inside(key, item, see)),
            Value::Object(fields) => fields
                .iter()
                .for_each(|(key, value)| inside(key, value, see)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    inside("", value, see);
}
