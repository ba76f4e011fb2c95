//! Everything that can be wrong with the fields of a command, generated from its schema: one defect at a time in an
//! otherwise valid body, with the pointer of the field that is to blame.

use serde_json::{Value, json};

use super::schema::{Document, breaking, enumeration, kind, nullable, properties, required};

/// One body with one defect.
#[derive(Clone, Debug)]
pub struct Defect {
    pub what: String,
    /// The JSON text, valid or not.
    pub body: String,
    /// The JSON pointer to the field that is to blame; none where the text as a whole is.
    pub pointer: Option<String>,
    /// Whether it is in the text already, and not only in what the text means.
    pub in_text: bool,
}

const MARK: &str = "\"@raw@\"";

/// Every defect of a command with this schema.
pub fn all(document: &Document, schema: &Value) -> Vec<Defect> {
    let schema = document.resolve(schema);
    let valid = document.sample("", schema, &|_, _| None);
    let mut found = Vec::new();
    texts(&mut found);
    let mut walk = Walk {
        document,
        valid: valid.clone(),
        found,
    };
    for other in ["[]", "\"a text\"", "1", "null", "true"] {
        walk.found.push(Defect {
            what: format!("{other} instead of an object"),
            body: other.to_owned(),
            pointer: Some(String::new()),
            in_text: false,
        });
    }
    walk.found.push(positional("", "", &valid, &valid));
    walk.object("", schema);
    walk.found
}

/// Texts that are no JSON, or no JSON that two readers understand alike.
fn texts(found: &mut Vec<Defect>) {
    let deep_list = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let deep_object = format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
    for (what, body) in [
        ("an open brace", "{"),
        ("a missing value", "{\"a\":}"),
        ("single quotes", "{'a':1}"),
        ("a comma at the end", "{\"a\":1,}"),
        ("a missing colon", "{\"a\" 1}"),
        ("a leading zero", "{\"a\":01}"),
        ("a plus sign", "{\"a\":+1}"),
        ("not a number", "{\"a\":NaN}"),
        ("something behind it", "{} x"),
        ("two objects", "{}{}"),
        ("half a word", "nul"),
        ("a raw control character", "{\"a\":\"\u{1}\"}"),
        ("an unknown escape", "{\"a\":\"\\x\"}"),
        ("an open text", "{\"a\":\"b"),
        ("a comment", "{/**/}"),
        ("a byte order mark", "\u{feff}{}"),
        ("10,000 lists", &deep_list),
        ("10,000 objects", &deep_object),
    ] {
        found.push(Defect {
            what: what.to_owned(),
            body: body.to_owned(),
            pointer: None,
            in_text: true,
        });
    }
}

/// The values of an object in a list: what Rust would take for a struct, and JSON does not.
fn positional(pointer: &str, name: &str, whole: &Value, object: &Value) -> Defect {
    // Without the lists among them: one directly within another is a defect of its own.
    let values: Vec<_> = object
        .as_object()
        .unwrap()
        .values()
        .filter(|v| !v.is_array())
        .cloned()
        .collect();
    let body = if pointer.is_empty() {
        json!(values)
    } else {
        put(whole, pointer, json!(values))
    };
    Defect {
        what: format!("a list instead of the object {name}"),
        body: body.to_string(),
        pointer: pointer.is_empty().then(String::new),
        in_text: false,
    }
}

fn put(whole: &Value, pointer: &str, value: Value) -> Value {
    let mut whole = whole.clone();
    *whole.pointer_mut(pointer).unwrap() = value;
    whole
}

struct Walk<'a> {
    document: &'a Document,
    valid: Value,
    found: Vec<Defect>,
}

impl Walk<'_> {
    fn replaced(&mut self, pointer: &str, raw: &str, in_text: bool) {
        let body = put(&self.valid, pointer, json!("@raw@"))
            .to_string()
            .replace(MARK, raw);
        let shown: String = raw.chars().take(60).collect();
        self.found.push(Defect {
            what: format!("{pointer} = {shown}"),
            body,
            pointer: Some(pointer.to_owned()),
            in_text,
        });
    }

    /// The object at `pointer` as JSON text after `change`, which is given the text's inside.
    fn changed(
        &mut self,
        pointer: &str,
        what: &str,
        blamed: String,
        in_text: bool,
        change: impl Fn(&str) -> String,
    ) {
        let object = self.valid.pointer(pointer).unwrap().to_string();
        let inside = object.strip_prefix('{').unwrap().strip_suffix('}').unwrap();
        let raw = format!("{{{}}}", change(inside));
        let body = if pointer.is_empty() {
            raw
        } else {
            put(&self.valid, pointer, json!("@raw@"))
                .to_string()
                .replace(MARK, &raw)
        };
        self.found.push(Defect {
            what: format!("{pointer} {what}"),
            body,
            pointer: Some(blamed),
            in_text,
        });
    }

    fn object(&mut self, pointer: &str, schema: &Value) {
        let comma = |inside: &str| if inside.is_empty() { "" } else { "," }.to_owned();
        for (name, escaped) in [
            ("unknown", "unknown"),
            ("__proto__", "__proto__"),
            ("a/b~c", "a~1b~0c"),
            ("", ""),
        ] {
            self.changed(
                pointer,
                "an unknown field",
                format!("{pointer}/{escaped}"),
                false,
                |inside| format!("{inside}{}{}:1", comma(inside), json!(name)),
            );
        }
        self.changed(
            pointer,
            "a key with U+0000",
            format!("{pointer}/a\0b"),
            true,
            |inside| format!("{inside}{}\"a\\u0000b\":1", comma(inside)),
        );
        self.changed(
            pointer,
            "the same unknown key twice",
            format!("{pointer}/x"),
            true,
            |inside| format!("{inside}{}\"x\":1,\"x\":1", comma(inside)),
        );
        for name in required(schema) {
            let mut without = self.valid.pointer(pointer).unwrap().clone();
            without.as_object_mut().unwrap().remove(name);
            let body = if pointer.is_empty() {
                without
            } else {
                put(&self.valid, pointer, without)
            };
            self.found.push(Defect {
                what: format!("{pointer}/{name} is missing"),
                body: body.to_string(),
                pointer: Some(format!("{pointer}/{name}")),
                in_text: false,
            });
        }
        for (name, of) in properties(schema) {
            let place = format!("{pointer}/{name}");
            let value = self.valid.pointer(&place).unwrap().to_string();
            self.changed(
                pointer,
                &format!("{name} twice"),
                place.clone(),
                true,
                |inside| format!("{inside},\"{name}\":{value}"),
            );
            self.changed(
                pointer,
                &format!("{name} twice, once escaped"),
                place.clone(),
                true,
                |inside| {
                    let first = name.as_bytes()[0];
                    format!("{inside},\"\\u{first:04x}{}\":{value}", &name[1..])
                },
            );
            self.value(&place, &of);
        }
    }

    fn value(&mut self, pointer: &str, schema: &Value) {
        let may_be_null = nullable(schema);
        let schema = self.document.resolve(schema);
        let kind = kind_of(schema);
        for (of, raw) in [
            ("string", "\"@wrong\""),
            ("integer", "1"),
            ("boolean", "true"),
            ("array", "[]"),
            ("object", "{}"),
            ("null", "null"),
        ] {
            let allowed =
                of == kind || of == "null" && may_be_null || of == "array" && kind == "array";
            if !allowed {
                self.replaced(pointer, raw, false);
            }
        }
        if kind != "string" {
            self.replaced(pointer, "\"1\"", false);
        }
        self.replaced(pointer, "1e400", true);
        self.replaced(pointer, "\"a\\u0000b\"", true);
        self.replaced(pointer, "\"\\ud800\"", true);
        self.replaced(pointer, "\"\\ud800x\"", true);
        match kind {
            "object" => {
                let object = self.valid.pointer(pointer).unwrap().clone();
                let whole = self.valid.clone();
                self.found
                    .push(positional(pointer, pointer, &whole, &object));
                self.object(pointer, schema);
            }
            "array" => self.list(pointer, schema),
            "integer" => self.integer(pointer, schema),
            "boolean" => {}
            "string" => self.text(pointer, schema),
            other => panic!("no defects are known for the type {other}"),
        }
    }

    fn list(&mut self, pointer: &str, schema: &Value) {
        let item = self.valid.pointer(&format!("{pointer}/0")).unwrap().clone();
        let least = schema["minItems"].as_u64().expect("every list has limits");
        let most = schema["maxItems"].as_u64().expect("every list has limits");
        let of = |count: u64| Value::Array((0..count).map(|_| item.clone()).collect()).to_string();
        if least > 0 {
            self.replaced(pointer, &of(least - 1), false);
        }
        self.replaced(pointer, &of(most + 1), false);
        self.value(&format!("{pointer}/0"), &schema["items"]);
    }

    fn integer(&mut self, pointer: &str, schema: &Value) {
        let least = schema["minimum"].as_i64().expect("every number has limits");
        let most = schema["maximum"].as_i64().expect("every number has limits");
        for raw in [
            (least - 1).to_string(),
            (most + 1).to_string(),
            "1.5".to_owned(),
            "-1".to_owned(),
            "9223372036854775807".to_owned(),
            "9223372036854775808".to_owned(),
            "18446744073709551616".to_owned(),
            "-9223372036854775809".to_owned(),
            "1e30".to_owned(),
        ] {
            self.replaced(pointer, &raw, false);
        }
        self.replaced(pointer, "-1e400", true);
    }

    fn text(&mut self, pointer: &str, schema: &Value) {
        if enumeration(schema).is_some() {
            for raw in ["\"nope\"", "\"\"", "\"CANCELED\""] {
                self.replaced(pointer, raw, false);
            }
            return;
        }
        match schema.get("format").and_then(Value::as_str) {
            Some("uuid") => {
                for raw in [
                    "\"\"",
                    "\"1\"",
                    "\"0199d3f0-7c1e-7000-8000-5a2a711c0de\"",
                    "\"zzzzzzzz-7c1e-7000-8000-5a2a711c0de5\"",
                ] {
                    self.replaced(pointer, raw, false);
                }
            }
            Some("date-time") => {
                for raw in [
                    "\"\"",
                    "\"yesterday\"",
                    "\"2026-02-30T00:00:00Z\"",
                    "\"2026-01-02\"",
                    "\"2026-01-02T03:04:05\"",
                    "\"2026-01-02T25:00:00Z\"",
                ] {
                    self.replaced(pointer, raw, false);
                }
            }
            _ => {
                let least = schema["minLength"].as_u64().expect("every text has limits");
                let most =
                    usize::try_from(schema["maxLength"].as_u64().expect("every text has limits"))
                        .unwrap();
                if least > 0 {
                    self.replaced(pointer, "\"\"", false);
                    self.replaced(pointer, "\"   \"", false);
                }
                self.replaced(pointer, &json!("x".repeat(most + 1)).to_string(), false);
                self.replaced(pointer, &json!("é".repeat(most + 1)).to_string(), false);
                for wrong in breaking(schema) {
                    self.replaced(pointer, &json!(wrong).to_string(), false);
                }
            }
        }
    }
}

/// The type, where a schema may only list its values.
fn kind_of(schema: &Value) -> &str {
    if enumeration(schema).is_some() {
        "string"
    } else {
        kind(schema)
    }
}
