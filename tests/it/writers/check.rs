//! What must be true of the log, of what readers saw of it, and of what writers were told. Pure, so that it is tested
//! itself: every fault it is there to find is shown to be found.

use std::collections::{BTreeMap, HashMap, HashSet};

use event_schemas::RecordedEvent;
use sqlx::PgConnection;
use uuid::Uuid;

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
        let trace = metadata["traceparent"].as_str().and_then(|parent| parent.split('-').nth(1)?.parse().ok());
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
        let heads: Vec<(i16, i64)> = sqlx::query_as("select partition, next_offset from log.partition").fetch_all(&mut *admin).await.unwrap();
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
                trace: metadata["traceparent"].as_str().and_then(|parent| parent.split('-').nth(1)?.parse().ok()),
                recorded: row.recorded_at.timestamp_micros(),
            }
        };
        Self { events: rows.into_iter().map(event).collect(), heads: heads.into_iter().map(|(p, next)| (number(p), next)).collect() }
    }

    /// Every fault of the log by itself.
    pub fn wrong(&self) -> Vec<String> {
        let mut wrong = sequences("the log", &self.events);
        let mut ends: BTreeMap<u16, i64> = self.heads.keys().map(|partition| (*partition, 0)).collect();
        let mut ids = HashSet::new();
        let mut recorded: HashMap<u16, i64> = HashMap::new();
        for event in &self.events {
            ends.insert(event.partition, event.offset + 1);
            if !ids.insert(event.id) {
                wrong.push(format!("the event {} is there twice", event.id));
            }
            let last = recorded.insert(event.partition, event.recorded);
            if last.is_some_and(|last| last > event.recorded) {
                wrong.push(format!("partition {} offset {} was recorded before its predecessor", event.partition, event.offset));
            }
        }
        if ends != self.heads {
            wrong.push(format!("the counters say {:?} and the rows {ends:?}", self.heads));
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
            wrong.push(format!("{who}: partition {} has offset {} where {next} follows", event.partition, event.offset));
        }
        *next = event.offset + 1;
        let next = positions.entry(event.tenant).or_insert(1);
        if event.position != *next {
            wrong.push(format!("{who}: tenant {} has position {} where {next} follows", event.tenant, event.position));
        }
        *next = event.position + 1;
        let next = versions.entry((event.tenant, &event.stream)).or_insert(1);
        if event.version != *next {
            wrong.push(format!("{who}: stream {} has version {} where {next} follows", event.stream, event.version));
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
        Self { name, ..Self::default() }
    }

    /// Every fault of what it saw: by itself, and beside the log as it is at the end.
    pub fn wrong(&self, log: &Log) -> Vec<String> {
        let mut wrong = self.errors.clone();
        wrong.extend(sequences(self.name, &self.events));
        let key = |event: &Event| (event.partition, event.offset);
        let mut sorted = self.events.clone();
        sorted.sort_by_key(key);
        if sorted != log.events {
            wrong.push(format!("{} saw {} events, and not those {} that are there", self.name, sorted.len(), log.events.len()));
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
        let acknowledged = self.commands.iter().filter(|command| !command.answers.is_empty()).count();
        let unknown = self.commands.iter().filter(|command| command.answers.is_empty() && command.refused.is_empty()).count();
        (acknowledged, unknown)
    }

    /// Every promise that the log does not keep.
    pub fn wrong(&self, log: &Log) -> Vec<String> {
        let mut effects: HashMap<Uuid, Vec<Uuid>> = HashMap::new();
        for event in &log.events {
            if let Some(trace) = event.trace {
                effects.entry(trace).or_default().push(event.id);
            }
        }
        self.commands.iter().filter_map(|command| {
            let found = effects.get(&command.trace).map(Vec::as_slice).unwrap_or_default();
            command.wrong(found).map(|why| format!("command {} of tenant {}: {why}", command.trace, command.tenant))
        }).collect()
    }
}

impl Command {
    fn wrong(&self, found: &[Uuid]) -> Option<String> {
        let Some((events, _)) = self.answers.first() else {
            if !self.refused.is_empty() && !found.is_empty() {
                return Some(format!("was refused ({:?}) and happened: {found:?}", self.refused));
            }
            // Every command here writes one event.
            return (found.len() > 1).then(|| format!("was never acknowledged and happened {} times", found.len()));
        };
        if !self.refused.is_empty() {
            return Some(format!("was accepted and then refused: {:?}", self.refused));
        }
        if self.answers.iter().any(|(again, _)| again != events) {
            return Some(format!("was answered differently: {:?}", self.answers));
        }
        if self.answers.iter().skip(1).any(|(_, replayed)| !replayed) {
            return Some("was done again instead of being answered again".to_owned());
        }
        (events != found || events.len() != 1).then(|| format!("was acknowledged with {events:?}, and there are {found:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log() -> Log {
        // Two tenants in one partition, three streams.
        let event = |offset: i64, tenant: u128, position: i64, stream: &str, version: i32| Event {
            partition: 0,
            offset,
            tenant: Uuid::from_u128(tenant),
            position,
            stream: stream.to_owned(),
            version,
            id: Uuid::from_u64_pair(1, u64::try_from(offset).unwrap()),
            trace: Some(Uuid::from_u64_pair(2, u64::try_from(offset).unwrap())),
            recorded: offset,
        };
        let events = vec![event(0, 1, 1, "a", 1), event(1, 2, 1, "a", 1), event(2, 1, 2, "a", 2), event(3, 1, 3, "b", 1), event(4, 2, 2, "a", 2)];
        Log { events, heads: BTreeMap::from([(0, 5), (1, 0)]) }
    }

    fn seen(change: impl FnOnce(&mut Vec<Event>)) -> Vec<String> {
        let mut events = log().events;
        change(&mut events);
        Seen { name: "reader", events, errors: vec![] }.wrong(&log())
    }

    #[test]
    fn a_good_log_is_good() {
        assert!(log().wrong().is_empty());
        assert!(seen(|_| {}).is_empty());
    }

    #[test]
    fn a_gap_an_inversion_a_repetition_and_a_missing_end_are_found() {
        assert!(!seen(|events| { events.remove(2); }).is_empty(), "a gap");
        assert!(!seen(|events| { events.remove(0); }).is_empty(), "a missing beginning");
        assert!(!seen(|events| { events.pop(); }).is_empty(), "a missing end");
        assert!(!seen(|events| events.swap(2, 3)).is_empty(), "an inversion");
        assert!(!seen(|events| events.insert(3, events[2].clone())).is_empty(), "a repetition");
        assert!(!seen(|events| events[3].id = Uuid::nil()).is_empty(), "another event");
        let failed = Seen { errors: vec!["corrupt".to_owned()], events: log().events, name: "reader" };
        assert!(!failed.wrong(&log()).is_empty(), "an error");
    }

    #[test]
    fn each_number_of_the_log_is_checked() {
        let wrong = |change: fn(&mut Log)| {
            let mut log = log();
            change(&mut log);
            log.wrong()
        };
        assert!(!wrong(|log| log.events[4].offset = 5).is_empty(), "an offset");
        assert!(!wrong(|log| log.events[4].position = 3).is_empty(), "a position");
        assert!(!wrong(|log| log.events[4].version = 3).is_empty(), "a version");
        assert!(!wrong(|log| log.events[4].version = 1).is_empty(), "a version twice");
        assert!(!wrong(|log| log.events[4].id = log.events[0].id).is_empty(), "an id twice");
        assert!(!wrong(|log| log.events[4].recorded = 0).is_empty(), "a time that goes back");
        assert!(!wrong(|log| { log.heads.insert(0, 6); }).is_empty(), "a counter");
        assert!(!wrong(|log| { log.heads.insert(1, 1); }).is_empty(), "the counter of an empty partition");
    }

    fn told(offset: u64, answers: &[(u64, bool)], refused: bool, change: impl FnOnce(&mut Log)) -> Vec<String> {
        let id = |n: u64| Uuid::from_u64_pair(1, n);
        let mut log = log();
        change(&mut log);
        let answers = answers.iter().map(|(event, replayed)| (vec![id(*event)], *replayed)).collect();
        let refused = if refused { vec![(422, "no".to_owned())] } else { vec![] };
        Ledger { commands: vec![Command { trace: Uuid::from_u64_pair(2, offset), tenant: 0, answers, refused }] }.wrong(&log)
    }

    #[test]
    fn each_broken_promise_is_found() {
        assert!(told(2, &[(2, false)], false, |_| {}).is_empty());
        assert!(told(2, &[(2, true), (2, true)], false, |_| {}).is_empty());
        assert!(told(2, &[], false, |_| {}).is_empty(), "it may have happened");
        assert!(told(9, &[], false, |_| {}).is_empty(), "or not");
        assert!(told(9, &[], true, |_| {}).is_empty());
        assert!(!told(9, &[(9, false)], false, |_| {}).is_empty(), "acknowledged and lost");
        assert!(!told(2, &[(3, false)], false, |_| {}).is_empty(), "acknowledged as another");
        assert!(!told(2, &[(2, false), (3, true)], false, |_| {}).is_empty(), "answered differently");
        assert!(!told(2, &[(2, false), (2, false)], false, |_| {}).is_empty(), "done again");
        assert!(!told(2, &[(2, false)], true, |_| {}).is_empty(), "accepted, then refused");
        assert!(!told(2, &[], true, |_| {}).is_empty(), "refused and done");
        let twice = |log: &mut Log| log.events[3].trace = log.events[2].trace;
        assert!(!told(2, &[], false, twice).is_empty(), "never acknowledged and done twice");
        assert!(!told(2, &[(2, false)], false, twice).is_empty(), "acknowledged and done twice");
    }
}
