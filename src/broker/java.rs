//! Java and Kafka's jars: where they are and how they are run. infra/setup/kafka.sh is its counterpart and installs them.

use std::path::PathBuf;

use tokio::process::Command;

use crate::cache;

/// The release that `make setup` fetches.
const RELEASE: &str = "kafka-4.3.1";
/// The oldest Java that runs it.
const OLDEST: u32 = 17;

/// A Java that runs Kafka.
#[derive(Clone, Debug)]
pub struct Java {
    program: PathBuf,
    home: PathBuf,
}

impl Java {
    /// Java 17 or newer on the path, and Kafka's jars: in `DAYBOOK_KAFKA_HOME` if set, else where `make setup` puts them. Says
    /// what is missing if anything is.
    pub async fn find() -> Result<Self, String> {
        let program = cache::program("java").ok_or("there is no Java")?;
        let output = Command::new(&program).arg("-version").output().await;
        let said = output.map_err(|error| format!("java does not run: {error}"))?;
        let version = major(&String::from_utf8_lossy(&said.stderr));
        if version.is_none_or(|version| version < OLDEST) {
            return Err(format!("Kafka needs Java {OLDEST} or newer"));
        }
        let home = cache::places("DAYBOOK_KAFKA_HOME", RELEASE)
            .into_iter()
            .find(|home| home.join("lib").is_dir())
            .ok_or("Kafka is not installed; run `make setup`")?;
        Ok(Self { program, home })
    }

    /// A class of Kafka's, ready to be given arguments.
    pub fn command(&self, class: &str) -> Command {
        let mut command = Command::new(&self.program);
        command
            .current_dir("/")
            .args([
                "-Xmx512m",
                "-Xms64m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
            ])
            .arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
            .arg("-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info")
            .arg("-cp")
            .arg(self.home.join("lib/*"))
            .arg(class);
        command
    }
}

/// Of `openjdk version "17.0.15" 2025-04-15`.
fn major(said: &str) -> Option<u32> {
    let version = said.split('"').nth(1)?;
    version.split(['.', '-', '+']).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_understood() {
        assert_eq!(major("openjdk version \"17.0.15\" 2025-04-15\n"), Some(17));
        assert_eq!(major("java version \"21\" 2023-09-19 LTS"), Some(21));
        assert_eq!(major("openjdk version \"1.8.0_382\""), Some(1));
        assert_eq!(major("openjdk version \"25-ea\" 2025-09-16"), Some(25));
        assert_eq!(major("no"), None);
    }
}
