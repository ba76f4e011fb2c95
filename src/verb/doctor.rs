//! `daybook doctor`: looks at an installation and says what is wrong with it and what to do. Changes nothing.

use anyhow::Result;
use serde_json::{Value, json};

use super::NotReady;
use crate::{app, database::Place, output};

/// Checks configuration, database, log and read models; fails if one of them is not in order.
pub async fn run(place: &Place, format: output::Format) -> Result<()> {
    let mut findings: Vec<Value> = Vec::new();
    let mut note = |check: &str, result: Result<String>| {
        let (ok, detail) = match result {
            Ok(detail) => (true, detail),
            Err(error) => (false, format!("{error:#}")),
        };
        findings.push(json!({ "check": check, "ok": ok, "detail": detail }));
        ok
    };
    note("configuration", Ok("valid".to_owned()));
    let opened = place.open().await;
    if let Ok(database) = opened {
        note("database", Ok("reachable".to_owned()));
        match database.connect(place.config.log.partitions).await {
            Ok(store) => {
                note(
                    "log",
                    Ok(format!("installed, {} partitions", store.partitions())),
                );
                for (check, result) in app::examine(&store).await {
                    note(&check, result);
                }
                database.close(Some(store)).await?;
            }
            Err(error) => {
                note("log", Err(error));
                database.close(None).await?;
            }
        }
    } else if let Err(error) = opened {
        note("database", Err(error));
    }
    output::rows(format, &["check", "ok", "detail"], &findings);
    let wrong = findings
        .iter()
        .filter(|f| f.get("ok") == Some(&Value::Bool(false)))
        .count();
    if wrong > 0 {
        return Err(NotReady(format!("{wrong} of {} checks failed", findings.len())).into());
    }
    Ok(())
}
