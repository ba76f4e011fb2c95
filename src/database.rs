//! Which database a verb works on: the configured one, the one of a running `daybook dev`, or the embedded one, started
//! for as long as the verb runs.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use event_store::{Options, Store};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::{
    config::Config,
    embedded::{self, EmbeddedPostgres},
};

/// Where the verbs look.
#[derive(Clone, Debug)]
pub struct Place {
    /// The configuration.
    pub config: Config,
    /// The folder of the embedded database.
    pub data_dir: PathBuf,
}

/// A database, and the server that was started for it.
pub struct Database {
    /// How to reach it.
    pub options: Options,
    /// The server, if this process started it.
    pub embedded: Option<EmbeddedPostgres>,
    /// What a running `daybook dev` says of itself.
    pub dev: Option<DevFile>,
}

/// What `daybook dev` writes into its folder while it runs, readable by its owner alone.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DevFile {
    /// Its process.
    pub pid: u32,
    /// The server's address.
    pub url: String,
    /// The GraphQL address.
    pub graphql_url: String,
    /// The administrator's database URL.
    pub database_url: String,
    /// The Kafka brokers, where there are any.
    pub kafka_brokers: Option<String>,
    /// The demo tenants with their keys.
    pub tenants: Vec<DevTenant>,
    /// PostgreSQL's process, where it is embedded.
    #[serde(default)]
    pub postgres_pid: Option<u32>,
}

/// A demo tenant.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DevTenant {
    /// Its id.
    pub id: uuid::Uuid,
    /// Its name.
    pub name: String,
    /// A key that may do everything in it.
    pub api_key: String,
}

impl DevFile {
    /// The file of a folder.
    pub fn path(data_dir: &Path) -> PathBuf {
        data_dir.join("dev.json")
    }

    /// That of a `daybook dev` that is still running.
    pub fn running(data_dir: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(Self::path(data_dir)).ok()?;
        let file: Self = serde_json::from_str(&text).ok()?;
        let pid = nix::unistd::Pid::from_raw(i32::try_from(file.pid).ok()?);
        nix::sys::signal::kill(pid, None).is_ok().then_some(file)
    }

    /// Writes it, readable by its owner alone.
    pub fn write(&self, data_dir: &Path) -> Result<()> {
        use std::{io::Write, os::unix::fs::OpenOptionsExt};
        let (path, draft) = (Self::path(data_dir), data_dir.join("dev.json.new"));
        let written = (|| {
            let mut file = std::fs::OpenOptions::new()
                .create(true)
                .truncate(true)
                .write(true)
                .mode(0o600)
                .open(&draft)?;
            file.write_all(&serde_json::to_vec_pretty(self)?)?;
            std::fs::rename(&draft, &path)
        })();
        written.with_context(|| format!("cannot write {}", path.display()))
    }
}

impl Place {
    /// The database of this place.
    pub async fn open(&self) -> Result<Database> {
        if !self.config.database.url.expose_secret().is_empty() {
            let options = self.config.store(self.config.database.url.clone());
            return Ok(Database {
                options,
                embedded: None,
                dev: DevFile::running(&self.data_dir),
            });
        }
        if let Some(dev) = DevFile::running(&self.data_dir) {
            let options = self
                .config
                .store(SecretString::from(dev.database_url.clone()));
            return Ok(Database {
                options,
                embedded: None,
                dev: Some(dev),
            });
        }
        self.start().await
    }

    /// The configured database, or the embedded one of this folder, started now.
    pub async fn start(&self) -> Result<Database> {
        if !self.config.database.url.expose_secret().is_empty() {
            let options = self.config.store(self.config.database.url.clone());
            return Ok(Database {
                options,
                embedded: None,
                dev: None,
            });
        }
        let server = EmbeddedPostgres::start(&embedded::Options {
            data_dir: self.data_dir.clone(),
            port: 0,
        })
        .await?;
        let options = self
            .config
            .store(SecretString::from(server.url().to_owned()));
        Ok(Database {
            options,
            embedded: Some(server),
            dev: None,
        })
    }

    /// `daybook migrate`.
    pub async fn migrate(&self) -> Result<()> {
        let database = self.open().await?;
        let migrated = crate::app::migrate(&database.options, self.config.log.partitions).await;
        database.close(None).await?;
        migrated?;
        crate::output::say("the database is up to date");
        Ok(())
    }
}

impl Database {
    /// Connects; an embedded database is migrated first.
    pub async fn connect(&self, partitions: u16) -> Result<Store> {
        if self.embedded.is_some() {
            crate::app::migrate(&self.options, partitions).await?;
        }
        Ok(Store::connect(&self.options).await?)
    }

    /// Closes the store and stops the server that was started for it.
    pub async fn close(self, store: Option<Store>) -> Result<()> {
        if let Some(store) = store {
            store.close().await;
        }
        if let Some(server) = self.embedded {
            server.stop().await?;
        }
        Ok(())
    }
}
