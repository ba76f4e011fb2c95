//! What is to be done about topics as they are found.
#![allow(clippy::unwrap_used, reason = "tests")]

use rdkafka::admin::{ConfigEntry, OwnedResourceSpecifier};

use super::*;

fn settings() -> Settings {
    Settings::try_new("localhost:1", "daybook", "main", 3, "").unwrap()
}

fn found(topic: &Topic, changed: &[(&str, &str)]) -> Found {
    let entry = |name: &str, value: &str| ConfigEntry {
        name: name.to_owned(),
        value: Some(value.to_owned()),
        source: ConfigSource::DynamicTopic,
        is_read_only: false,
        is_default: false,
        is_sensitive: false,
    };
    let entries = topic
        .settings
        .iter()
        .map(|(name, value)| {
            let changed = changed.iter().find(|(other, _)| other == name);
            entry(name, changed.map_or(value.as_str(), |(_, value)| value))
        })
        .collect();
    Found {
        partitions: usize::from(topic.partitions),
        settings: Some(ConfigResource {
            specifier: OwnedResourceSpecifier::Topic(topic.name.clone()),
            entries,
        }),
    }
}

fn plan(changed: &[(&str, &str)]) -> Vec<String> {
    let topic = topics(&settings(), 16).remove(0);
    let mut plan = Plan::default();
    compare(topic.clone(), Some(found(&topic, changed)), &mut plan);
    assert_eq!(plan.refused, Vec::<String>::new());
    plan.changes.iter().map(ToString::to_string).collect()
}

#[test]
fn a_missing_topic_is_created() {
    let topic = topics(&settings(), 16).remove(0);
    let mut plan = Plan::default();
    compare(topic, None, &mut plan);
    assert_eq!(
        plan.changes
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
        [
            "create daybook.events.v1 with 16 partitions, 3 times, cleanup.policy=delete, retention.ms=-1, retention.bytes=-1, min.insync.replicas=2, max.message.bytes=2097152"
        ]
    );
}

#[test]
fn what_is_not_as_it_must_be_is_set() {
    assert_eq!(plan(&[]), Vec::<String>::new());
    let more = [
        ("max.message.bytes", "9000000"),
        ("min.insync.replicas", "3"),
    ];
    assert_eq!(plan(&more), Vec::<String>::new());
    assert_eq!(
        plan(&[("retention.ms", "604800000"), ("max.message.bytes", "1000")]),
        [
            "set retention.ms=-1 on daybook.events.v1, which has 604800000",
            "set max.message.bytes=2097152 on daybook.events.v1, which has 1000",
        ]
    );
}

#[test]
fn other_partitions_are_refused_with_the_way_out() {
    let topic = topics(&settings(), 16).remove(0);
    let mut plan = Plan::default();
    let fewer = Found {
        partitions: 3,
        ..found(&topic, &[])
    };
    compare(topic, Some(fewer), &mut plan);
    assert!(plan.changes.is_empty());
    assert!(
        plan.refused
            .iter()
            .any(|why| why.contains("has 3 partitions and the log has 16")
                && why.contains("set kafka.prefix to a new name"))
    );
}
