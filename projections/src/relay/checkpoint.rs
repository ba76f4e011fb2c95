//! The relay's checkpoints: of each partition of a slot the last event that is published, in one record of the same transaction.
//! Kafka alone knows them; whoever begins to publish compares them with the topics and with the log.

use std::collections::BTreeMap;

use event_store::Store;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::place::{self, Place, Reached};
use crate::kafka::{Error, Record, Settings, Tail};

/// The last event that was published of a partition.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Checkpoint {
    pub(super) offset: i64,
    pub(super) event_id: Uuid,
    /// How far the other topics are, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) topics: BTreeMap<String, Reached>,
}

/// What a record of the checkpoints' topic holds: the partitions of the slot that its partition is named after. One record,
/// so that a transaction has one partition more and not twice as many.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub(super) struct Checkpoints {
    pub(super) partitions: BTreeMap<u16, Checkpoint>,
}

/// What Kafka says of a slot.
pub(super) struct Found {
    /// Where each goes on.
    pub(super) places: BTreeMap<u16, Place>,
    /// Kafka's offset of the last record, by topic and partition.
    pub(super) ends: Vec<(String, u16, i64)>,
}

/// Every partition of a topic that only a slot writes to.
pub(super) fn places(settings: &Settings, slot: u16, partitions: &[u16]) -> Vec<(String, u16)> {
    let events = settings.events();
    let topics = settings.outputs().iter().map(|output| &output.topic);
    let mut places: Vec<(String, u16)> = [&events]
        .into_iter()
        .chain(topics)
        .flat_map(|topic| partitions.iter().map(|p| (topic.clone(), *p)))
        .collect();
    places.push((settings.checkpoints(), slot));
    places
}

/// Where the partitions of a slot go on, as Kafka says. Blocks. Fails if the topic of the checkpoints and the others do not
/// agree; where some records were `undone`, they need not, and the last events on the topics count.
pub(super) fn read(
    tail: &Tail,
    settings: &Settings,
    slot: u16,
    partitions: &[u16],
    undone: bool,
) -> Result<Found, Error> {
    let (checkpoints, events) = (settings.checkpoints(), settings.events());
    let outputs = settings.outputs();
    let mut ends = tail.last(places(settings, slot, partitions))?;
    let at = ends
        .iter()
        .map(|((topic, partition), record)| (topic.clone(), *partition, record.kafka_offset));
    let at = at.collect();
    let mut last = |topic: &str, partition| ends.remove(&(topic.to_owned(), partition));
    let mut told = last(&checkpoints, slot)
        .map(|record| parse(&checkpoints, slot, &record))
        .transpose()?
        .unwrap_or_default();
    let places = partitions
        .iter()
        .map(|partition| {
            let checkpoint = told.partitions.remove(partition);
            let published = last(&events, *partition);
            let checkpoint = if undone {
                published.as_ref().and_then(seen)
            } else {
                agree(&events, *partition, checkpoint.as_ref(), published.as_ref())?;
                checkpoint
            };
            let mut place = Place::of(checkpoint, outputs);
            for (output, reached) in outputs.iter().zip(&mut place.outputs) {
                let found = last(&output.topic, *partition);
                let found = found.as_ref();
                if undone {
                    *reached = place::seen(found);
                    continue;
                }
                *reached = place::agree(output.content, *reached, found).ok_or_else(|| {
                    let ends = found.and_then(|record| record.number("ce_offset"));
                    Error::Diverged(format!(
                        "partition {partition} of {} does not end where the relay stopped: the checkpoint says {}, and the topic {}; delete the topic and run `daybook topics apply`: the relay fills it again, from the beginning",
                        output.topic,
                        said(reached.last),
                        ends.map_or("ends with a record that is none of the relay's".to_owned(), |offset| format!("ends with event {offset}"))
                    ))
                })?;
            }
            Ok((*partition, place))
        })
        .collect::<Result<_, Error>>()?;
    Ok(Found { places, ends: at })
}

/// What a record of an event says of itself.
fn seen(record: &Record) -> Option<Checkpoint> {
    Some(Checkpoint {
        offset: record.number("ce_offset")?,
        event_id: Uuid::parse_str(record.text("ce_id")?).ok()?,
        topics: BTreeMap::new(),
    })
}

fn parse(topic: &str, partition: u16, record: &Record) -> Result<Checkpoints, Error> {
    serde_json::from_slice(&record.value).map_err(|error| {
        Error::Diverged(format!(
            "the last record of partition {partition} of {topic} is not a checkpoint of the relay ({error}): something else writes to that topic; stop it, and set kafka.prefix to a new name"
        ))
    })
}

fn agree(
    topic: &str,
    partition: u16,
    checkpoint: Option<&Checkpoint>,
    last: Option<&Record>,
) -> Result<(), Error> {
    let published = last.map(|record| record.number("ce_offset"));
    let says = checkpoint.map(|checkpoint| checkpoint.offset);
    let found = match published {
        None if says.is_none() => return Ok(()),
        Some(offset) if offset == says && says.is_some() => return Ok(()),
        None => "it has none: it was emptied, or its retention is too short".to_owned(),
        Some(None) => {
            "it ends with a record that is no event: something else writes to it".to_owned()
        }
        Some(Some(offset)) => {
            format!("its last is {offset}: something else writes to it, or records were lost")
        }
    };
    let says = said(says);
    Err(Error::Diverged(format!(
        "partition {partition} of {topic} does not end where the relay stopped: the checkpoint says {says}, and {found}; find out what happened to the topic, then set kafka.prefix to a new name: the relay fills new topics from the log, from the beginning"
    )))
}

fn said(offset: Option<i64>) -> String {
    offset.map_or("nothing".to_owned(), |offset| format!("event {offset}"))
}

/// Fails unless each checkpoint's event is in the log under its number: a log that was restored to an earlier state, or
/// lost its end in a failover, numbers other events like those that are published already.
pub(super) async fn guard(store: &Store, places: &BTreeMap<u16, Place>) -> Result<(), Error> {
    let mut tx = store.partition_tx().await?;
    for (partition, place) in places {
        let Some(published) = place.last else {
            continue;
        };
        let offset = place.next - 1;
        let found = sqlx::query_scalar!(
            r#"select event_id from log.event where partition = $1 and "offset" = $2"#,
            i16::try_from(*partition).unwrap_or(i16::MAX),
            offset
        )
        .fetch_optional(tx.connection())
        .await?;
        if found == Some(published) {
            continue;
        }
        let found = found.map_or("no event".to_owned(), |id| format!("event {id}"));
        return Err(Error::Diverged(format!(
            "the log and Kafka tell different histories: in partition {partition} event {published} was published as number {offset}, and the log has {found} there; the database was restored to an earlier state, or lost its end in a failover. Nothing is published until you decide: bring back the database that has the events, or set kafka.prefix to a new name and tell the consumers: the relay fills new topics from the log as it is"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn event(offset: &str) -> Record {
        Record {
            kafka_offset: 0,
            key: vec![],
            value: vec![],
            headers: vec![("ce_offset".to_owned(), offset.as_bytes().to_vec())],
        }
    }

    fn checkpoint(offset: i64) -> Checkpoint {
        Checkpoint {
            offset,
            event_id: Uuid::nil(),
            topics: BTreeMap::new(),
        }
    }

    fn why(checkpoint: Option<&Checkpoint>, last: Option<&Record>) -> String {
        agree("t", 3, checkpoint, last).unwrap_err().to_string()
    }

    #[test]
    fn the_topic_ends_where_the_checkpoint_says() {
        agree("t", 3, None, None).unwrap();
        agree("t", 3, Some(&checkpoint(7)), Some(&event("7"))).unwrap();
        assert!(
            why(Some(&checkpoint(7)), Some(&event("8")))
                .contains("says event 7, and its last is 8")
        );
        assert!(why(Some(&checkpoint(7)), None).contains("says event 7, and it has none"));
        assert!(why(None, Some(&event("0"))).contains("says nothing, and its last is 0"));
        assert!(why(None, Some(&event("x"))).contains("no event"));
    }

    #[test]
    fn a_checkpoint_is_read_as_it_was_written() {
        let record = |value: &str| Record {
            value: value.as_bytes().to_vec(),
            ..event("0")
        };
        let all = Checkpoints {
            partitions: BTreeMap::from([(4, checkpoint(5)), (8, checkpoint(0))]),
        };
        let written = serde_json::to_string(&all).unwrap();
        assert_eq!(parse("t", 0, &record(&written)).unwrap(), all);
        let error = parse("t", 0, &record("{}")).unwrap_err().to_string();
        assert!(error.contains("not a checkpoint"));
    }
}
