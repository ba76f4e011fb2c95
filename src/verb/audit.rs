//! `daybook audit`: the operator's export of a tenant's audit trail, in the words of the API. Never reads past what the tenant
//! itself may see.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use chrono::{DateTime, Utc};
use event_schemas::TenantId;
use event_store::Store;
use projections::{WaitError, Waiter};
use read_api::audit::export::{Export, Format, Outcome, Which};
use uuid::Uuid;

use super::NotReady;
use crate::{app, database::Place, output};

/// What is exported.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The tenant.
    #[arg(long)]
    tenant: Uuid,
    /// How entries are written.
    #[arg(long, value_enum, default_value_t)]
    format: Written,
    /// Only what this one did: an API key's UUID, `cli` for this program.
    #[arg(long)]
    actor: Option<String>,
    /// Only what this kind did: `user`, `apiKey`, `operator` or `policy`.
    #[arg(long)]
    actor_kind: Option<String>,
    /// Only events of this type.
    #[arg(long)]
    action: Option<String>,
    /// Only this context.
    #[arg(long)]
    context: Option<String>,
    /// Only what happened to this stream.
    #[arg(long)]
    target: Option<String>,
    /// Only what came in this way: `api`, `import`, `policy` or `webhook`.
    #[arg(long)]
    source: Option<String>,
    /// Only what ended like this.
    #[arg(long, value_enum)]
    outcome: Option<Ended>,
    /// Only this conversation.
    #[arg(long)]
    correlation: Option<Uuid>,
    /// Only what happened then or later, such as 2026-01-31T00:00:00Z.
    #[arg(long)]
    from: Option<DateTime<Utc>>,
    /// Only what happened before then.
    #[arg(long)]
    before: Option<DateTime<Utc>>,
    /// Only what comes after this position.
    #[arg(long)]
    after_position: Option<i64>,
    /// Only what these words find, in Portuguese or English.
    #[arg(long)]
    text: Option<String>,
    /// How many seconds to wait until everything that is in the log now is in the trail.
    #[arg(long, default_value_t = 30)]
    timeout: u64,
}

/// How entries are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::ValueEnum)]
pub enum Written {
    /// Comma-separated values, with a line of names.
    Csv,
    /// A JSON object per line.
    #[default]
    Ndjson,
}

/// What became of an action.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum Ended {
    /// It happened.
    Accepted,
    /// It was refused.
    Denied,
}

/// Writes the trail to stdout.
pub async fn export(place: &Place, args: Args) -> Result<()> {
    let database = place.open().await?;
    let alone = database.embedded.is_some();
    let store = database.connect(place.config.log.partitions).await?;
    let written = write(&store, args, alone).await;
    database.close(Some(store)).await?;
    written
}

async fn write(store: &Store, args: Args, alone: bool) -> Result<()> {
    let tenant = TenantId(args.tenant);
    let timeout = Duration::from_secs(args.timeout);
    catch_up(store, tenant, timeout, alone).await?;
    let which = Which {
        format: match args.format {
            Written::Csv => Format::Csv,
            Written::Ndjson => Format::Ndjson,
        },
        actor: args.actor,
        actor_kind: args.actor_kind,
        action: args.action,
        context: args.context,
        target: args.target,
        source: args.source,
        outcome: args.outcome.map(|ended| match ended {
            Ended::Accepted => Outcome::Accepted,
            Ended::Denied => Outcome::Denied,
        }),
        correlation: args.correlation,
        from: args.from,
        before: args.before,
        after_position: args.after_position,
        text: args.text,
    };
    let mut export = Export::begin(store.clone(), tenant, which).await?;
    loop {
        let broke_off = "the export broke off; what was written is not all of it";
        let Some(part) = export.next().await.context(broke_off)? else {
            return Ok(());
        };
        if !output::bytes(&part).context(broke_off)? {
            return Ok(());
        }
    }
}

/// Until the trail has what the log has now: an export must not leave out what was there before it.
async fn catch_up(store: &Store, tenant: TenantId, timeout: Duration, alone: bool) -> Result<()> {
    let newest = store.operator_tx().await?.newest_position(tenant).await?;
    if newest == 0 {
        bail!(
            "the log knows no tenant {}; `daybook tenant list` lists them",
            tenant.0
        );
    }
    // With nobody serving, nobody would ever catch up: then this process does the work itself.
    if alone {
        app::engine(store).await?.catch_up().await?;
    }
    let mut tx = store.operator_tx().await?;
    let last = tx.read_tenant(tenant, newest, 1).await?;
    drop(tx);
    let Some(last) = last.first() else {
        return Ok(());
    };
    let place = (last.partition, last.offset);
    match Waiter::new(store.clone())
        .wait_for(tenant, place, &["audit"], timeout)
        .await
    {
        Ok(()) => Ok(()),
        Err(WaitError::NotCaughtUp(behind)) => Err(NotReady(format!(
            "the audit trail is still {} events behind the log; wait longer with --timeout, or see `daybook projections list`",
            behind.lag_events
        ))
        .into()),
        Err(WaitError::Parked(parked)) => Err(NotReady(format!(
            "{parked}; mend what is wrong and run `daybook projections retry audit --tenant {}`",
            tenant.0
        ))
        .into()),
        Err(WaitError::Failed(error)) => Err(error.into()),
    }
}
