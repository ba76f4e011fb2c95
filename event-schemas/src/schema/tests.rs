//! The registry that is compiled in is what the lock file says, and describes every payload ever stored.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use jsonschema::Validator;
use serde_json::{Value, json};

use super::{
    lock::{self, Lock},
    *,
};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Every file below a folder, by its path.
fn read(folder: &Path, prefix: &str, files: &mut lock::Files) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{prefix}{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            read(&path, &format!("{name}/"), files);
        } else {
            files.insert(name, fs::read_to_string(&path).unwrap());
        }
    }
}

fn validator(schema: &Registered) -> Validator {
    let document: Value = serde_json::from_str(schema.text).unwrap();
    jsonschema::draft202012::meta::validate(&document).unwrap();
    jsonschema::draft202012::options()
        .should_validate_formats(true)
        .build(&document)
        .unwrap()
}

#[track_caller]
fn fits(event_type: &str, version: i16, payload: &Value) -> bool {
    validator(find(event_type, version).unwrap()).is_valid(payload)
}

#[test]
fn every_payload_ever_stored_fits_its_schema() {
    let mut found = BTreeSet::new();
    for context in fs::read_dir(folder("samples")).unwrap() {
        for sample in fs::read_dir(context.unwrap().path()).unwrap() {
            let path = sample.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap();
            let (event_type, version) = name.rsplit_once(".v").unwrap();
            let version: i16 = version.parse().unwrap();
            let schema =
                find(event_type, version).unwrap_or_else(|| panic!("{name} has no schema"));
            let payload = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            let errors: Vec<String> = validator(schema)
                .iter_errors(&payload)
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert_eq!(errors, [""; 0], "{name}");
            found.insert((schema.event_type, version));
        }
    }
    let all: BTreeSet<_> = all()
        .iter()
        .filter(|schema| schema.subject.starts_with(TOPIC))
        .map(|schema| (schema.event_type, schema.schema_version))
        .collect();
    assert_eq!(found, all, "a sample of every version");
}

#[test]
fn a_schema_tells_right_from_wrong() {
    let refund = json!({ "amount": 2000, "reason": "other", "note": "One cup arrived broken" });
    assert!(fits("OrderRefunded", 2, &refund));
    let with = |field: &str, value: Value| {
        let mut payload = refund.clone();
        payload
            .as_object_mut()
            .unwrap()
            .insert(field.to_owned(), value);
        fits("OrderRefunded", 2, &payload)
    };
    assert!(with("later", json!({ "any": "thing" })), "objects are open");
    for (field, value) in [
        ("amount", json!("2000")),
        ("amount", json!(-1)),
        ("amount", json!(9_007_199_254_740_992_i64)),
        ("reason", json!("One cup arrived broken")),
        ("reason", Value::Null),
        ("waived", json!("order-not-paid")),
    ] {
        assert!(!with(field, value.clone()), "{field} {value}");
    }
    assert!(
        !fits("OrderRefunded", 2, &json!({ "reason": "other" })),
        "amount is required"
    );
    // Version 1 had words for a reason.
    assert!(fits(
        "OrderRefunded",
        1,
        &json!({ "amount": 1, "reason": "Broken" })
    ));
    assert!(!fits(
        "OrderRefunded",
        1,
        &json!({ "amount": 1, "reason": 7 })
    ));
    assert!(
        !fits("ApiKeyRevoked", 1, &json!({ "keyId": "12" })),
        "formats count"
    );
}

#[test]
fn the_table_is_what_the_lock_file_says() {
    let text = fs::read_to_string(folder("schemas/lock.json")).unwrap();
    let lock: Lock = serde_json::from_str(&text).unwrap();
    assert_eq!(lock.text().unwrap(), text);
    assert_eq!(all().len(), lock.schemas.len());
    for (schema, entry) in all().iter().zip(&lock.schemas) {
        assert_eq!(
            (schema.id, schema.guid, schema.subject, schema.revision),
            (entry.id, entry.guid, entry.subject.as_str(), entry.revision)
        );
        assert_eq!(
            (schema.context, schema.event_type, schema.schema_version),
            (
                entry.context.as_str(),
                entry.event_type.as_str(),
                entry.schema_version
            )
        );
        let file = fs::read_to_string(folder("schemas").join(lock.file(entry))).unwrap();
        assert_eq!(schema.text, file);
        assert_eq!(
            (lock::guid(&file), lock::sha256(&file)),
            (entry.guid, entry.sha256.clone())
        );
        let document: Value = serde_json::from_str(&file).unwrap();
        assert_eq!(document.get("title"), Some(&entry.title().into()));
        assert_eq!(document.get("$id"), Some(&schema.uri.into()));
        let topic = document::topic(schema.context, schema.event_type, schema.schema_version);
        assert_eq!(schema.subject, format!("{topic}-{}", entry.title()));
        assert!(schema.uri.starts_with(BASE_URI));
    }
    let guids: BTreeSet<_> = all().iter().map(|schema| schema.guid).collect();
    assert_eq!(guids.len(), all().len());
}

#[test]
fn the_code_and_the_committed_files_agree() {
    let mut files = lock::Files::new();
    read(&folder("schemas"), "", &mut files);
    let lock: Lock = serde_json::from_str(&files.remove("lock.json").unwrap()).unwrap();
    let plan = lock::plan(&lock, &files, &document::newest()).unwrap();
    assert_eq!(plan.news, [""; 0], "run `make generated`");
    assert_eq!(plan.files, files);
    let table = fs::read_to_string(folder("src/schema/table.rs")).unwrap();
    assert_eq!(plan.lock.table(), table, "run `make generated`");
    let asyncapi = fs::read_to_string(folder("asyncapi.yaml")).unwrap();
    assert_eq!(
        crate::asyncapi::document(&plan.lock, &plan.files),
        asyncapi,
        "run `make generated`"
    );
}

#[test]
fn the_newest_revision_of_a_version_is_found() {
    let mut newest = BTreeMap::new();
    for schema in all() {
        newest.insert((schema.event_type, schema.schema_version), schema.id);
    }
    for ((event_type, version), id) in newest {
        assert_eq!(find(event_type, version).map(|schema| schema.id), Some(id));
    }
    for (event_type, version) in [
        ("OrderPlaced", 0),
        ("OrderPlaced", 2),
        ("orderplaced", 1),
        ("", 1),
    ] {
        assert_eq!(find(event_type, version), None, "{event_type} {version}");
    }
}

#[test]
fn the_header_is_a_byte_and_the_guid() {
    let schema = find("OrderRefunded", 1).unwrap();
    let (magic, guid) = schema
        .header()
        .split_first()
        .map(|(m, g)| (*m, g.to_vec()))
        .unwrap();
    assert_eq!(
        (magic, guid.as_slice()),
        (1, schema.guid.as_bytes().as_slice())
    );
}
