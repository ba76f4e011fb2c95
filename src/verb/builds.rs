//! `daybook projections builds`, `rebuild` and `verify`: making read models anew, and proving that they are what the log makes.

use std::time::Duration;

use anyhow::Result;
use event_store::Store;
use projections::{BuildProgress, Engine};
use serde_json::json;
use uuid::Uuid;

use super::Unsound;
use crate::{app, database::Place, output};

/// How often progress is shown.
const SHOW: Duration = Duration::from_millis(200);

/// Runs `work` with the engine of this binary.
async fn with_engine<T>(
    place: &Place,
    work: impl AsyncFnOnce(&Store, &Engine) -> Result<T>,
) -> Result<T> {
    let database = place.open().await?;
    let store = database.connect(place.config.log.partitions).await?;
    let done = async {
        let engine = app::engine(&store).await?;
        work(&store, &engine).await
    };
    let done = done.await;
    database.close(Some(store)).await?;
    done
}

/// The builds that serve and those on their way.
pub async fn list(place: &Place, format: output::Format) -> Result<()> {
    let database = place.open().await?;
    let store = database.connect(place.config.log.partitions).await?;
    let builds = projections::builds(&store).await;
    database.close(Some(store)).await?;
    let rows: Vec<_> = builds?
        .into_iter()
        .map(|build| {
            json!({ "projection": build.projection, "build": build.build, "revision": build.revision, "serves": build.serves,
                "createdAt": build.created_at, "applied": build.applied, "events": build.events, "parkedTenants": build.parked,
                "eventsPerSecond": build.rate(), "secondsLeft": build.seconds_left() })
        })
        .collect();
    output::rows(
        format,
        &[
            "projection",
            "build",
            "serves",
            "applied",
            "events",
            "eventsPerSecond",
            "secondsLeft",
            "parkedTenants",
        ],
        &rows,
    );
    Ok(())
}

/// Makes a projection's tables anew and lets them serve.
pub async fn rebuild(place: &Place, projection: &str, format: output::Format) -> Result<()> {
    let build = with_engine(place, async |store, engine| {
        let bar = output::Progress::new(projection, 0);
        let rebuilding = engine.rebuild(projection);
        tokio::pin!(rebuilding);
        let build = loop {
            tokio::select! {
                build = &mut rebuilding => break build?,
                () = tokio::time::sleep(SHOW) => show(store, projection, &bar).await,
            }
        };
        bar.done();
        Ok(build)
    })
    .await?;
    output::rows(
        format,
        &["projection", "build", "serves"],
        &[json!({ "projection": projection, "build": build, "serves": true })],
    );
    Ok(())
}

/// How far the newest build is. What cannot be asked now can be asked later.
async fn show(store: &Store, projection: &str, bar: &output::Progress) {
    let builds = projections::builds(store).await.unwrap_or_default();
    let mut of_it = builds
        .into_iter()
        .filter(|one| one.projection == projection);
    if let Some(BuildProgress {
        applied,
        events,
        serves: false,
        ..
    }) = of_it.next_back()
    {
        bar.of(u64::try_from(events).unwrap_or(0));
        bar.at(u64::try_from(applied).unwrap_or(0));
    }
}

/// Makes one tenant's rows anew.
pub async fn rebuild_tenant(
    place: &Place,
    projection: &str,
    tenant: Uuid,
    format: output::Format,
) -> Result<()> {
    let replayed = with_engine(place, async |_, engine| {
        Ok(engine.rebuild_tenant(projection, tenant.into()).await?)
    })
    .await?;
    output::rows(
        format,
        &["projection", "tenant", "replayed"],
        &[json!({ "projection": projection, "tenant": tenant, "replayed": replayed })],
    );
    Ok(())
}

/// Proves that the tables hold what the log makes.
pub async fn verify(place: &Place, projection: Option<&str>, format: output::Format) -> Result<()> {
    let all = projections::all();
    let all = all.iter().map(|one| one.name());
    let names: Vec<&str> = projection.map_or_else(|| all.collect(), |name| vec![name]);
    let compared = with_engine(place, async |_, engine| {
        let mut all = Vec::new();
        for name in names {
            for table in engine.verify(name).await? {
                all.push((name, table));
            }
        }
        Ok(all)
    })
    .await?;
    let rows: Vec<_> = compared
        .iter()
        .map(|(projection, table)| {
            json!({ "projection": projection, "table": table.serving.table, "equal": table.is_equal(),
                "rows": table.serving.rows, "digest": table.serving.digest,
                "rebuiltRows": table.rebuilt.rows, "rebuiltDigest": table.rebuilt.digest })
        })
        .collect();
    output::rows(
        format,
        &["projection", "table", "equal", "rows", "rebuiltRows"],
        &rows,
    );
    let different: Vec<_> = compared
        .iter()
        .filter(|(_, table)| !table.is_equal())
        .map(|(_, table)| table.serving.table.as_str())
        .collect();
    if different.is_empty() {
        output::say("the tables hold what the log makes");
        return Ok(());
    }
    Err(Unsound(format!(
        "the tables {} do not hold what the log makes; `daybook projections rebuild` makes them anew",
        different.join(", ")
    ))
    .into())
}
