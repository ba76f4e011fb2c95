//! What must be true of the log, of what readers saw of it, and of what writers were told. Pure, so that it is tested
//! itself: every fault it is there to find is shown to be found.

use std::collections::{BTreeMap, HashMap, HashSet};

use event_schemas::RecordedEvent;
use sqlx::PgConnection;
use uuid::Uuid;

/// What is made of a database that does not answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outages {
    /// It is a fault.
    None,
    /// It is being killed: readers look again, and a server that finds a command's events in the log after its connection was
    /// lost cannot tell whether they are from an earlier request with the same key.
    Expected,
}

/// An event's numbers, and whose it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    pub partition: u16,
    pub offset: i64,
    pub tenant: Uuid,
    pub position: i64,
    pub stream: String,
    pub version: i32,
    pub id: Uuid,
    /// The trace of the command that caused it.
    pub trace: Option<Uuid>,
    /// In microseconds since 1970.
    pub recorded: i64,
}

impl Event {
    pub fn of(event: &RecordedEvent) -> Self {
        let metadata: serde_json::Value = serde_json::from_slice(&event.metadata).unwrap();
        let trace = metadata["traceparent"]
            .as_str()
            .and_then(|parent| parent.split('-').nth(1)?.parse().ok());
        Self {
            partition: event.partition,
            offset: event.offset,
            tenant: event.tenant.0,
            position: event.position,
            stream: event.stream.0.clone(),
            version: event.version,
            id: event.event_id,
            trace,
            recorded: event.recorded_at.timestamp_micros(),
        }
    }
}

/// The whole log at the end, by partition and offset.
#[derive(Clone, Default, Debug)]
pub struct Log {
    pub events: Vec<Event>,
    /// The first free offset of each partition.
    pub heads: BTreeMap<u16, i64>,
}

#[derive(sqlx::FromRow)]
struct Row {
    partition: i16,
    offset: i64,
    tenant_id: Uuid,
    position: i64,
    stream_id: String,
    version: i32,
    event_id: Uuid,
    metadata: Vec<u8>,
    recorded_at: chrono::DateTime<chrono::Utc>,
}

impl Log {
    pub async fn read(admin: &mut PgConnection) -> Self {
        let query = "select partition, \"offset\", tenant_id, position, stream_id, version, event_id, metadata, recorded_at \
                     from log.event order by partition, \"offset\"";
        // The last appends of killed servers may still be at work.
        let ended = "select pg_terminate_backend(pid, 10000) from pg_stat_activity \
                     where datname = current_database() and application_name = 'daybook_append'";
        sqlx::raw_sql(ended).execute(&mut *admin).await.unwrap();
        let heads: Vec<(i16, i64)> =
            sqlx::query_as("select partition, next_offset from log.partition")
                .fetch_all(&mut *admin)
                .await
                .unwrap();
        let rows: Vec<Row> = sqlx::query_as(query).fetch_all(admin).await.unwrap();
        let number = |n: i16| u16::try_from(n).unwrap();
        let event = |row: Row| {
            let metadata: serde_json::Value = serde_json::from_slice(&row.metadata).unwrap();
            Event {
                partition: number(row.partition),
                offset: row.offset,
                tenant: row.tenant_id,
                position: row.position,
                stream: row.stream_id,
                version: row.version,
                id: row.event_id,
                trace: metadata["traceparent"]
                    .as_str()
                    .and_then(|parent| parent.split('-').nth(1)?.parse().ok()),
                recorded: row.recorded_at.timestamp_micros(),
            }
        };
        Self {
            events: rows.into_iter().map(event).collect(),
            heads: heads
                .into_iter()
                .map(|(p, next)| (number(p), next))
                .collect(),
        }
    }

    /// Every fault of the log by itself.
    pub fn wrong(&self) -> Vec<String> {
        let mut wrong = sequences("the log", &self.events);
        let mut ends: BTreeMap<u16, i64> =
            self.heads.keys().map(|partition| (*partition, 0)).collect();
        let mut ids = HashSet::new();
        let mut recorded: HashMap<u16, i64> = HashMap::new();
        for event in &self.events {
            ends.insert(event.partition, event.offset + 1);
            if !ids.insert(event.id) {
                wrong.push(format!("the event {} is there twice", event.id));
            }
            let last = recorded.insert(event.partition, event.recorded);
            if last.is_some_and(|last| last > event.recorded) {
                wrong.push(format!(
                    "partition {} offset {} was recorded before its predecessor",
                    event.partition, event.offset
                ));
            }
        }
        if ends != self.heads {
            wrong.push(format!(
                "the counters say {:?} and the rows {ends:?}",
                self.heads
            ));
        }
        wrong
    }
}

/// Gaps, repetitions and inversions, in the order in which events were seen.
fn sequences(who: &str, events: &[Event]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut offsets: HashMap<u16, i64> = HashMap::new();
    let mut positions: HashMap<Uuid, i64> = HashMap::new();
    let mut versions: HashMap<(Uuid, &str), i32> = HashMap::new();
    for event in events {
        let next = offsets.entry(event.partition).or_insert(0);
        if who != "tenants" && event.offset != *next {
            wrong.push(format!(
                "{who}: partition {} has offset {} where {next} follows",
                event.partition, event.offset
            ));
        }
        *next = event.offset + 1;
        let next = positions.entry(event.tenant).or_insert(1);
        if event.position != *next {
            wrong.push(format!(
                "{who}: tenant {} has position {} where {next} follows",
                event.tenant, event.position
            ));
        }
        *next = event.position + 1;
        let next = versions.entry((event.tenant, &event.stream)).or_insert(1);
        if event.version != *next {
            wrong.push(format!(
                "{who}: stream {} has version {} where {next} follows",
                event.stream, event.version
            ));
        }
        *next = event.version + 1;
    }
    wrong
}

/// What one reader saw, in its order.
#[derive(Clone, Default, Debug)]
pub struct Seen {
    pub name: &'static str,
    pub events: Vec<Event>,
    pub errors: Vec<String>,
}

impl Seen {
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            ..Self::default()
        }
    }

    /// Every fault of what it saw: by itself, and beside the log as it is at the end.
    pub fn wrong(&self, log: &Log) -> Vec<String> {
        let mut wrong = self.errors.clone();
        wrong.extend(sequences(self.name, &self.events));
        let key = |event: &Event| (event.partition, event.offset);
        let mut sorted = self.events.clone();
        sorted.sort_by_key(key);
        if sorted != log.events {
            wrong.push(format!(
                "{} saw {} events, and not those {} that are there",
                self.name,
                sorted.len(),
                log.events.len()
            ));
        }
        wrong
    }
}

/// One command of a writer, with everything that it was answered.
#[derive(Clone, Debug)]
pub struct Command {
    pub trace: Uuid,
    pub tenant: usize,
    /// The events' ids and whether it was called a repetition, once per acceptance.
    pub answers: Vec<(Vec<Uuid>, bool)>,
    /// When it was first accepted, in microseconds since 1970.
    pub accepted: i64,
    /// Statuses and codes of refusals.
    pub refused: Vec<(u16, String)>,
}

/// Everything that writers were told.
#[derive(Clone, Default, Debug)]
pub struct Ledger {
    pub commands: Vec<Command>,
}

impl Ledger {
    pub fn merge(&mut self, other: Self) {
        self.commands.extend(other.commands);
    }

    /// Acknowledged commands, and those whose fate their writer never learnt.
    pub fn counts(&self) -> (usize, usize) {
        let acknowledged = self
            .commands
            .iter()
            .filter(|command| !command.answers.is_empty())
            .count();
        let unknown = self
            .commands
            .iter()
            .filter(|command| command.answers.is_empty() && command.refused.is_empty())
            .count();
        (acknowledged, unknown)
    }

    /// Every promise that the log does not keep.
    pub fn wrong(&self, log: &Log, outages: Outages) -> Vec<String> {
        let mut effects: HashMap<Uuid, Vec<&Event>> = HashMap::new();
        for event in &log.events {
            if let Some(trace) = event.trace {
                effects.entry(trace).or_default().push(event);
            }
        }
        self.commands
            .iter()
            .filter_map(|command| {
                let found = effects
                    .get(&command.trace)
                    .map(Vec::as_slice)
                    .unwrap_or_default();
                command.wrong(found, outages).map(|why| {
                    format!(
                        "command {} of tenant {}: {why}",
                        command.trace, command.tenant
                    )
                })
            })
            .collect()
    }
}

impl Command {
    fn wrong(&self, found: &[&Event], outages: Outages) -> Option<String> {
        let after = found.iter().any(|event| event.recorded > self.accepted);
        let found: Vec<Uuid> = found.iter().map(|event| event.id).collect();
        let Some((events, _)) = self.answers.first() else {
            if !self.refused.is_empty() && !found.is_empty() {
                return Some(format!(
                    "was refused ({:?}) and happened: {found:?}",
                    self.refused
                ));
            }
            // Every command here writes one event.
            return (found.len() > 1)
                .then(|| format!("was never acknowledged and happened {} times", found.len()));
        };
        if !self.refused.is_empty() {
            return Some(format!("was accepted and then refused: {:?}", self.refused));
        }
        if self.answers.iter().any(|(again, _)| again != events) {
            return Some(format!("was answered differently: {:?}", self.answers));
        }
        let again = self.answers.iter().skip(1).any(|(_, replayed)| !replayed);
        if again && (after || outages == Outages::None) {
            return Some("was done again instead of being answered again".to_owned());
        }
        if found.is_empty() {
            return Some(format!("was acknowledged with {events:?} and is lost"));
        }
        if found.len() > 1 {
            let times = found.len();
            return Some(format!(
                "was acknowledged with {events:?} and happened {times} times: {found:?}"
            ));
        }
        (*events != found || events.len() != 1)
            .then(|| format!("was acknowledged with {events:?}, and there are {found:?}"))
    }
}

#[cfg(test)]
mod tests;
