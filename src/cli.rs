//! The command line: nouns and verbs, and the exit codes. What a verb does is its own module's business.

use std::{ffi::OsString, path::PathBuf, process::ExitCode};

use clap::{CommandFactory, Parser, Subcommand};
use uuid::Uuid;

use crate::{output, verb};

/// The event-sourced, multi-tenant CQRS platform under small-business software.
///
/// Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not ready or timed out, 4 the log is not sound.
#[derive(Parser, Debug)]
#[command(name = "daybook", version, propagate_version = true)]
pub struct Cli {
    /// A configuration file; `config.default.toml` lists every setting.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The folder of the embedded database, for verbs that use it.
    #[arg(long, global = true, value_name = "DIR", default_value = ".daybook")]
    pub data_dir: PathBuf,
    /// How data is written to stdout.
    #[arg(long, global = true, value_enum, default_value_t)]
    pub output: output::Format,
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What the program can do.
#[derive(Subcommand, Debug)]
pub enum Verb {
    /// Serve with an embedded PostgreSQL and a demo organization.
    Dev(verb::dev::Args),
    /// Serve on an existing PostgreSQL.
    Serve(verb::serve::Args),
    /// Create or upgrade the database.
    Migrate,
    /// Check an installation, and say what is wrong with it.
    Doctor,
    /// Print the effective configuration, secrets left out.
    CheckConfig,
    /// Import history from another system.
    #[command(subcommand)]
    Import(Import),
    /// Read the log.
    #[command(subcommand)]
    Events(Events),
    /// Who did what, when, from where and why.
    #[command(subcommand)]
    Audit(Audit),
    /// Prove and measure the log.
    #[command(subcommand)]
    Log(Log),
    /// Tenants.
    #[command(subcommand)]
    Tenant(Tenant),
    /// API keys.
    #[command(subcommand)]
    Key(Key),
    /// Read models.
    #[command(subcommand)]
    Projections(Projections),
    /// See what policies want, and deal with what they were refused.
    #[command(subcommand)]
    Policies(Policies),
    /// The topics on Kafka.
    #[command(subcommand)]
    Topics(Topics),
    /// The relay to Kafka.
    #[command(subcommand)]
    Relay(Relay),
    /// Write the generated references: OpenAPI document, GraphQL schema, schemas of events.
    Generate {
        /// The folder of the references.
        #[arg(long, default_value = "docs/api")]
        out: PathBuf,
        /// The folder of the crate whose event types are described.
        #[arg(long, default_value = "event-schemas")]
        event_schemas: PathBuf,
    },
    /// Print shell completions.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Write man pages.
    Man {
        /// The folder to write to.
        dir: PathBuf,
    },
}

/// Sources of imports.
#[derive(Subcommand, Debug)]
pub enum Import {
    /// The public CSV files of the Olist marketplace, plain or zstd-compressed; one tenant per seller.
    Olist(verb::import::Args),
    /// An existing postgres-es 0.5 database (cqrs-es), into one tenant.
    PostgresEs(verb::import::postgres_es::Args),
}

/// What can be read of the log.
#[derive(Subcommand, Debug)]
pub enum Events {
    /// A tenant's events, oldest first.
    List {
        /// The tenant.
        #[arg(long)]
        tenant: Uuid,
        /// Only those after this position.
        #[arg(long, default_value_t = 0)]
        after: i64,
        /// At most so many; all by default.
        #[arg(long)]
        limit: Option<i64>,
    },
    /// A tenant's events as they come.
    Tail {
        /// The tenant.
        #[arg(long)]
        tenant: Uuid,
        /// Begin after this position; with the newest by default.
        #[arg(long)]
        after: Option<i64>,
    },
}

/// What can be done with the audit trail.
#[derive(Subcommand, Debug)]
pub enum Audit {
    /// Write a tenant's audit trail to stdout, oldest first.
    ///
    /// Exit codes: 0 all of it is written, 1 it broke off, 3 the trail is behind the log.
    Export(Box<verb::audit::Args>),
}

/// What can be proved and measured of the log.
#[derive(Subcommand, Debug)]
pub enum Log {
    /// Prove every number, hash and checkpoint of the log, and say what is not as it was written.
    ///
    /// Exit codes: 0 the log is sound, 4 it is not, 1 it could not be proved.
    Fsck(verb::log::fsck::Args),
    /// How much of the log belongs to whom, how it grows, and which way appends took.
    Stats(verb::log::stats::Args),
}

/// What can be done with tenants.
#[derive(Subcommand, Debug)]
pub enum Tenant {
    /// All tenants.
    List,
    /// Register a tenant.
    Create {
        /// Its name.
        #[arg(long)]
        name: String,
        /// Its id; a new one by default.
        #[arg(long)]
        id: Option<Uuid>,
        /// Its country, ISO 3166 alpha-2.
        #[arg(long)]
        country: Option<String>,
    },
    /// Stop all writing for a tenant; it can still be read.
    Suspend {
        /// The tenant.
        id: Uuid,
        /// Why, 1 to 500 characters; the tenant reads it.
        #[arg(long)]
        reason: String,
    },
    /// Let a suspended tenant write again.
    Resume {
        /// The tenant.
        id: Uuid,
    },
    /// End the freeze of a tenant by an alarm of the log's guard; it is active or suspended again, as it was before.
    Unfreeze {
        /// The tenant.
        id: Uuid,
        /// Why that is right: what was found and done.
        #[arg(long)]
        reason: String,
    },
}

/// What can be done with keys.
#[derive(Subcommand, Debug)]
pub enum Key {
    /// Issue a key; it is shown once.
    Create {
        /// The tenant.
        #[arg(long)]
        tenant: Uuid,
        /// What it may do: `*`, `<context>:*` or `<context>:<action>`; repeatable.
        #[arg(long = "scope", required = true)]
        scopes: Vec<String>,
        /// What it is called.
        #[arg(long, default_value = "command line")]
        name: String,
    },
}

/// What can be done with read models.
#[derive(Subcommand, Debug)]
pub enum Projections {
    /// Every projection and partition: how far, how far behind.
    List,
    /// The builds that serve and those on their way: how far, how fast, how long they will take.
    Builds,
    /// Make a projection's tables anew from the log, beside those that serve, and let them serve once they have caught up.
    ///
    /// Queries and commands go on. Servers help. Run it again after an interruption: it goes on with what is there.
    Rebuild {
        /// The projection's name.
        projection: String,
        /// Only this tenant's rows; lets it go on if it was parked.
        #[arg(long)]
        tenant: Option<Uuid>,
    },
    /// Prove that the tables hold what the log makes: make them anew, at the same place, and compare digests.
    ///
    /// Exit codes: 0 they do, 4 they do not, 1 it could not be proved.
    Verify {
        /// The projection's name; all of them, if none is given.
        projection: Option<String>,
    },
    /// The tenants that are parked: an event of theirs cannot be applied, and their tables stand still before it.
    Parked {
        /// This one alone.
        #[arg(long)]
        tenant: Option<Uuid>,
    },
    /// Let a parked tenant go on: replay what it lacks, up to where the others are.
    ///
    /// Exit codes: 0 it goes on (or was not parked), 4 it is parked still, 1 it could not be tried.
    Retry {
        /// The projection's name.
        projection: String,
        /// Who.
        #[arg(long)]
        tenant: Uuid,
    },
    /// Wait until the read models have passed a token, or everything that is in the log now.
    Wait {
        /// The token of a command's answer, with its tenant.
        #[arg(long, requires = "tenant")]
        token: Option<String>,
        /// The token's tenant.
        #[arg(long)]
        tenant: Option<Uuid>,
        /// How long, in seconds.
        #[arg(long, default_value_t = 60)]
        timeout: u64,
    },
}

/// What can be done with policies.
#[derive(Subcommand, Debug)]
pub enum Policies {
    /// Every policy: how many of its commands wait, how long, how many were refused, which timers are set.
    List,
    /// The commands that were refused, the newest first.
    Refused {
        /// This tenant's alone.
        #[arg(long)]
        tenant: Option<Uuid>,
    },
    /// The tenants whose commands wait because the last one could not be tried, and why.
    Held,
    /// Have refused commands tried again, by the servers.
    Retry {
        /// Whose.
        #[arg(long)]
        tenant: Uuid,
        /// This one alone.
        #[arg(long)]
        id: Option<Uuid>,
    },
    /// Forget refused commands.
    Dismiss {
        /// Whose.
        #[arg(long)]
        tenant: Uuid,
        /// This one alone.
        #[arg(long)]
        id: Option<Uuid>,
    },
}

/// What can be done with the topics.
#[derive(Subcommand, Debug)]
pub enum Topics {
    /// Say what `apply` would do.
    Plan,
    /// Make the topics, and set what is not as it must be. Never adds partitions, never removes anything.
    Apply,
    /// Prove that the topic of all events holds the log: every event once, in order, byte for byte.
    ///
    /// Exit codes: 0 it does, 4 it does not, 1 it could not be proved.
    Verify(verb::topics::Verify),
}

/// What can be asked of the relay.
#[derive(Subcommand, Debug)]
pub enum Relay {
    /// How far every partition is published, by whom, and why not.
    Status,
}

/// Runs the program; its exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors; clap knows which stream each belongs to.
            drop(error.print());
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    match verb::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::error(&error);
            ExitCode::from(match () {
                () if error.is::<verb::NotReady>() => 3,
                () if error.is::<verb::Unsound>() => 4,
                () => 1,
            })
        }
    }
}

/// The whole command, for completions and man pages.
pub fn command() -> clap::Command {
    Cli::command()
}
