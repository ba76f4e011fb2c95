//! Reads the trusted documents of GraphQL clients from where their build left them. Never decides who must use them.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result, ensure};
use read_api::http::{Limits, Trusted, trusted::Mode};

use crate::config::GraphQl;

/// A document with the name that its file gives it, if it does.
type Document = (Option<String>, String);

/// The documents of the configuration, each of them parsed.
pub fn load(config: &GraphQl, limits: &Limits) -> Result<Trusted> {
    let (mode, path) = (config.trusted_documents, &config.trusted_documents_path);
    if mode == Mode::Off {
        return Ok(Trusted::default());
    }
    ensure!(
        !path.is_empty(),
        "graphql.trusted_documents is on, but graphql.trusted_documents_path names no file or folder"
    );
    let path = Path::new(path);
    let documents = if path.is_dir() {
        folder(path)
    } else {
        map(path)
    };
    let documents =
        documents.with_context(|| format!("the trusted documents in {}", path.display()))?;
    let trusted = Trusted::try_new(mode, documents, limits)
        .with_context(|| format!("the trusted documents in {}", path.display()))?;
    tracing::info!(documents = trusted.count(), "trusted documents are known");
    Ok(trusted)
}

/// A JSON object of names and documents, as Relay's compiler and gql.tada write it.
fn map(path: &Path) -> Result<Vec<Document>> {
    let documents: BTreeMap<String, String> =
        serde_json::from_str(&read(path)?).with_context(|| {
            format!(
                "{} is no JSON object of hashes and documents",
                path.display()
            )
        })?;
    Ok(documents
        .into_iter()
        .map(|(name, text)| (Some(name), text))
        .collect())
}

/// Every `.graphql` file, a document each, and every `.json` file, a map of them. Other files are something else.
fn folder(path: &Path) -> Result<Vec<Document>> {
    let cannot = || format!("cannot read {}", path.display());
    let mut documents = Vec::new();
    for entry in fs::read_dir(path).with_context(cannot)? {
        let path = entry.with_context(cannot)?.path();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("graphql") => documents.push((None, read(&path)?)),
            Some("json") => documents.extend(map(&path)?),
            _ => {}
        }
    }
    Ok(documents)
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    const ID: &str = "ac09e330833d64b1894189c95185df626912f84019f907fd9ddc43fba851fdd4";

    fn told(mode: Mode, path: &Path) -> Result<usize, String> {
        let config = GraphQl {
            operation_timeout_ms: 1,
            trusted_documents: mode,
            trusted_documents_path: path.display().to_string(),
        };
        load(&config, &Limits::default())
            .map(|trusted| trusted.count())
            .map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn documents_are_read_from_files_and_folders() {
        let folder = tempfile::tempdir().unwrap();
        let (file, text) = (folder.path().join("client.json"), "{ viewer { kind } }");
        fs::write(&file, format!("{{\"{ID}\": \"{text}\"}}")).unwrap();
        fs::write(
            folder.path().join("orders.graphql"),
            "{ orders { nodes { id } } }\n",
        )
        .unwrap();
        fs::write(folder.path().join("README.md"), "not one").unwrap();
        assert_eq!(told(Mode::Required, &file), Ok(1));
        assert_eq!(told(Mode::Required, folder.path()), Ok(2));
        assert_eq!(told(Mode::Off, folder.path()), Ok(0));
    }

    #[test]
    fn what_is_not_as_it_should_be_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("client.json");
        let refused = |words: &str| {
            let error = told(Mode::Required, &file).unwrap_err();
            assert!(error.contains(words), "{error}");
        };
        refused("cannot read");
        for (content, words) in [
            ("[]", "is no JSON object of hashes and documents"),
            ("{}", "there are none"),
            (r#"{"1":"{ viewer { kind } }"}"#, "is not the SHA-256"),
            (
                &format!("{{\"{ID}\":\"{{ viewer {{ id }} }}\"}}"),
                "was changed after it was named",
            ),
        ] {
            fs::write(&file, content).unwrap();
            refused(words);
        }
        let error = told(Mode::Allowed, Path::new("")).unwrap_err();
        assert!(error.contains("names no file or folder"), "{error}");
    }
}
