//! Proves a topic of events: those of the log, or of one of its contexts, each once and in order.

use event_schemas::RecordedEvent;

use super::{Log, Reader, Report};
use crate::kafka::{Envelope, Error, Record, SCHEMA_ID, Settings};

/// Reads the topic to its end. With a log, it is held against that; alone, its numbers are held against each
/// other. Those of all events are `gapless`.
pub(super) async fn prove(
    reader: &mut Reader<'_>,
    settings: &Settings,
    mut log: Option<Log<'_>>,
    gapless: bool,
) -> Result<Report, Error> {
    let mut proof = Proof::new(settings, reader.partition, gapless);
    loop {
        let page = reader.page().await?;
        if page.is_empty() {
            break;
        }
        for (kafka_offset, record) in &page {
            let Some(offset) = proof.place(*kafka_offset, record) else {
                continue;
            };
            if let Some(log) = &mut log {
                proof.hold(*kafka_offset, record, offset, log).await?;
            }
        }
    }
    if let Some(log) = &mut log {
        proof.end(log).await?;
    }
    Ok(proof.report)
}

/// What was seen of a partition so far.
struct Proof {
    report: Report,
    envelope: Envelope,
    /// Whether its offsets have no gaps.
    gapless: bool,
}

impl Proof {
    fn new(settings: &Settings, partition: u16, gapless: bool) -> Self {
        Self {
            report: Report::new(partition),
            envelope: Envelope::new(settings.source()),
            gapless,
        }
    }

    /// Holds a record's number against those before it. The answer is its offset, if it is in its place.
    fn place(&mut self, kafka_offset: i64, record: &Record) -> Option<i64> {
        self.report.records += 1;
        let Some(offset) = record.number("ce_offset") else {
            self.fault(
                kafka_offset,
                "a record that is no event of the log".to_owned(),
            );
            return None;
        };
        let expected = self.report.next_offset;
        if offset < expected {
            self.fault(
                kafka_offset,
                format!("event {offset} comes again after event {}", expected - 1),
            );
            return None;
        }
        if self.gapless && offset > expected {
            self.fault(
                kafka_offset,
                format!(
                    "event {offset} where {expected} follows: {} are missing",
                    offset - expected
                ),
            );
        }
        self.report.next_offset = offset + 1;
        Some(offset)
    }

    /// Holds a record against the event of its number.
    async fn hold(
        &mut self,
        kafka_offset: i64,
        record: &Record,
        offset: i64,
        log: &mut Log<'_>,
    ) -> Result<(), Error> {
        let mut missing = 0;
        while log.peek().await?.is_some_and(|next| next < offset) {
            log.next().await?;
            missing += 1;
        }
        if missing > 0 && !self.gapless {
            self.fault(
                kafka_offset,
                format!("{missing} events that belong before event {offset} are missing"),
            );
        }
        if log.peek().await? != Some(offset) {
            self.fault(
                kafka_offset,
                format!("the log has no event {offset} for this topic"),
            );
            return Ok(());
        }
        if let Some(event) = log.next().await? {
            self.compare(kafka_offset, record, &event);
        }
        Ok(())
    }

    fn compare(&mut self, kafka_offset: i64, record: &Record, event: &RecordedEvent) {
        let mut differs = Vec::new();
        if record.value != event.payload {
            differs.push("its payload".to_owned());
        }
        if record.key != self.envelope.key(event) {
            differs.push("its key".to_owned());
        }
        let mut given = record.headers.iter();
        self.envelope.headers(event, |name, value| {
            let next = given.next();
            let same = |is: &[u8]| is == value || (name == SCHEMA_ID && names_schema(is, event));
            if next.is_none_or(|(given, is)| given != name || !same(is)) {
                differs.push(format!("its header {name}"));
            }
        });
        if let Some((name, _)) = given.next() {
            differs.push(format!("a header {name} that was not published"));
        }
        if !differs.is_empty() {
            self.fault(
                kafka_offset,
                format!(
                    "event {} is not as it stands in the log: {}",
                    event.offset,
                    differs.join(", ")
                ),
            );
        }
    }

    /// What is on the topic must be in the log; what is not there yet is counted.
    async fn end(&mut self, log: &mut Log<'_>) -> Result<(), Error> {
        let (next, head) = (self.report.next_offset, log.head().await?);
        self.report.head = Some(head);
        if next > head {
            self.report.fault(
                None,
                format!(
                    "the topic has events up to {}, and the log ends at {}",
                    next - 1,
                    head - 1
                ),
            );
        }
        self.report.behind = Some(if self.gapless {
            (head - next).max(0)
        } else {
            let mut behind = 0;
            while log.next().await?.is_some() {
                behind += 1;
            }
            behind
        });
        Ok(())
    }

    fn fault(&mut self, kafka_offset: i64, what: String) {
        self.report.fault(Some(kafka_offset), what);
    }
}

/// Whether a header names a schema of the event's, maybe an earlier text of it.
fn names_schema(header: &[u8], event: &RecordedEvent) -> bool {
    event_schemas::schema::all().iter().any(|schema| {
        schema.event_type == event.event_type
            && schema.schema_version == event.schema_version
            && schema.header() == header
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{super::TOLD, *};

    fn record(offset: &str) -> Record {
        Record {
            kafka_offset: 0,
            key: vec![],
            value: vec![],
            headers: vec![("ce_offset".to_owned(), offset.as_bytes().to_vec())],
        }
    }

    fn faults(offsets: &[&str]) -> Vec<String> {
        let settings = Settings::try_new("localhost:1", "daybook", "main", 1, "").unwrap();
        let mut proof = Proof::new(&settings, 0, true);
        for (at, offset) in (100..).zip(offsets) {
            proof.place(at, &record(offset));
        }
        proof
            .report
            .faults
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn a_topic_is_proved_alone() {
        assert_eq!(faults(&["0", "1", "2"]), Vec::<String>::new());
        assert_eq!(
            faults(&["0", "2", "1", "2", "3", "x"]),
            [
                "at Kafka's offset 101: event 2 where 1 follows: 1 are missing",
                "at Kafka's offset 102: event 1 comes again after event 2",
                "at Kafka's offset 103: event 2 comes again after event 2",
                "at Kafka's offset 105: a record that is no event of the log",
            ]
        );
        assert_eq!(
            faults(&["5"]),
            ["at Kafka's offset 100: event 5 where 0 follows: 5 are missing"]
        );
    }

    #[test]
    fn many_faults_are_counted() {
        let settings = Settings::try_new("localhost:1", "daybook", "main", 1, "").unwrap();
        let mut proof = Proof::new(&settings, 0, true);
        for at in 0..100 {
            proof.place(at, &record("x"));
        }
        assert_eq!(
            (proof.report.faulty, proof.report.faults.len()),
            (100, TOLD)
        );
    }
}
