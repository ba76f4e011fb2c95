//! The topics: what they must be, what they are, and what has to be done about it. Never makes one that nobody asked for,
//! and never adds partitions: an event's partition is that of the log.

use std::{collections::HashMap, fmt, sync::Arc, time::Duration};

use rdkafka::{
    admin::{
        AdminClient, AdminOptions, AlterConfig, ConfigResource, ConfigSource, NewTopic,
        ResourceSpecifier, TopicReplication,
    },
    types::RDKafkaErrorCode,
};

use super::{Content, Error, MAX_RECORD, Quiet, Settings};

/// How long a broker may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the brokers may take to make and change topics: on a slow disk, a topic's partitions take a while.
const CHANGED: Duration = Duration::from_mins(1);
/// How often to look whether the brokers know of a change.
const LOOK: Duration = Duration::from_millis(50);
/// Records are kept for ever.
const FOR_EVER: &str = "-1";
/// How long a reader may take from the beginning of a compacted topic to its end and still learn what is gone: a week, in
/// milliseconds.
const TOMBSTONES: &str = "604800000";

/// A topic as it must be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// As many as the log has.
    pub partitions: u16,
    /// How many brokers keep it.
    pub replication_factor: u16,
    /// Its settings, by name.
    pub settings: Vec<(&'static str, String)>,
}

/// Something to be done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// The topic is missing.
    Create(Topic),
    /// A setting of it is not as it must be.
    Set {
        /// The topic.
        topic: String,
        /// The setting.
        name: &'static str,
        /// What it is.
        from: String,
        /// What it must be.
        to: String,
    },
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create(topic) => {
                write!(
                    f,
                    "create {} with {} partitions, {} times",
                    topic.name, topic.partitions, topic.replication_factor
                )?;
                for (name, value) in &topic.settings {
                    write!(f, ", {name}={value}")?;
                }
                Ok(())
            }
            Self::Set {
                topic,
                name,
                from,
                to,
            } => write!(f, "set {name}={to} on {topic}, which has {from}"),
        }
    }
}

/// What is to be done, and what cannot be.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Plan {
    /// What `apply` will do, in order.
    pub changes: Vec<Change>,
    /// What nobody can do to a topic that has records, each with the way out.
    pub refused: Vec<String>,
}

/// The topics of a log with so many partitions.
pub fn topics(settings: &Settings, partitions: u16) -> Vec<Topic> {
    let in_sync = settings.replication_factor.saturating_sub(1).max(1);
    let common = [
        ("min.insync.replicas", in_sync.to_string()),
        ("max.message.bytes", MAX_RECORD.to_string()),
    ];
    let topic = |name, own: Vec<(&'static str, String)>| Topic {
        name,
        partitions,
        replication_factor: settings.replication_factor,
        settings: own.into_iter().chain(common.clone()).collect(),
    };
    let kept = || {
        vec![
            ("cleanup.policy", "delete".to_owned()),
            ("retention.ms", FOR_EVER.to_owned()),
            ("retention.bytes", FOR_EVER.to_owned()),
        ]
    };
    let mut topics = vec![
        topic(settings.events(), kept()),
        topic(
            settings.checkpoints(),
            vec![
                ("cleanup.policy", "compact".to_owned()),
                ("segment.ms", "86400000".to_owned()),
            ],
        ),
    ];
    topics.extend(settings.outputs().iter().map(|output| {
        let own = match output.content {
            Content::Events => kept(),
            Content::States(_) => vec![
                ("cleanup.policy", "compact".to_owned()),
                ("delete.retention.ms", TOMBSTONES.to_owned()),
            ],
        };
        topic(output.topic.clone(), own)
    }));
    topics
}

/// A connection to the brokers' administration.
pub struct Admin {
    client: Arc<AdminClient<Quiet>>,
    settings: Settings,
    partitions: u16,
}

impl Admin {
    /// For a log with so many partitions. Connects when it is first needed.
    pub fn try_new(settings: &Settings, partitions: u16) -> Result<Self, Error> {
        let client = settings
            .client()
            .create_with_context(Quiet)
            .map_err(Error::kafka("making a Kafka client"))?;
        Ok(Self {
            client: Arc::new(client),
            settings: settings.clone(),
            partitions,
        })
    }

    /// Compares what is with what must be.
    pub async fn plan(&self) -> Result<Plan, Error> {
        let wanted = topics(&self.settings, self.partitions);
        let found = self.found(&wanted).await?;
        let mut plan = Plan::default();
        for (topic, found) in wanted.into_iter().zip(found) {
            compare(topic, found, &mut plan);
        }
        Ok(plan)
    }

    /// Fails unless every topic is as it must be.
    pub async fn check(&self) -> Result<(), Error> {
        let plan = self.plan().await?;
        if let Some(refused) = plan.refused.into_iter().next() {
            return Err(Error::Topic(refused));
        }
        plan.changes.first().map_or(Ok(()), |change| {
            Err(Error::Topic(match change {
                Change::Create(topic) => format!(
                    "the topic {} is missing; run `daybook topics apply`",
                    topic.name
                ),
                Change::Set {
                    topic,
                    name,
                    from,
                    to,
                } => format!(
                    "the topic {topic} has {name}={from} where it must be {to}; run `daybook topics apply`"
                ),
            }))
        })
    }

    /// Does what the plan says, and again what the brokers do not know of yet: who was asked for the plan may not have
    /// known that a topic is gone. Fails in the end if something is refused.
    pub async fn apply(&self, mut plan: Plan) -> Result<(), Error> {
        let known = async {
            while !plan.changes.is_empty() {
                self.change(&plan).await?;
                tokio::time::sleep(LOOK).await;
                plan = self.plan().await?;
            }
            if plan.refused.is_empty() {
                Ok(())
            } else {
                Err(Error::Topic(plan.refused.join("\n")))
            }
        };
        tokio::time::timeout(CHANGED, known)
            .await
            .unwrap_or(Err(Error::Slow("making topics known")))
    }

    async fn change(&self, plan: &Plan) -> Result<(), Error> {
        const DOING: &str = "changing topics";
        let options = AdminOptions::new().request_timeout(Some(CHANGED));
        for change in &plan.changes {
            match change {
                Change::Create(topic) => {
                    let mut new = NewTopic::new(
                        &topic.name,
                        i32::from(topic.partitions),
                        TopicReplication::Fixed(i32::from(topic.replication_factor)),
                    );
                    for (name, value) in &topic.settings {
                        new = new.set(name, value);
                    }
                    let made = self
                        .client
                        .create_topics([&new], &options)
                        .await
                        .map_err(Error::kafka(DOING))?;
                    for result in made {
                        self.created(topic, result)?;
                    }
                }
                Change::Set { topic, .. } => self.set(topic, plan, &options).await?,
            }
        }
        Ok(())
    }

    fn created(
        &self,
        topic: &Topic,
        result: Result<String, (String, RDKafkaErrorCode)>,
    ) -> Result<(), Error> {
        match result {
            // Whoever was faster wants the same.
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => Ok(()),
            Err((name, RDKafkaErrorCode::InvalidReplicationFactor)) => Err(Error::Topic(format!(
                "the topic {name} cannot be kept by {} brokers, there are fewer; start more, or set kafka.replication_factor (1 for one broker that may lose it)",
                topic.replication_factor
            ))),
            Err((name, code)) => Err(Error::Topic(format!(
                "the broker {} refuses to make the topic {name}: {code}",
                self.settings.brokers
            ))),
        }
    }

    /// All settings of a topic that the plan changes, together with those that somebody else has set: the request replaces
    /// all there are.
    async fn set(&self, topic: &str, plan: &Plan, options: &AdminOptions) -> Result<(), Error> {
        const DOING: &str = "changing a topic's settings";
        let kept = self.describe(&[topic]).await?;
        let mut settings: Vec<(String, String)> = kept
            .into_iter()
            .flatten()
            .flat_map(|resource| resource.entries)
            .filter(|entry| entry.source == ConfigSource::DynamicTopic)
            .filter_map(|entry| Some((entry.name, entry.value?)))
            .collect();
        for change in &plan.changes {
            if let Change::Set {
                topic: changed,
                name,
                to,
                ..
            } = change
                && changed == topic
            {
                settings.retain(|(other, _)| other != name);
                settings.push(((*name).to_owned(), to.clone()));
            }
        }
        let alter = settings.iter().fold(
            AlterConfig::new(ResourceSpecifier::Topic(topic)),
            |alter, (name, value)| alter.set(name, value),
        );
        let altered = self
            .client
            .alter_configs([&alter], options)
            .await
            .map_err(Error::kafka(DOING))?;
        for result in altered {
            result.map_err(|(_, code)| {
                Error::Topic(format!(
                    "the broker {} refuses to change the topic {topic}: {code}",
                    self.settings.brokers
                ))
            })?;
        }
        Ok(())
    }

    /// What there is of the topics: the number of partitions and the settings.
    async fn found(&self, wanted: &[Topic]) -> Result<Vec<Option<Found>>, Error> {
        let client = Arc::clone(&self.client);
        let counts = tokio::task::spawn_blocking(move || {
            let metadata = client.inner().fetch_metadata(None, PATIENCE)?;
            let topics = metadata.topics().iter();
            Ok(topics
                .map(|topic| (topic.name().to_owned(), topic.partitions().len()))
                .collect::<HashMap<_, _>>())
        })
        .await?
        .map_err(Error::kafka("asking for the topics"))?;
        let partitions =
            |topic: &Topic| counts.get(&topic.name).copied().filter(|count| *count > 0);
        let names: Vec<&str> = wanted
            .iter()
            .filter(|topic| partitions(topic).is_some())
            .map(|topic| topic.name.as_str())
            .collect();
        let mut described = if names.is_empty() {
            Vec::new()
        } else {
            self.describe(&names).await?
        }
        .into_iter();
        Ok(wanted
            .iter()
            .map(|topic| {
                let partitions = partitions(topic)?;
                Some(Found {
                    partitions,
                    settings: described.next().flatten(),
                })
            })
            .collect())
    }

    async fn describe(&self, names: &[&str]) -> Result<Vec<Option<ConfigResource>>, Error> {
        let resources: Vec<_> = names
            .iter()
            .map(|name| ResourceSpecifier::Topic(name))
            .collect();
        let options = AdminOptions::new().request_timeout(Some(PATIENCE));
        let described = self
            .client
            .describe_configs(&resources, &options)
            .await
            .map_err(Error::kafka("asking for the topics' settings"))?;
        Ok(described.into_iter().map(Result::ok).collect())
    }
}

struct Found {
    partitions: usize,
    settings: Option<ConfigResource>,
}

fn compare(topic: Topic, found: Option<Found>, plan: &mut Plan) {
    let Some(found) = found else {
        plan.changes.push(Change::Create(topic));
        return;
    };
    if found.partitions != usize::from(topic.partitions) {
        plan.refused.push(format!(
            "the topic {} has {} partitions and the log has {}: partitions are never added, for that would tear tenants apart; set kafka.prefix to a new name and run `daybook topics apply`: the relay fills the new topics from the log, from the beginning",
            topic.name, found.partitions, topic.partitions
        ));
        return;
    }
    for (name, value) in &topic.settings {
        let is = found
            .settings
            .as_ref()
            .and_then(|settings| settings.get(name))
            .and_then(|entry| entry.value.clone())
            .unwrap_or_default();
        if !suffices(name, &is, value) {
            plan.changes.push(Change::Set {
                topic: topic.name.clone(),
                name,
                from: is,
                to: value.clone(),
            });
        }
    }
}

/// Whether a setting serves as well as the wanted one: more than enough is enough.
fn suffices(name: &str, is: &str, wanted: &str) -> bool {
    let at_least = |is: &str| {
        let (is, wanted) = (is.parse::<i64>(), wanted.parse::<i64>());
        is.is_ok_and(|is| wanted.is_ok_and(|wanted| is >= wanted))
    };
    is == wanted
        || match name {
            "max.message.bytes" | "min.insync.replicas" | "delete.retention.ms" => at_least(is),
            // How often a segment of the compacted topic is closed is a matter of taste.
            "segment.ms" => true,
            _ => false,
        }
}

#[cfg(test)]
mod tests;
