//! `daybook generate`: writes the references that are generated from the code.

use std::path::Path;

use anyhow::{Context, Result};

use crate::{app, output};

/// Writes `openapi.json` and `schema.graphql` into a folder.
pub fn run(out: &Path) -> Result<()> {
    std::fs::create_dir_all(out).with_context(|| format!("cannot create {}", out.display()))?;
    let openapi = serde_json::to_string_pretty(&commands::openapi::document())? + "\n";
    for (name, text) in [("openapi.json", openapi), ("schema.graphql", app::sdl()?)] {
        let path = out.join(name);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        output::say(&format!("wrote {}", path.display()));
    }
    Ok(())
}
