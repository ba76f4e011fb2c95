//! Every REST route with the other tenant's ids, names, versions and keys.

use futures::{StreamExt, stream};
use serde_json::{Value, json};
use uuid::Uuid;

use super::world::{Watch, World};
use crate::bad_input::schema::Document;

/// One request that tries to reach the other tenant.
pub struct Attack {
    name: String,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: String,
    /// Everything that was sent.
    pub text: String,
}

impl Attack {
    pub fn new(name: String, path: &str, headers: &[(&'static str, &str)], body: &Value) -> Self {
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect();
        let body = body.to_string();
        let text = format!("{path} {headers:?} {body}");
        Self {
            name,
            path: path.to_owned(),
            headers,
            body,
            text,
        }
    }

    fn lines(mut self) -> Self {
        self.headers
            .push(("content-type", "application/x-ndjson".to_owned()));
        self
    }
}

/// What of the other tenant an id in a route may be. For organizations one's own too, to try the other's ids in the body.
pub fn ids(world: &World, context: &str) -> Vec<Uuid> {
    match context {
        "order" => world.b.orders.clone(),
        "customer" => world.b.customers.clone(),
        "lead" => world.b.leads.clone(),
        "metric" => world.b.metrics.clone(),
        "goal" => world.b.goals.clone(),
        "document" => world.b.documents.clone(),
        "organization" => vec![world.b.tenant.id.0, world.a.tenant.id.0],
        other => panic!("no id of the other tenant is known for the context {other}"),
    }
}

/// The other tenant's value of a field, where it is an id or a name of something.
pub fn foreign(world: &World, name: &str, format: &str) -> Option<Value> {
    match (name, format) {
        ("customerId", _) => Some(json!(world.b.customers[0])),
        ("metricId", _) => Some(json!(world.b.metrics[0])),
        ("eventId", _) => Some(json!(event(world))),
        ("keyId", _) => Some(json!(world.b.keys[0])),
        ("reference", _) => Some(json!(world.b.text("reference-0"))),
        (other, "uuid") => panic!("no id of the other tenant is known for the field {other}"),
        _ => None,
    }
}

/// One of the other tenant's events.
fn event(world: &World) -> Uuid {
    let ids = world.b.field("id").into_iter();
    ids.flat_map(|id| id.parse()).next().unwrap()
}

/// Every route on everything of the other tenant.
pub fn requests(world: &World) -> Vec<Attack> {
    let document = Document::new();
    let (mut attacks, mut lines) = (Vec::new(), String::new());
    let key = |n: usize| world.b.idempotency[n % world.b.idempotency.len()].as_str();
    for route in document.routes() {
        for parameter in &route.parameters {
            let name = parameter["name"].as_str().unwrap();
            let known = ["id", "Idempotency-Key", "If-Match", "traceparent", "dryRun"];
            assert!(
                known.contains(&name),
                "no value of the other tenant is known for the parameter {name} of {}",
                route.path
            );
        }
        let body = document.sample("", &route.schema, &|name, format| {
            foreign(world, name, format)
        });
        for id in ids(world, &route.context) {
            let path = route.path.replace("{id}", &id.to_string());
            assert!(
                !path.contains('{'),
                "no value of the other tenant is known for the address {path}"
            );
            let tenant = world.b.tenant.id.to_string();
            for (name, path, headers) in [
                ("plain", path.clone(), vec![]),
                (
                    "their key",
                    path.clone(),
                    vec![("idempotency-key", key(attacks.len()))],
                ),
                ("their version", path.clone(), vec![("if-match", "\"1\"")]),
                ("dry run", format!("{path}?dryRun=true"), vec![]),
                (
                    "their organization in a header",
                    path.clone(),
                    vec![("x-organization-id", tenant.as_str())],
                ),
                (
                    "their tenant in a header",
                    path.clone(),
                    vec![("x-tenant-id", tenant.as_str())],
                ),
                (
                    "their organization in the address",
                    format!("{path}?organizationId={tenant}"),
                    vec![],
                ),
                (
                    "their trace",
                    path.clone(),
                    vec![(
                        "traceparent",
                        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                    )],
                ),
            ] {
                attacks.push(Attack::new(
                    format!("{} {name}", route.path),
                    &path,
                    &headers,
                    &body,
                ));
            }
            let line = json!({ "type": route.kind, "id": id, "data": body, "idempotencyKey": key(lines.len()), "expectedVersion": 1 });
            let bare = json!({ "type": route.kind, "id": id, "data": body });
            lines.extend([line, bare].map(|line| format!("{line}\n")));
        }
    }
    for path in ["/api/v1/commands", "/api/v1/commands?source=import"] {
        let mut bulk = Attack::new(path.to_owned(), path, &[], &json!(null)).lines();
        bulk.text.clone_from(&lines);
        bulk.body.clone_from(&lines);
        attacks.push(bulk);
    }
    attacks
}

/// Everything of the other tenant that the requests bring to light.
pub async fn leaks(watch: &Watch<'_>, attacks: &[Attack]) -> Vec<String> {
    let world = watch.world;
    let sent = stream::iter(attacks).map(|attack| async move {
        let mut request = world
            .app
            .client
            .post(format!("{}{}", world.app.url, attack.path))
            .bearer_auth(&world.a.tenant.key);
        if !attack
            .headers
            .iter()
            .any(|(name, _)| *name == "content-type")
        {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in &attack.headers {
            request = request.header(*name, value);
        }
        let response = request.body(attack.body.clone()).send().await.unwrap();
        let status = response.status().as_u16();
        (attack, status, response.text().await.unwrap())
    });
    let all: String = attacks.iter().map(|attack| attack.text.as_str()).collect();
    let leaks = sent
        .buffer_unordered(4)
        .filter_map(|(attack, status, answer)| {
            // What was sent by any of them is one's own by now: reading one's own write shows it.
            let leak = watch
                .leak(&all, &answer)
                .map(|secret| format!("shows '{secret}'"));
            let their_own = attack
                .headers
                .iter()
                .any(|(name, _)| name.starts_with("x-"))
                || attack.path.contains("organizationId");
            let refused = (their_own && status != 403).then(|| format!("is answered {status}"));
            let fault = (status >= 500 || answer.contains("\"INTERNAL\""))
                .then(|| format!("fails with {status}"));
            let wrong = leak.or(refused).or(fault).map(|what| {
                format!(
                    "{} {what}: {} ← {}",
                    attack.name,
                    answer.chars().take(600).collect::<String>(),
                    attack.text.chars().take(900).collect::<String>()
                )
            });
            async move { wrong }
        });
    leaks.collect().await
}
