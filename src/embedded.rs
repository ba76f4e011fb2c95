//! A PostgreSQL of one's own: starts the server that `daybook dev` lives on, in the data folder, as a child process.
//! It must never touch a server it did not start, nor know anything of what Daybook keeps in it.
//!
//! Layout of the data folder `DIR`:
//!
//! | path | what |
//! |---|---|
//! | `DIR/lock` | held while a process uses the folder; names its pid |
//! | `DIR/postgres.log` | the server's log (`.old`: the one before) |
//! | `DIR/postgres/` | the cluster's folder: `data/`, `password`, `port` |
//! | `DIR/postgres.path` | only when root runs Daybook in a place that the server's user cannot reach: where the cluster's folder is instead, under `/var/lib/daybook` |

mod account;
mod cluster;
mod error;
mod folder;
mod leftover;
mod log;
mod program;
mod server;

use std::path::PathBuf;

pub use error::Error;

use account::Account;
use cluster::Cluster;
use folder::Folder;
use program::Programs;
use server::Server;

/// The superuser of the embedded server.
const SUPERUSER: &str = "daybook_root";
/// The database everything lives in.
const DATABASE: &str = "daybook";

/// Where the server keeps its data and where it listens.
#[derive(Clone, Debug)]
pub struct Options {
    /// The data folder; made when it is missing.
    pub data_dir: PathBuf,
    /// The TCP port on 127.0.0.1. 0 takes a free one, the same as last time if that is still free.
    pub port: u16,
}

/// A running server. Call [`stop`](Self::stop) when done; a dropped one, and one whose process was killed, is shut
/// down by its watchdog a moment later.
#[derive(Debug)]
pub struct EmbeddedPostgres {
    server: Server,
    url: String,
    /// Holds the lock.
    _folder: Folder,
}

impl EmbeddedPostgres {
    /// Starts the server on the folder and waits until it answers, making the cluster and the database `daybook` the
    /// first time and cleaning up what a crash left behind.
    ///
    /// Waits at most a minute, longer only while the server is recovering from a crash.
    pub async fn start(options: &Options) -> Result<Self, Error> {
        Self::start_in(Folder::open(&options.data_dir)?, options.port).await
    }

    /// Starts a server for tests on a new folder under the system's temporary one. It does not wait for the disk, and
    /// when it ends, or this process does, nothing remains of it.
    pub async fn start_throw_away() -> Result<Self, Error> {
        Self::start_in(Folder::throw_away()?, 0).await
    }

    async fn start_in(folder: Folder, port: u16) -> Result<Self, Error> {
        let programs = Programs::find()?;
        let account = Account::choose(&folder)?;
        let cluster = Cluster::open(&folder, programs, account).await?;
        let (server, port) = Server::start(&cluster, port).await?;
        let database = cluster.create_database(port).await;
        if let Err(error) = database {
            // The first error is the one worth telling; the watchdog sees to a server that does not stop.
            drop(server.stop().await);
            return Err(error);
        }
        let url = format!(
            "postgres://{SUPERUSER}:{}@127.0.0.1:{port}/{DATABASE}",
            cluster.password()
        );
        Ok(Self {
            server,
            url,
            _folder: folder,
        })
    }

    /// The superuser's URL of the database `daybook`, password included.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The process id of the server.
    pub fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// Ends all sessions, writes a checkpoint and stops. Waits at most a minute and a half; a server that does not
    /// stop in time is ended hard and recovers at the next start.
    pub async fn stop(self) -> Result<(), Error> {
        // The folder is dropped, and so free, when the server has gone.
        let Self {
            server,
            url: _,
            _folder,
        } = self;
        server.stop().await
    }
}
