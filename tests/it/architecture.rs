//! The architecture, held against the code: who may depend on whom, that every context has its file in every layer, and
//! that files stay small.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use cargo_metadata::{DependencyKind, MetadataCommand};
use event_schemas::CONTEXTS;

const MAX_LINES: usize = 500;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every crate's direct dependencies that end up in the program.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .exec()
        .unwrap();
    metadata
        .packages
        .iter()
        .map(|package| {
            let normal = package
                .dependencies
                .iter()
                .filter(|d| d.kind == DependencyKind::Normal);
            (
                package.name.to_string(),
                normal.map(|d| d.name.clone()).collect(),
            )
        })
        .collect()
}

#[test]
fn crates_depend_only_on_those_below_them() {
    let allowed: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("event-schemas", &[][..]),
        ("domain", &["event-schemas"]),
        ("event-store", &["event-schemas"]),
        ("gateway", &["event-schemas", "event-store"]),
        (
            "commands",
            &["event-schemas", "event-store", "domain", "gateway"],
        ),
        ("projections", &["event-schemas", "event-store"]),
        (
            "read-api",
            &["event-schemas", "event-store", "gateway", "projections"],
        ),
        (
            "daybook",
            &[
                "event-schemas",
                "event-store",
                "domain",
                "gateway",
                "commands",
                "projections",
                "read-api",
            ],
        ),
    ]);
    let all = dependencies();
    for (name, depends) in &all {
        let Some(allowed) = allowed.get(name.as_str()) else {
            continue;
        };
        let ours: Vec<_> = depends.iter().filter(|d| all.contains_key(*d)).collect();
        let wrong: Vec<_> = ours
            .iter()
            .filter(|d| !allowed.contains(&d.as_str()))
            .collect();
        assert!(wrong.is_empty(), "{name} must not depend on {wrong:?}");
    }
    assert!(
        allowed.keys().all(|name| all.contains_key(*name)),
        "a crate is missing: {:?}",
        all.keys()
    );
}

#[test]
fn the_domain_knows_no_input_output_clock_or_chance() {
    let all = dependencies();
    let forbidden = [
        "sqlx",
        "axum",
        "tokio",
        "rand",
        "getrandom",
        "reqwest",
        "tracing",
    ];
    for name in ["domain", "event-schemas"] {
        let wrong: Vec<_> = all[name]
            .iter()
            .filter(|d| forbidden.contains(&d.as_str()))
            .collect();
        assert!(wrong.is_empty(), "{name} must not depend on {wrong:?}");
    }
}

#[test]
fn only_the_store_opens_connections() {
    let pools = [
        "PgPool::connect",
        "PgPoolOptions",
        "PgConnection::connect",
        "connect_lazy",
    ];
    for file in rust_files(&root()) {
        let path = file.strip_prefix(root()).unwrap();
        if path.starts_with("event-store") || path.starts_with("tests") {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        let found: Vec<_> = pools.iter().filter(|p| text.contains(**p)).collect();
        assert!(
            found.is_empty(),
            "{} opens connections of its own: {found:?}",
            path.display()
        );
    }
}

#[test]
fn only_the_assembly_names_every_crate() {
    let crates = [
        "commands::",
        "event_store::",
        "gateway::",
        "projections::",
        "read_api::",
    ];
    let all: Vec<_> = rust_files(&root().join("src"))
        .into_iter()
        .filter(|file| {
            let text = fs::read_to_string(file).unwrap();
            crates.iter().all(|name| text.contains(name))
        })
        .collect();
    assert_eq!(all, [root().join("src/app.rs")]);
}

#[test]
fn every_context_has_its_file_in_every_layer() {
    for context in CONTEXTS {
        for layer in [
            "event-schemas/src",
            "domain/src",
            "projections/src",
            "read-api/src",
        ] {
            let file = root().join(layer).join(format!("{context}.rs"));
            assert!(file.is_file(), "{} is missing", file.display());
        }
        let tables = root()
            .join("migrations/read-models")
            .join(format!("{context}.sql"));
        assert!(tables.is_file(), "{} is missing", tables.display());
    }
}

#[test]
fn files_are_small_and_say_what_they_own() {
    let mut wrong = Vec::new();
    for file in rust_files(&root()) {
        let text = fs::read_to_string(&file).unwrap();
        let lines = text.lines().count();
        if lines > MAX_LINES {
            wrong.push(format!(
                "{}: {lines} lines, {MAX_LINES} at most",
                file.display()
            ));
        }
        if !text.starts_with("//!") {
            wrong.push(format!(
                "{}: the first line does not say what it owns (//!)",
                file.display()
            ));
        }
        if file.file_name().is_some_and(|name| name == "mod.rs") {
            wrong.push(format!("{}: modules are named files", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir()
            && !name.starts_with('.')
            && !matches!(name.as_str(), "target" | "node_modules")
        {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}
