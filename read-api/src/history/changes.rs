//! What is different between two JSON documents, by their paths. Lists are compared as a whole.

use std::collections::BTreeSet;

use async_graphql::Json;
use serde_json::Value;

use super::FieldChange;

/// The values that are different, in the order of their paths.
pub(super) fn changes(before: &Value, after: &Value) -> Vec<FieldChange> {
    let mut found = Vec::new();
    compare(String::new(), Some(before), Some(after), &mut found);
    found
}

fn compare(
    path: String,
    before: Option<&Value>,
    after: Option<&Value>,
    found: &mut Vec<FieldChange>,
) {
    if before == after {
        return;
    }
    if let (Some(Value::Object(old)), Some(Value::Object(new))) = (before, after) {
        let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for name in names {
            let escaped = name.replace('~', "~0").replace('/', "~1");
            let inner = format!("{path}/{escaped}");
            compare(inner, old.get(name), new.get(name), found);
        }
        return;
    }
    found.push(FieldChange {
        path,
        before: before.cloned().map(Json),
        after: after.cloned().map(Json),
    });
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_is_different_is_told_where_it_is() {
        let before =
            json!({ "same": 1, "old": "x", "in": { "a/b": 1, "same": [1] }, "list": [1, 2] });
        let after =
            json!({ "same": 1, "new": null, "in": { "a/b": 2, "same": [1] }, "list": [1, 3] });
        let told: Vec<_> = changes(&before, &after)
            .into_iter()
            .map(|one| json!([one.path, one.before.map(|v| v.0), one.after.map(|v| v.0)]))
            .collect();
        let expected = json!([
            ["/in/a~1b", 1, 2],
            ["/list", [1, 2], [1, 3]],
            ["/new", null, null],
            ["/old", "x", null],
        ]);
        assert_eq!(json!(told), expected);
        assert!(changes(&after, &after).is_empty());
    }
}
