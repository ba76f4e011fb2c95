//! The OpenAPI 3.1 document of the command API, generated from the registry. Describes; routes nothing.

use serde_json::{Map, Value, json};

use crate::{Spec, bulk, registry, rest};

/// The document, as served at `/openapi.json`.
pub fn document() -> Value {
    let mut schemas = shared_schemas();
    let mut paths = Map::new();
    for spec in registry().public() {
        schemas.insert(spec.title.clone(), component(&spec.schema, &mut Map::new()));
        let mut definitions = Map::new();
        component(&spec.schema, &mut definitions);
        schemas.extend(definitions);
        paths.insert(rest::path(spec), json!({ "post": operation(spec) }));
    }
    paths.insert(
        "/api/v1/commands".to_owned(),
        json!({ "post": bulk_operation() }),
    );
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Daybook commands",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Every command of every context. Queries are answered over GraphQL.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" }
        },
        "servers": [{ "url": "/" }],
        "security": [{ "apiKey": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": { "apiKey": { "type": "http", "scheme": "bearer", "description": "An API key, `dbk_…`." } },
            "schemas": schemas,
            "responses": { "Problem": problem_response() }
        }
    })
}

/// A schema as component: its definitions become components of their own.
fn component(schema: &Value, definitions: &mut Map<String, Value>) -> Value {
    match schema {
        Value::Object(fields) => {
            let mut copy = Map::new();
            for (name, value) in fields {
                match (name.as_str(), value) {
                    ("$defs", Value::Object(found)) => {
                        for (name, definition) in found {
                            let definition = component(definition, definitions);
                            definitions.insert(name.clone(), definition);
                        }
                    }
                    ("$ref", Value::String(path)) => {
                        copy.insert(
                            name.clone(),
                            path.replace("#/$defs/", "#/components/schemas/").into(),
                        );
                    }
                    _ => {
                        copy.insert(name.clone(), component(value, definitions));
                    }
                }
            }
            Value::Object(copy)
        }
        Value::Array(items) => items
            .iter()
            .map(|item| component(item, definitions))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => schema.clone(),
    }
}

fn operation(spec: &Spec) -> Value {
    let required = spec
        .schema
        .get("required")
        .and_then(Value::as_array)
        .is_some_and(|r| !r.is_empty());
    let mut responses = Map::new();
    if spec.creates {
        responses.insert("201".to_owned(), accepted("Accepted: it was created."));
    }
    responses.insert(
        "200".to_owned(),
        accepted("Accepted, replayed, or decided as a dry run."),
    );
    for status in [
        "400", "401", "403", "404", "409", "413", "415", "422", "503",
    ] {
        responses.insert(
            status.to_owned(),
            json!({ "$ref": "#/components/responses/Problem" }),
        );
    }
    json!({
        "operationId": spec.mutation(),
        "tags": [spec.context],
        "summary": summary(&spec.description),
        "description": spec.description,
        "x-permission": format!("{}:{}", spec.context, spec.name),
        "parameters": [
            { "name": "id", "in": "path", "required": true, "schema": { "type": "string", "format": "uuid" },
              "description": "The aggregate's id; for a creating command, chosen by you." },
            { "name": "Idempotency-Key", "in": "header",
              "schema": { "type": "string", "minLength": 1, "maxLength": rest::MAX_KEY_BYTES },
              "description": "Repeating a command with its key answers the first result again, for 30 days." },
            { "name": "If-Match", "in": "header", "schema": { "type": "string", "pattern": "^\"[0-9]+\"$" },
              "description": "Refuse unless the aggregate is at this version." },
            { "name": "traceparent", "in": "header", "schema": { "type": "string" }, "description": "W3C trace context." },
            { "name": "dryRun", "in": "query", "schema": { "type": "boolean" }, "description": "Decide only; write nothing." }
        ],
        "requestBody": {
            "required": required,
            "content": { "application/json": { "schema": { "$ref": format!("#/components/schemas/{}", spec.title) } } }
        },
        "responses": responses
    })
}

fn summary(description: &str) -> &str {
    description.split(['.', '\n']).next().unwrap_or(description)
}

fn accepted(description: &str) -> Value {
    json!({
        "description": description,
        "headers": { "ETag": { "schema": { "type": "string" }, "description": "The aggregate's version, in quotes." } },
        "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Accepted" } } }
    })
}

fn bulk_operation() -> Value {
    json!({
        "operationId": "bulk",
        "tags": ["bulk"],
        "summary": "Many commands, one per line",
        "description": "Lines of JSON in, lines of JSON out, in order. Lines of one aggregate run in order and see each \
                        other; one bad line does not stop the rest.",
        "parameters": [{ "name": "source", "in": "query", "schema": { "enum": ["api", "import"] },
            "description": "`import` may date lines to the past; it needs the permission organization:import." }],
        "requestBody": { "required": true, "content": { bulk::CONTENT_TYPE: { "schema": { "$ref": "#/components/schemas/BulkLine" } } } },
        "responses": {
            "200": { "description": "One answer per line.", "content": { bulk::CONTENT_TYPE: { "schema": { "$ref": "#/components/schemas/BulkAnswer" } } } },
            "401": { "$ref": "#/components/responses/Problem" },
            "403": { "$ref": "#/components/responses/Problem" },
            "413": { "$ref": "#/components/responses/Problem" },
            "415": { "$ref": "#/components/responses/Problem" }
        }
    })
}

fn problem_response() -> Value {
    json!({
        "description": "A problem (RFC 9457): what happened and what to do next.",
        "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } }
    })
}

fn shared_schemas() -> Map<String, Value> {
    let kinds: Vec<&str> = registry().public().map(|spec| spec.kind.as_str()).collect();
    let schemas = json!({
        "Accepted": {
            "type": "object",
            "required": ["streamId", "version", "events", "replayed"],
            "properties": {
                "streamId": { "type": "string", "description": "The stream it wrote to, `<context>-<uuid>`." },
                "version": { "type": "integer", "description": "The stream's version after it." },
                "position": { "type": "integer", "description": "The organization's position of its last event." },
                "token": { "type": "string", "description": "Pass it to a query to get an answer no older than this." },
                "events": { "type": "array", "items": { "type": "object", "properties": {
                    "id": { "type": "string", "format": "uuid" }, "type": { "type": "string" },
                    "version": { "type": "integer" }, "position": { "type": "integer" } } } },
                "replayed": { "type": "boolean", "description": "This is the answer to an earlier command with the same key." },
                "dryRun": { "type": "boolean" },
                "keyId": { "type": "string", "format": "uuid", "description": "The new key's id (issueApiKey, first answer only)." },
                "apiKey": { "type": "string", "description": "The new key (issueApiKey, first answer only); it is not stored." }
            }
        },
        "Problem": {
            "type": "object",
            "required": ["type", "title", "status", "code"],
            "properties": {
                "type": { "type": "string", "format": "uri" }, "title": { "type": "string" },
                "status": { "type": "integer" }, "detail": { "type": "string" }, "code": { "type": "string" },
                "pointer": { "type": "string", "description": "JSON pointer (RFC 6901) to the offending field." },
                "requestId": { "type": "string" }, "currentVersion": { "type": "integer" },
                "retryable": { "type": "boolean" }, "retryAfter": { "type": "integer", "description": "Seconds." }
            }
        },
        "BulkLine": {
            "type": "object",
            "required": ["type", "id"],
            "additionalProperties": false,
            "properties": {
                "type": { "enum": kinds }, "id": { "type": "string", "format": "uuid" }, "data": { "type": "object" },
                "idempotencyKey": { "type": "string", "minLength": 1, "maxLength": rest::MAX_KEY_BYTES },
                "expectedVersion": { "type": "integer", "minimum": 0 },
                "occurredAt": { "type": "string", "format": "date-time", "description": "Imports only." }
            }
        },
        "BulkAnswer": {
            "type": "object",
            "required": ["line", "status"],
            "properties": {
                "line": { "type": "integer" }, "status": { "type": "integer" },
                "result": { "$ref": "#/components/schemas/Accepted" }, "problem": { "$ref": "#/components/schemas/Problem" }
            }
        }
    });
    match schemas {
        Value::Object(schemas) => schemas,
        _ => Map::new(),
    }
}
