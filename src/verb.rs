//! One file per verb. This one only finds the right one.

pub mod audit;
pub mod builds;
pub mod dev;
pub mod doctor;
pub mod events;
pub mod generate;
pub mod import;
pub mod key;
pub mod log;
pub mod policies;
pub mod projections;
pub mod relay;
pub mod serve;
pub mod tenant;
pub mod topics;

use anyhow::{Context, Result};
use read_api::http::Limits;

use crate::{
    cli::{Audit, Cli, Import, Key, Log, Relay, Tenant, Topics, Verb},
    config::Config,
    database::Place,
    output, telemetry, trusted,
};

/// How long threads may take to end when all is done.
const LAST: std::time::Duration = std::time::Duration::from_secs(1);

/// Something that is not ready, or did not become so in time: exit code 3.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotReady(pub String);

/// A log that is not as it was written, or what is made of it is not as it should be: exit code 4.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unsound(pub String);

/// Runs a verb.
pub fn run(cli: Cli) -> Result<()> {
    // Verbs that need neither configuration nor database.
    match &cli.verb {
        Verb::Completions { shell } => {
            clap_complete::generate(
                *shell,
                &mut crate::cli::command(),
                "daybook",
                &mut std::io::stdout(),
            );
            return Ok(());
        }
        Verb::Man { dir } => {
            std::fs::create_dir_all(dir)
                .with_context(|| format!("cannot create {}", dir.display()))?;
            return clap_mangen::generate_to(crate::cli::command(), dir)
                .with_context(|| format!("cannot write man pages to {}", dir.display()));
        }
        _ => {}
    }
    let config = Config::load(cli.config.as_deref())?;
    let serving = matches!(cli.verb, Verb::Dev(_) | Verb::Serve(_));
    let metrics = telemetry::init(&config.telemetry, !serving)?;
    let place = Place {
        config: config.clone(),
        data_dir: cli.data_dir.clone(),
    };
    let format = cli.output;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("no threads to run on")?;
    let done = runtime.block_on(async move {
        match cli.verb {
            Verb::Dev(args) => dev::run(&place, &args, format, metrics).await,
            Verb::Serve(args) => serve::run(&place, &args, metrics).await,
            Verb::Migrate => place.migrate().await,
            Verb::Doctor => doctor::run(&place, format).await,
            Verb::CheckConfig => check_config(&config),
            Verb::Import(Import::Olist(args)) => import::olist(&place, &args, format).await,
            Verb::Import(Import::PostgresEs(args)) => {
                import::postgres_es::run(&place, &args, format).await
            }
            Verb::Events(events) => events::run(&place, events, format).await,
            Verb::Audit(Audit::Export(args)) => audit::export(&place, *args).await,
            Verb::Log(Log::Stats(args)) => log::stats::run(&place, &args, format).await,
            Verb::Log(Log::Fsck(args)) => log::fsck::run(&place, &args, format).await,
            Verb::Tenant(Tenant::List) => tenant::list(&place, format).await,
            Verb::Tenant(Tenant::Create { name, id, country }) => {
                tenant::create(&place, &name, id, country, format).await
            }
            Verb::Tenant(Tenant::Suspend { id, reason }) => {
                tenant::suspend(&place, id, &reason, format).await
            }
            Verb::Tenant(Tenant::Resume { id }) => tenant::resume(&place, id, format).await,
            Verb::Tenant(Tenant::Unfreeze { id, reason }) => {
                tenant::unfreeze(&place, id, &reason, format).await
            }
            Verb::Key(Key::Create {
                tenant,
                scopes,
                name,
            }) => key::create(&place, tenant, &scopes, &name, format).await,
            Verb::Policies(verb) => policies::run(&place, verb, format).await,
            Verb::Projections(verb) => projections::run(&place, verb, format).await,
            Verb::Topics(Topics::Plan) => topics::plan(&place, format).await,
            Verb::Topics(Topics::Apply) => topics::apply(&place, format).await,
            Verb::Topics(Topics::Verify(args)) => topics::verify(&place, &args, format).await,
            Verb::Relay(Relay::Status) => relay::status(&place, format).await,
            Verb::Generate { out, event_schemas } => generate::run(&out, &event_schemas),
            Verb::Completions { .. } | Verb::Man { .. } => Ok(()),
        }
    });
    // A thread that waits for a broker which does not answer is not waited for.
    runtime.shutdown_timeout(LAST);
    done
}

/// Prints the configuration, once what it points at could be read.
fn check_config(config: &Config) -> Result<()> {
    trusted::load(&config.graphql, &Limits::default())?;
    output::json(&config.redacted());
    Ok(())
}
