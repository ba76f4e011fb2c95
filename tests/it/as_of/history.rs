//! An invented history of orders, leads and goals, side by side in time, some of it at the same moment.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use commands::{Accepted, Bus, Way};
use event_schemas::{Source, TenantId};
use event_store::{Clock, Store, SystemClock};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{Served, Tenant};

/// A command that was given at that time.
pub struct Step {
    pub at: DateTime<Utc>,
    kind: String,
    id: Uuid,
    data: Value,
}

pub fn step(context: &str, command: &str, id: u128, at: &str, data: Value) -> Step {
    Step {
        at: at.parse().unwrap(),
        kind: format!("{context}.{command}"),
        id: Uuid::from_u128(id),
        data,
    }
}

/// What happens to one of them, an hour count and a command at a time.
type Life = Vec<(i64, &'static str, Value)>;

fn order(number: u128) -> Life {
    let seller = if number.is_multiple_of(2) { "s1" } else { "s2" };
    let lines = json!([
        { "productId": "bread", "category": "food", "sellerId": seller, "quantity": number + 1, "unitPrice": 700, "freight": 90 },
        { "productId": "toy", "category": "toys", "sellerId": "s1", "quantity": 1, "unitPrice": 1000 * number },
    ]);
    let state = ["SP", "RJ"][usize::from(number.is_multiple_of(3))];
    let place = json!({ "customerId": Uuid::from_u128(7), "currency": "BRL", "reference": format!("order-{number}"),
        "state": state, "lines": lines, "estimatedDelivery": "2017-10-16T12:00:00Z",
        "payments": [{ "sequence": 1, "method": "boleto", "amount": 100 }] });
    let mut life = vec![(0, "place", place), (5, "approvePayment", json!({}))];
    if number % 4 == 3 {
        life.push((
            9,
            "cancel",
            json!({ "reason": "customerRequest", "note": "Too late" }),
        ));
        life.push((30, "refund", json!({ "amount": 50 })));
        return life;
    }
    life.extend([
        (6, "startProcessing", json!({})),
        (6, "invoice", json!({ "number": format!("NF-{number}") })),
        (24, "ship", json!({ "carrier": "Correios", "trackingCode": format!("BR{number}"), "shippedAt": "2017-10-15T10:00:00Z" })),
        (60, "deliver", json!({ "deliveredAt": "2017-10-17T09:30:00Z" })),
        (61, "review", json!({ "reviewId": "a", "score": number % 5 + 1, "title": "Thanks" })),
        (90, "review", json!({ "reviewId": "b", "score": 5 - number % 5 })),
    ]);
    life
}

fn lead(number: u128) -> Life {
    let capture = json!({ "reference": format!("lead-{number}"), "name": "Ana", "email": "ana@example.com",
        "origin": if number == 2 { "social" } else { "email" } });
    let profile = json!({ "businessSegment": "pets", "hasCompany": true, "declaredCatalogSize": 40,
        "declaredMonthlyRevenue": { "amount": 90_000, "currency": "BRL" } });
    let mut life = vec![
        (0, "capture", capture),
        (
            7,
            "qualify",
            json!({ "profile": profile, "note": "Promising" }),
        ),
        (
            8,
            "assign",
            json!({ "developmentRepId": "sdr", "salesRepId": "sr" }),
        ),
    ];
    if number == 2 {
        life.push((
            40,
            "lose",
            json!({ "reason": "competitor", "note": "Elsewhere" }),
        ));
    }
    life.push((
        70,
        "win",
        json!({ "wonAt": "2017-10-16T00:00:00Z", "sellerId": "s9" }),
    ));
    life
}

fn goal(number: u128) -> Life {
    let draft = json!({ "title": format!("Goal {number}"), "unit": "kg", "baseline": "0", "target": "100" });
    let due = json!({ "startsAt": "2017-10-14T00:00:00Z", "dueAt": "2017-12-31T00:00:00Z", "ownerId": "ana" });
    let mut life = vec![
        (0, "draft", draft),
        (2, "adjust", due),
        (2, "activate", json!({})),
    ];
    for (hours, actual) in [(20, "10.5"), (20, "11"), (45, "30"), (80, "60")] {
        life.push((
            hours,
            "recordProgress",
            json!({ "actual": actual, "note": format!("{actual} kg") }),
        ));
    }
    life.push((50, "adjust", json!({ "target": "120", "reason": "More" })));
    if number == 2 {
        life.push((85, "abandon", json!({ "reason": "Rain" })));
    }
    life
}

/// Every step, in the order of time.
pub fn steps() -> Vec<Step> {
    let mut steps = Vec::new();
    let mut add = |context: &str, number: u128, begins: i64, life: Life| {
        for (hours, command, data) in life {
            let mut step = step(context, command, number, "2017-10-14T00:00:00Z", data);
            step.at += TimeDelta::hours(begins + hours);
            steps.push(step);
        }
    };
    for number in 1..=6 {
        add(
            "order",
            number,
            11 * i64::try_from(number).unwrap(),
            order(number),
        );
    }
    for number in 1..=3 {
        add(
            "lead",
            number,
            17 * i64::try_from(number).unwrap(),
            lead(number),
        );
    }
    for number in 1..=2 {
        add(
            "goal",
            number,
            3 * i64::try_from(number).unwrap(),
            goal(number),
        );
    }
    steps.sort_by_key(|step| step.at);
    steps
}

/// Tells a history to an organization, event by event.
pub struct Teller {
    pub tenant: Tenant,
    bus: Bus,
}

impl Teller {
    /// To a new organization, which is as old as the world.
    pub async fn begin(app: &Served) -> Self {
        let id = TenantId(SystemClock.uuid_v7());
        let mut teller = Self {
            tenant: Tenant {
                id,
                key: String::new(),
            },
            bus: Bus::new(app.store.clone(), Arc::new(SystemClock), None, Way::Direct),
        };
        let name = json!({ "name": "Test & Sons" });
        let mut register = step("organization", "register", 0, "1970-01-01T00:00:00Z", name);
        register.id = id.0;
        teller.tell(&register).await;
        teller.tenant.key = old_key(&app.store, &teller.bus, id, DateTime::UNIX_EPOCH).await;
        teller
    }

    /// The position that it is at now, and the token.
    pub async fn tell(&self, step: &Step) -> (i64, String) {
        let accepted = execute(&self.bus, self.tenant.id, step).await;
        (accepted.position.unwrap(), accepted.token.unwrap())
    }
}

/// A key for everything, as old as that: nothing older than an organization's newest event can be told.
pub async fn old_key(store: &Store, bus: &Bus, tenant: TenantId, at: DateTime<Utc>) -> String {
    let issue = Step {
        at,
        kind: "organization.issueApiKey".to_owned(),
        id: tenant.0,
        data: json!({ "name": "test", "scopes": ["*"] }),
    };
    let accepted = execute(bus, tenant, &issue).await;
    // It opens what its read model knows of.
    let engine = daybook::app::engine(store).await.unwrap();
    engine.catch_up().await.unwrap();
    accepted.extra["apiKey"].as_str().unwrap().to_owned()
}

async fn execute(bus: &Bus, tenant: TenantId, step: &Step) -> Accepted {
    let mut request = daybook::verb::tenant::request(tenant, &step.kind, &step.data).unwrap();
    request.id = step.id;
    request.source = Source::Import;
    request.occurred_at = Some(step.at);
    bus.execute(request).await.unwrap()
}
