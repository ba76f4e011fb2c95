//! One call of `log.append`, which decides every command itself. Owns the translation to arrays and back.

use std::collections::{BTreeMap, HashMap};

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
    parts: Vec<i32>,
    stream: Vec<i32>,
    name: Vec<&'a str>,
    expected: Vec<i32>,
    events: Vec<i32>,
    first: Vec<Option<Uuid>>,
    command: Vec<Uuid>,
    change: Vec<i16>,
    hash: Vec<Option<&'a [u8]>>,
    occurred: Vec<Option<chrono::DateTime<chrono::Utc>>>,
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

/// Appends a batch; one outcome each, in order.
pub(super) async fn call(
    connection: &mut PgConnection,
    partitions: u16,
    batch: &[&Append],
) -> Result<Vec<Outcome>, sqlx::Error> {
    let mut q: BTreeMap<u16, i32> = batch
        .iter()
        .map(|a| (a.tenant.partition(partitions), 0))
        .collect();
    for (number, (_, slot)) in (1..).zip(q.iter_mut()) {
        *slot = number;
    }
    let q_partition: Vec<i16> = q.keys().map(|p| narrow(*p)).collect();
    let (mut tenants, mut streams) = (Numbers::<TenantId>::new(), Numbers::<(i32, &str)>::new());
    let (mut t_tenant, mut t_partition) = (Vec::new(), Vec::new());
    let (mut s_tenant, mut s_stream) = (Vec::new(), Vec::new());
    let (mut p, mut k, mut e) = (Parts::default(), Claims::default(), Events::default());
    let (mut e_part, mut e_index) = (Vec::new(), Vec::new());
    for append in batch {
        let partition = append.tenant.partition(partitions);
        let (tenant, fresh) = tenants.of(append.tenant);
        if fresh {
            t_tenant.push(append.tenant.0);
            t_partition.push(q.get(&partition).copied().unwrap_or(0));
        }
        for claim in &append.claims {
            k.part.push(count(p.parts.len()) + 1);
            k.kind.push(&claim.kind);
            k.value.push(&claim.value);
            k.stream.push(claim.stream.as_str());
            k.takes.push(claim.takes);
        }
        let mut leads = count(append.others.len()) + 1;
        for (stream, expected, events) in append.parts() {
            let (number, fresh) = streams.of((tenant, stream.as_str()));
            if fresh {
                s_tenant.push(tenant);
                s_stream.push(stream.as_str());
            }
            p.parts.push(std::mem::take(&mut leads));
            p.stream.push(number);
            p.name.push(stream.as_str());
            p.expected.push(expected.code());
            p.events.push(count(events.len()));
            p.first.push(events.first().map(|event| event.event_id));
            p.command.push(append.command_id);
            p.change.push(TenantChange::code(append.change));
            p.hash
                .push(append.request_hash.as_ref().map(<[u8; 32]>::as_slice));
            p.occurred.push(append.occurred_at);
            p.claims.push(count(append.claims.len()));
            for (index, event) in (1..).zip(events) {
                e_part.push(count(p.parts.len()));
                e_index.push(index);
                e.push(append, partition, stream.as_str(), event);
            }
        }
    }
    let hashes = e.hashes();
    let rows = sqlx::query!(
        r#"select outcome as "outcome!", first_position, first_offset, events, versions, recorded_at, part, prior_hash, holder
           from log.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21,
             $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33)"#,
        &q_partition,
        &t_tenant,
        &t_partition,
        &s_tenant,
        &s_stream as &[&str],
        &p.parts,
        &p.stream,
        &p.name as &[&str],
        &p.expected,
        &p.events,
        &p.first as &[Option<Uuid>],
        &p.command,
        &p.change,
        &p.hash as &[Option<&[u8]>],
        &p.occurred as &[Option<chrono::DateTime<chrono::Utc>>],
        &p.claims,
        &k.part,
        &k.kind as &[&str],
        &k.value as &[&[u8]],
        &k.stream as &[&str],
        &k.takes,
        &e_part,
        &e_index,
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

    rows.into_iter()
        .map(|row| {
            let numbers = |first_versions: Vec<i32>| {
                Some(Appended {
                    first_position: row.first_position?,
                    first_offset: row.first_offset?,
                    events: row.events?,
                    first_versions,
                    recorded_at: row.recorded_at?,
                })
            };
            let versions = row.versions.unwrap_or_default();
            let refused = |refusal| Some(Outcome::Refused(refusal));
            let outcome = match row.outcome {
                0 => numbers(versions).map(Outcome::Appended),
                1 => versions.first().map(|current| Outcome::Conflict {
                    current_version: *current,
                    stream: usize::try_from(row.part.unwrap_or(1) - 1).unwrap_or(0),
                }),
                2 => numbers(versions).map(|original| Outcome::Duplicate {
                    original,
                    request_hash: row.prior_hash,
                }),
                3 => refused(Refusal::TenantUnknown),
                4 => refused(Refusal::TenantSuspended),
                5 => refused(Refusal::TenantFrozen),
                6 => refused(Refusal::BehindNewest),
                7 => refused(Refusal::TenantExists),
                8 => row
                    .holder
                    .map(|holder| Outcome::Refused(Refusal::ValueTaken { holder })),
                _ => None,
            };
            outcome.ok_or_else(|| {
                sqlx::Error::Protocol(format!(
                    "log.append answered an unknown outcome {}",
                    row.outcome
                ))
            })
        })
        .collect()
}
