//! The writers: commands over HTTP, each with a key and a trace of its own by which its effect is found again.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use event_schemas::TenantId;
use event_store::{Clock, Store, SystemClock};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    check::{Command, Ledger},
    random::Random,
};

/// How often a command without an answer is sent again at most.
const TRIES: u32 = 400;

/// A tenant's order that several writers work on.
#[derive(Clone, Copy)]
struct Shared {
    tenant: usize,
    order: Uuid,
}

/// Where the writers send to.
pub struct Target {
    urls: Mutex<[String; 2]>,
    /// One per tenant.
    keys: Vec<String>,
    orders: Mutex<Vec<Shared>>,
    /// How many commands each server has accepted, and the other statuses of answers that left a command's fate open.
    accepted: [AtomicUsize; 2],
    open: Mutex<BTreeMap<u16, usize>>,
}

/// What came back.
enum Answer {
    Accepted { events: Vec<Uuid>, replayed: bool },
    Refused(u16, String),
    Unknown,
}

impl Target {
    pub fn new(urls: [String; 2], keys: Vec<String>) -> Self {
        Self {
            urls: Mutex::new(urls),
            keys,
            orders: Mutex::default(),
            accepted: Default::default(),
            open: Mutex::default(),
        }
    }

    /// How many commands a server has accepted so far.
    pub fn accepted(&self, server: usize) -> usize {
        self.accepted[server].load(Ordering::Relaxed)
    }

    /// The statuses that left open what became of a command, and how often each was answered.
    pub fn open(&self) -> BTreeMap<u16, usize> {
        self.open.lock().unwrap().clone()
    }

    /// A server has come back at another address.
    pub fn moved(&self, server: usize, url: String) {
        self.urls.lock().unwrap()[server] = url;
    }

    async fn send(
        &self,
        client: &reqwest::Client,
        server: usize,
        tenant: usize,
        trace: Uuid,
        path: &str,
        body: &Value,
    ) -> Answer {
        let url = format!("{}{path}", self.urls.lock().unwrap()[server]);
        let request = client
            .post(url)
            .bearer_auth(&self.keys[tenant])
            .header("idempotency-key", trace.to_string());
        let request = request
            .header(
                "traceparent",
                format!("00-{}-00f067aa0ba902b7-01", trace.simple()),
            )
            .json(body);
        let Ok(response) = request.send().await else {
            return Answer::Unknown;
        };
        let status = response.status().as_u16();
        let Ok(answer) = response.json::<Value>().await else {
            return Answer::Unknown;
        };
        if status < 300 {
            self.accepted[server].fetch_add(1, Ordering::Relaxed);
        }
        match status {
            200 | 201 => Answer::Accepted {
                events: answer["events"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|event| event["id"].as_str().unwrap().parse().unwrap())
                    .collect(),
                replayed: answer["replayed"] == true,
            },
            400..500 => Answer::Refused(status, answer["code"].to_string()),
            _ => {
                *self.open.lock().unwrap().entry(status).or_default() += 1;
                Answer::Unknown
            }
        }
    }
}

/// A registered tenant.
async fn tenant(store: &Store) -> TenantId {
    let id = TenantId(SystemClock.uuid_v7());
    let bus = commands::Bus::new(
        store.clone(),
        Arc::new(SystemClock),
        None,
        commands::Way::Direct,
    );
    let register =
        daybook::verb::tenant::request(id, "organization.register", &json!({ "name": "Writers" }))
            .unwrap();
    bus.execute(register).await.unwrap();
    id
}

async fn key(store: &Store, tenant: TenantId) -> String {
    daybook::verb::key::issue(store, tenant, &["*".to_owned()], "writers")
        .await
        .unwrap()
        .1
}

/// Tenants and their keys.
pub async fn tenants(store: &Store, count: usize) -> (Vec<TenantId>, Vec<String>) {
    let (mut tenants, mut keys) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let id = tenant(store).await;
        keys.push(key(store, id).await);
        tenants.push(id);
    }
    (tenants, keys)
}

/// Many writers at work.
pub struct Writers {
    tasks: Vec<JoinHandle<Ledger>>,
    end: CancellationToken,
}

impl Writers {
    pub fn start(target: &Arc<Target>, count: u64, seed: u64) -> Self {
        let end = CancellationToken::new();
        let tasks = (0..count).map(|n| {
            let random = Random::new(seed ^ (n + 1) << 20);
            tokio::spawn(write(target.clone(), random, n, end.clone()))
        });
        Self {
            tasks: tasks.collect(),
            end,
        }
    }

    /// Each ends after the command that it is at.
    pub async fn end(self) -> Ledger {
        self.end.cancel();
        let mut ledger = Ledger::default();
        for task in self.tasks {
            ledger.merge(task.await.unwrap());
        }
        ledger
    }
}

/// One writer, until it is told to end.
async fn write(
    target: Arc<Target>,
    mut random: Random,
    writer: u64,
    end: CancellationToken,
) -> Ledger {
    let client = reqwest::Client::builder()
        .timeout(std::time::Duration::from_secs(10))
        .build()
        .unwrap();
    let mut ledger = Ledger::default();
    let mut number = 0;
    while !end.is_cancelled() {
        number += 1;
        let (tenant, path, body, placed) =
            choose(&target, &mut random, &format!("{writer}-{number}"));
        let trace = random.id();
        let mut command = Command {
            trace,
            tenant,
            answers: Vec::new(),
            accepted: 0,
            refused: Vec::new(),
        };
        // Some never ask again: theirs may have happened, once.
        let patient = random.below(10) > 0;
        let mut tries = 0;
        loop {
            let server = usize::try_from(random.below(2)).unwrap();
            tries += 1;
            match target
                .send(&client, server, tenant, trace, &path, &body)
                .await
            {
                Answer::Accepted { events, replayed } => {
                    if command.answers.is_empty() {
                        command.accepted = SystemClock.now().timestamp_micros();
                    }
                    command.answers.push((events, replayed));
                    // Some ask again although they know.
                    if random.below(8) > 0 || command.answers.len() > 2 {
                        break;
                    }
                }
                Answer::Refused(status, code) => {
                    command.refused.push((status, code));
                    break;
                }
                Answer::Unknown if patient && tries < TRIES => {
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                }
                Answer::Unknown => break,
            }
        }
        if let Some(order) = placed.filter(|_| !command.answers.is_empty()) {
            target.orders.lock().unwrap().push(Shared { tenant, order });
        }
        ledger.commands.push(command);
    }
    ledger
}

/// A new order, or the next thing to happen to one of everybody's.
fn choose(
    target: &Target,
    random: &mut Random,
    name: &str,
) -> (usize, String, Value, Option<Uuid>) {
    let shared = {
        let orders = target.orders.lock().unwrap();
        let recent = orders.len().min(24) as u64;
        let index = (recent > 0 && random.below(10) < 6)
            .then(|| orders.len() - 1 - usize::try_from(random.below(recent)).unwrap());
        index.and_then(|index| orders.get(index).copied())
    };
    let Some(Shared { tenant, order }) = shared else {
        let tenant = usize::try_from(random.below(target.keys.len() as u64)).unwrap();
        let order = random.id();
        let mut body = crate::harness::an_order();
        body["reference"] = json!(name);
        return (
            tenant,
            format!("/api/v1/orders/{order}/place"),
            body,
            Some(order),
        );
    };
    let (step, body) = match random.below(6) {
        0 | 1 => ("approve-payment", json!({ "amount": 1 + random.below(50) })),
        2 => ("start-processing", json!({})),
        3 => ("invoice", json!({ "number": name })),
        4 => ("ship", json!({ "carrier": name })),
        _ => ("review", json!({ "reviewId": name, "score": 5 })),
    };
    (tenant, format!("/api/v1/orders/{order}/{step}"), body, None)
}
