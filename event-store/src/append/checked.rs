//! One call of `log.append`, which decides every command itself. Owns the translation to arrays and back.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use event_schemas::TenantId;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    Append, Appended, Outcome, Refusal, TenantChange,
    arrays::{Events, count, narrow},
};

/// The distinct things of a batch, numbered from 1 in the order they came.
struct Numbers<K>(HashMap<K, i32>);

impl<K: std::hash::Hash + Eq> Numbers<K> {
    fn new() -> Self {
        Self(HashMap::new())
    }

    /// Its number, and whether it is new.
    fn of(&mut self, key: K) -> (i32, bool) {
        let next = count(self.0.len()) + 1;
        match self.0.entry(key) {
            std::collections::hash_map::Entry::Occupied(known) => (*known.get(), false),
            std::collections::hash_map::Entry::Vacant(free) => (*free.insert(next), true),
        }
    }
}

/// The arguments per part, see the function.
#[derive(Default)]
struct Parts<'a> {
    count: Vec<i32>,
    stream: Vec<i32>,
    name: Vec<&'a str>,
    expected: Vec<i32>,
    events: Vec<i32>,
    first: Vec<Option<Uuid>>,
    last: Vec<Option<Uuid>>,
    after: Vec<Option<Uuid>>,
    command: Vec<Uuid>,
    change: Vec<i16>,
    hash: Vec<Option<&'a [u8]>>,
    occurred: Vec<Option<DateTime<Utc>>>,
    claims: Vec<i32>,
}

/// The arguments per unique value.
#[derive(Default)]
struct Claims<'a> {
    part: Vec<i32>,
    kind: Vec<&'a str>,
    value: Vec<&'a [u8]>,
    stream: Vec<&'a str>,
    takes: Vec<bool>,
}

/// Everything that the function takes.
#[derive(Default)]
struct Arguments<'a> {
    partitions: Vec<i16>,
    tenant: Vec<Uuid>,
    tenant_partition: Vec<i32>,
    stream_tenant: Vec<i32>,
    stream: Vec<&'a str>,
    parts: Parts<'a>,
    claims: Claims<'a>,
    events: Events<'a>,
    event_part: Vec<i32>,
    event_index: Vec<i32>,
}

impl<'a> Arguments<'a> {
    fn of(partitions: u16, batch: &[&'a Append]) -> Self {
        let mut of: BTreeMap<u16, i32> = batch
            .iter()
            .map(|a| (a.tenant.partition(partitions), 0))
            .collect();
        for (number, (_, slot)) in (1..).zip(of.iter_mut()) {
            *slot = number;
        }
        let mut all = Self {
            partitions: of.keys().map(|p| narrow(*p)).collect(),
            ..Self::default()
        };
        let mut tenants = Numbers::<TenantId>::new();
        let mut streams = Numbers::<(i32, &str)>::new();
        for append in batch {
            let partition = append.tenant.partition(partitions);
            let (tenant, fresh) = tenants.of(append.tenant);
            if fresh {
                all.tenant.push(append.tenant.0);
                all.tenant_partition
                    .push(of.get(&partition).copied().unwrap_or(0));
            }
            all.claims(append);
            let mut leads = count(append.others.len()) + 1;
            for (stream, expected, events) in append.parts() {
                let (number, fresh) = streams.of((tenant, stream.as_str()));
                if fresh {
                    all.stream_tenant.push(tenant);
                    all.stream.push(stream.as_str());
                }
                let p = &mut all.parts;
                p.count.push(std::mem::take(&mut leads));
                p.stream.push(number);
                p.name.push(stream.as_str());
                p.expected.push(expected.code());
                p.events.push(count(events.len()));
                p.first.push(events.first().map(|event| event.event_id));
                p.last.push(events.last().map(|event| event.event_id));
                p.after.push(expected.event());
                p.command.push(append.command_id);
                p.change.push(TenantChange::code(append.change));
                p.hash
                    .push(append.request_hash.as_ref().map(<[u8; 32]>::as_slice));
                p.occurred.push(append.occurred_at);
                p.claims.push(count(append.claims.len()));
                let part = count(p.count.len());
                for (index, event) in (1..).zip(events) {
                    all.event_part.push(part);
                    all.event_index.push(index);
                    all.events.push(append, partition, stream.as_str(), event);
                }
            }
        }
        all
    }

    /// The unique values of the next command.
    fn claims(&mut self, append: &'a Append) {
        for claim in &append.claims {
            self.claims.part.push(count(self.parts.count.len()) + 1);
            self.claims.kind.push(&claim.kind);
            self.claims.value.push(&claim.value);
            self.claims.stream.push(claim.stream.as_str());
            self.claims.takes.push(claim.takes);
        }
    }
}

/// What the function answers to one command.
struct Row {
    outcome: i16,
    first_position: Option<i64>,
    first_offset: Option<i64>,
    events: Option<i32>,
    versions: Option<Vec<i32>>,
    recorded_at: Option<DateTime<Utc>>,
    part: Option<i32>,
    prior_hash: Option<Vec<u8>>,
    holder: Option<String>,
}

/// Appends a batch; one outcome each, in order.
pub(super) async fn call(
    connection: &mut PgConnection,
    partitions: u16,
    batch: &[&Append],
) -> Result<Vec<Outcome>, sqlx::Error> {
    let all = Arguments::of(partitions, batch);
    let (p, k, e) = (&all.parts, &all.claims, &all.events);
    let hashes = e.hashes();
    let rows = sqlx::query_as!(
        Row,
        r#"select outcome as "outcome!", first_position, first_offset, events, versions, recorded_at, part, prior_hash, holder
           from log.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21,
             $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35)"#,
        &all.partitions,
        &all.tenant,
        &all.tenant_partition,
        &all.stream_tenant,
        &all.stream as &[&str],
        &p.count,
        &p.stream,
        &p.name as &[&str],
        &p.expected,
        &p.events,
        &p.first as &[Option<Uuid>],
        &p.last as &[Option<Uuid>],
        &p.after as &[Option<Uuid>],
        &p.command,
        &p.change,
        &p.hash as &[Option<&[u8]>],
        &p.occurred as &[Option<DateTime<Utc>>],
        &p.claims,
        &k.part,
        &k.kind as &[&str],
        &k.value as &[&[u8]],
        &k.stream as &[&str],
        &k.takes,
        &all.event_part,
        &all.event_index,
        &e.partition,
        &e.tenant,
        &e.stream as &[&str],
        &e.id,
        &e.kind as &[&str],
        &e.schema,
        &e.payload as &[&[u8]],
        &e.content,
        &e.metadata as &[&[u8]],
        &hashes as &[&[u8]],
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(Row::outcome).collect()
}

impl Row {
    fn outcome(self) -> Result<Outcome, sqlx::Error> {
        let code = self.outcome;
        let refused = |refusal| Some(Outcome::Refused(refusal));
        let outcome = match code {
            0 => self.numbers().map(Outcome::Appended),
            1 => self
                .versions
                .and_then(|versions| versions.first().copied())
                .map(|current_version| Outcome::Conflict {
                    current_version,
                    stream: usize::try_from(self.part.unwrap_or(1) - 1).unwrap_or(0),
                }),
            2 => {
                let request_hash = self.prior_hash.clone();
                self.numbers().map(|original| Outcome::Duplicate {
                    original,
                    request_hash,
                })
            }
            3 => refused(Refusal::TenantUnknown),
            4 => refused(Refusal::TenantSuspended),
            5 => refused(Refusal::TenantFrozen),
            6 => refused(Refusal::BehindNewest),
            7 => refused(Refusal::TenantExists),
            8 => self
                .holder
                .map(|holder| Outcome::Refused(Refusal::ValueTaken { holder })),
            _ => None,
        };
        outcome.ok_or_else(|| {
            sqlx::Error::Protocol(format!("log.append answered an unknown outcome {code}"))
        })
    }

    fn numbers(self) -> Option<Appended> {
        Some(Appended {
            first_position: self.first_position?,
            first_offset: self.first_offset?,
            events: self.events?,
            first_versions: self.versions?,
            recorded_at: self.recorded_at?,
        })
    }
}
