//! `daybook generate`: writes the references that are generated from the code, and the schemas of events. Nothing is
//! written where a published schema would change.

use std::path::Path;

use anyhow::{Context, Result};
use event_schemas::{
    asyncapi,
    schema::{
        document,
        lock::{self, Files, Lock},
    },
};

use crate::{app, output};

/// Writes `openapi.json`, `schema.graphql` and `subgraph.graphql` into the folder `out`, and into the crate's folder `event_schemas` the
/// schemas with their lock file, the table of them, and `asyncapi.yaml`.
pub fn run(out: &Path, event_schemas: &Path) -> Result<()> {
    events(event_schemas)?;
    let openapi = serde_json::to_string_pretty(&app::openapi())? + "\n";
    for (name, text) in [
        ("openapi.json", openapi),
        ("schema.graphql", app::sdl()?),
        ("subgraph.graphql", app::subgraph_sdl()),
    ] {
        write(&out.join(name), &text)?;
    }
    Ok(())
}

fn events(folder: &Path) -> Result<()> {
    let schemas = folder.join("schemas");
    let path = schemas.join("lock.json");
    let text = std::fs::read_to_string(&path).with_context(|| {
        format!(
            "cannot read {}; it holds the ids of all published schemas, so restore it from version control",
            path.display()
        )
    })?;
    let lock: Lock = serde_json::from_str(&text)
        .with_context(|| format!("{} is no lock file of schemas", path.display()))?;
    let mut files = Files::new();
    read(&schemas, "", &mut files)?;
    files.remove("lock.json");
    let plan = lock::plan(&lock, &files, &document::newest())?;
    for (name, text) in &plan.files {
        if files.get(name) != Some(text) {
            write(&schemas.join(name), text)?;
        }
    }
    plan.news.iter().for_each(|news| output::say(news));
    write(&path, &plan.lock.text()?)?;
    write(&folder.join("src/schema/table.rs"), &plan.lock.table())?;
    let described = asyncapi::document(&plan.lock, &plan.files);
    write(&folder.join("asyncapi.yaml"), &described)
}

/// Every file of a folder and its folders, by its path with `/`.
fn read(folder: &Path, prefix: &str, files: &mut Files) -> Result<()> {
    let cannot = || format!("cannot read {}", folder.display());
    for entry in std::fs::read_dir(folder).with_context(cannot)? {
        let path = entry.with_context(cannot)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = format!("{prefix}{name}");
        if path.is_dir() {
            read(&path, &format!("{name}/"), files)?;
        } else {
            let text = std::fs::read_to_string(&path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            files.insert(name, text);
        }
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
    }
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    output::say(&format!("wrote {}", path.display()));
    Ok(())
}
