//! `daybook import postgres-es`: brings an existing postgres-es database into one tenant, and says what came over.

use std::{sync::Arc, time::Instant};

use anyhow::{Context, Result, anyhow, ensure};
use clap::Args as ClapArgs;
use commands::{Bus, Way};
use event_schemas::{CONTEXTS, Source as EventSource, TenantId};
use event_store::{
    Store, SystemClock,
    postgres_es::{Source, Survey},
};
use secrecy::SecretString;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    app,
    database::Place,
    import::postgres_es::{self, Difference, Written},
    output, verb,
};

/// Aggregates that do not fit and are named one by one.
const EXAMPLES: i64 = 20;

/// What to import.
#[derive(ClapArgs, Debug)]
pub struct Args {
    /// The source's URL, `postgres://user:password@host:port/database`.
    #[arg(long)]
    pub from: SecretString,
    /// The tenant that takes the events.
    #[arg(long)]
    pub tenant: Uuid,
    /// The tenant's name. An unknown tenant is registered with it, dated at the source's earliest event.
    #[arg(long)]
    pub name: Option<String>,
    /// The source's events table, its schema before a dot if need be.
    #[arg(long, default_value = "events")]
    pub table: String,
}

/// Imports a postgres-es database; fails if an aggregate was refused or is not in the log as it is in the source.
pub async fn run(place: &Place, args: &Args, format: output::Format) -> Result<()> {
    let started = Instant::now();
    let database = place.open().await?;
    let store = database.connect(place.config.log.partitions).await?;
    let imported = import(&store, args).await;
    database.close(Some(store)).await?;
    let (survey, written, (different, differences)) = imported?;
    let summary = json!({
        "source": { "streams": survey.streams, "events": survey.events, "earliest": survey.earliest, "refused": survey.refused,
            "examples": survey.examples },
        "written": written, "different": different, "differences": differences,
        "seconds": started.elapsed().as_secs_f64(),
    });
    match format {
        output::Format::Json | output::Format::Ndjson => output::json(&summary),
        output::Format::Table => output::data(&serde_json::to_string_pretty(&summary)?),
    }
    ensure!(
        different == 0,
        "{different} aggregates are not in the log as they are in the source; the report above names the first of them. \
         Does something else write to the tenant?"
    );
    ensure!(
        survey.refused == 0,
        "{} aggregates do not fit the log and were left out whole; the report above says which and why",
        survey.refused
    );
    Ok(())
}

type Imported = (Survey, Written, (u64, Vec<Difference>));

async fn import(store: &Store, args: &Args) -> Result<Imported> {
    let tenant = TenantId(args.tenant);
    let mut source = Source::open(&args.from, &args.table, &CONTEXTS).await?;
    let survey = source.survey(EXAMPLES).await?;
    register(store, tenant, args.name.as_deref(), &survey).await?;
    let progress = output::Progress::new("importing", u64::try_from(survey.events)?);
    let written = postgres_es::bring(store, tenant, &mut source, &|done| progress.at(done)).await;
    progress.done();
    let written = written?;
    output::say("comparing source and log");
    let differences = postgres_es::verify(store, tenant, &mut source).await?;
    app::engine(store).await?.catch_up().await?;
    Ok((survey, written, differences))
}

/// Registers the tenant as of the source's earliest event, unless it is known.
async fn register(
    store: &Store,
    tenant: TenantId,
    name: Option<&str>,
    survey: &Survey,
) -> Result<()> {
    if store.operator_tx().await?.newest_position(tenant).await? > 0 {
        return Ok(());
    }
    let name = name.with_context(|| {
        format!("the log knows no tenant {tenant}; give its name with --name to have it registered")
    })?;
    let bus = Bus::new(store.clone(), Arc::new(SystemClock), None, Way::Direct);
    let data: Value = json!({ "name": name });
    let mut request = verb::tenant::request(tenant, "organization.register", &data)?;
    request.actor = postgres_es::actor();
    // The same in every run, as the events that follow it.
    request.correlation_id = postgres_es::correlation(tenant);
    request.key = Some("import:postgres-es".to_owned());
    request.source = EventSource::Import;
    request.occurred_at = survey.earliest;
    bus.execute(request)
        .await
        .map_err(|problem| anyhow!("{} ({})", problem.detail(), problem.code()))?;
    Ok(())
}
