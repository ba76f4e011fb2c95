//! What a generation may change, and what it refuses.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use serde_json::json;

use super::*;

/// A sale as it is first published.
fn sold(version: i16, properties: &Value, required: &Value) -> Document {
    let (context, event_type) = ("shop", "Sold");
    Document {
        context,
        event_type,
        schema_version: version,
        schema: json!({
            "$id": document::uri(context, event_type, version),
            "title": document::title(context, event_type, version),
            "type": "object",
            "properties": properties,
            "required": required,
        }),
    }
}

fn first() -> Document {
    sold(
        1,
        &json!({ "amount": { "type": "integer" } }),
        &json!(["amount"]),
    )
}

/// Published once.
fn published() -> Plan {
    plan(&Lock::default(), &Files::new(), &[first()]).unwrap()
}

/// What comes of another schema after the first was published.
fn then(next: Document) -> Result<Plan, Refusal> {
    let before = published();
    plan(&before.lock, &before.files, &[next])
}

#[track_caller]
fn refused(outcome: Result<Plan, Refusal>, words: &str) {
    assert_eq!(
        outcome.map_err(|refusal| refusal.to_string()),
        Err(words.to_owned())
    );
}

const FILE: &str = "shop/Sold.v1.json";

#[test]
fn a_new_type_is_registered() {
    let plan = published();
    let [entry] = plan.lock.schemas.as_slice() else {
        unreachable!("{plan:?}")
    };
    assert_eq!((entry.id, entry.schema_version, entry.revision), (1, 1, 1));
    assert_eq!(entry.subject, "daybook.events.v1-shop.Sold.v1");
    assert_eq!(plan.files[FILE], text(&first().schema));
    assert_eq!(
        plan.news,
        ["registered revision 1 of daybook.events.v1-shop.Sold.v1 as id 1"]
    );
    let row = format!(
        "\n    1 \"{}\" \"daybook.events.v1\" \"shop\" \"Sold\" 1 1 \"{FILE}\";\n",
        entry.guid
    );
    assert!(plan.lock.table().contains(&row), "{}", plan.lock.table());
}

#[test]
fn the_fingerprints_are_those_that_other_tools_make() {
    // echo '{}' | sha256sum
    assert_eq!(
        sha256("{}\n"),
        "ca3d163bab055381827226140568f3bef7eaac187cebd76878e0b63e9e442356"
    );
    // python3: uuid5(uuid5(NAMESPACE_URL, "https://daybook.dev/schemas/"), "{}\n")
    assert_eq!(
        guid("{}\n").to_string(),
        "942ad412-f355-5694-824a-ce8a3ef19fd7"
    );
}

#[test]
fn nothing_changes_when_nothing_changed() {
    let before = published();
    let again = then(first()).unwrap();
    assert_eq!((again.lock, again.files), (before.lock, before.files));
    assert_eq!(again.news, [""; 0]);
}

#[test]
fn a_new_optional_field_is_a_new_revision_and_the_earlier_one_stays() {
    let fields = json!({ "amount": { "type": "integer" }, "note": { "type": "string" } });
    let next = sold(1, &fields, &json!(["amount"]));
    let after = then(next.clone()).unwrap();
    let before = published();
    assert_eq!(after.lock.schemas[0], before.lock.schemas[0]);
    let added = &after.lock.schemas[1];
    assert_eq!((added.id, added.schema_version, added.revision), (2, 1, 2));
    assert_eq!(added.subject, before.lock.schemas[0].subject);
    assert_ne!(added.guid, before.lock.schemas[0].guid);
    assert_eq!(after.files[FILE], text(&next.schema));
    assert_eq!(
        after.files["shop/superseded/Sold.v1.r1.json"],
        before.files[FILE]
    );
    // And a third one upon it.
    let fields = json!({ "amount": { "type": "integer" }, "note": { "type": "string" }, "by": { "type": "string" } });
    let third = plan(
        &after.lock,
        &after.files,
        &[sold(1, &fields, &json!(["amount"]))],
    )
    .unwrap();
    assert_eq!(third.files.len(), 3);
    assert_eq!(
        third.files["shop/superseded/Sold.v1.r1.json"],
        before.files[FILE]
    );
    assert_eq!(
        third
            .lock
            .current()
            .map(|entry| entry.id)
            .collect::<Vec<_>>(),
        [3]
    );
}

#[test]
fn an_incompatible_change_is_refused_with_what_to_do() {
    let next = sold(
        1,
        &json!({ "amount": { "type": "string" } }),
        &json!(["amount"]),
    );
    refused(
        then(next),
        "shop.Sold.v1 cannot change like this: the field `amount` was of type integer and is of type string; what is \
         stored stays as it is, so take the change back, or make version 2 of Sold with an upcaster \
         (docs/guides/change-an-event.md)",
    );
}

#[test]
fn every_kind_of_incompatible_change_is_refused() {
    let integer = json!({ "type": "integer" });
    for (properties, required) in [
        // renamed
        (json!({ "sum": integer }), json!(["sum"])),
        // removed
        (json!({}), json!([])),
        // no longer required
        (json!({ "amount": integer }), json!([])),
        // a new required field
        (
            json!({ "amount": integer, "by": integer }),
            json!(["amount", "by"]),
        ),
        // narrowed
        (
            json!({ "amount": { "type": "integer", "minimum": 1 } }),
            json!(["amount"]),
        ),
        (
            json!({ "amount": { "type": "integer", "enum": [1, 2] } }),
            json!(["amount"]),
        ),
    ] {
        let outcome = then(sold(1, &properties, &required));
        assert!(
            matches!(outcome, Err(Refusal::Incompatible { next: 2, .. })),
            "{properties} {required}: {outcome:?}"
        );
    }
}

#[test]
fn an_incompatible_shape_is_a_new_version_beside_the_older_one() {
    let next = sold(
        2,
        &json!({ "amount": { "type": "string" } }),
        &json!(["amount"]),
    );
    let after = then(next.clone()).unwrap();
    assert_eq!(
        after.lock.schemas[1].subject,
        "daybook.events.v1-shop.Sold.v2"
    );
    assert_eq!(
        (after.lock.schemas[1].id, after.lock.schemas[1].revision),
        (2, 1)
    );
    assert_eq!(after.files[FILE], published().files[FILE]);
    assert_eq!(after.files["shop/Sold.v2.json"], text(&next.schema));
}

#[test]
fn an_older_version_is_written_by_hand_once() {
    let newest = sold(2, &json!({}), &json!([]));
    let from = |files: &Files| plan(&Lock::default(), files, std::slice::from_ref(&newest));
    refused(
        from(&Files::new()),
        "shop.Sold.v1 has no schema, and only the newest version can be generated; write shop/Sold.v1.json by hand, from \
         the version's sample and its upcaster",
    );
    let written = |text: &str| Files::from([(FILE.to_owned(), text.to_owned())]);
    refused(
        from(&written("{")),
        "shop/Sold.v1.json is not JSON: EOF while parsing an object at line 1 column 1; correct the file",
    );
    refused(
        from(&written(r#"{"title":"Sold"}"#)),
        "shop/Sold.v1.json does not have the title shop.Sold.v1; correct the file",
    );
    // Its form is put right.
    let after = from(&written(&first().schema.to_string())).unwrap();
    assert_eq!(after.files[FILE], text(&first().schema));
    let ids: Vec<_> = after
        .lock
        .schemas
        .iter()
        .map(|entry| (entry.id, entry.schema_version))
        .collect();
    assert_eq!(ids, [(1, 1), (2, 2)]);
}

#[test]
fn what_was_published_stays() {
    let altered = "shop/Sold.v1.json is not what was registered as id 1; what was published never changes, so restore it \
                   from version control, lock file included";
    let before = published();
    let second = sold(2, &json!({}), &json!([]));
    for files in [
        Files::from([(
            FILE.to_owned(),
            before.files[FILE].replace("integer", "string"),
        )]),
        Files::new(),
    ] {
        refused(
            plan(&before.lock, &files, std::slice::from_ref(&second)),
            altered,
        );
    }
    // Nor can an edited lock file hide a change.
    let mut lock = before.lock.clone();
    lock.schemas[0].guid = Uuid::nil();
    refused(
        plan(&lock, &before.files, std::slice::from_ref(&second)),
        altered,
    );
    let gone = |title| {
        format!(
            "{title} is registered and no longer declared; logs may hold such events, so declare it again, with an \
             upcaster if it is an older version"
        )
    };
    refused(
        plan(&before.lock, &before.files, &[]),
        &gone("shop.Sold.v1"),
    );
    let after = then(second).unwrap();
    let back = plan(&after.lock, &after.files, &[first()]);
    refused(back, &gone("shop.Sold.v2"));
}

#[test]
fn ids_ascend_and_every_file_is_known() {
    let before = published();
    let mut lock = before.lock.clone();
    lock.schemas.push(lock.schemas[0].clone());
    refused(
        plan(&lock, &before.files, &[first()]),
        "the lock file has id 1 after 1; ids ascend and are never used again, so restore the lock file from version \
         control and generate anew",
    );
    let mut files = before.files.clone();
    files.insert("shop/Bought.v1.json".to_owned(), "{}".to_owned());
    refused(
        plan(&before.lock, &files, &[first()]),
        "shop/Bought.v1.json is the schema of no event type; delete it, or declare the event type",
    );
}

#[test]
fn an_id_is_not_used_again_after_a_gap() {
    let mut before = published();
    before.lock.schemas[0].id = 7;
    let next = sold(2, &json!({}), &json!([]));
    let after = plan(&before.lock, &before.files, &[next]).unwrap();
    assert_eq!(after.lock.schemas[1].id, 8);
}
