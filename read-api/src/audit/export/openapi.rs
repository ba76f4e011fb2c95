//! How the OpenAPI document describes the export. Owns no word of it: those are the fields of [`Which`](super::Which).

use serde_json::{Value, json};

/// The path and its one operation.
pub fn path() -> (String, Value) {
    let parameter = |name: &str, schema: Value, description: &str| json!({ "name": name, "in": "query", "required": false, "schema": schema, "description": description });
    let text = || json!({ "type": "string" });
    let time = || json!({ "type": "string", "format": "date-time" });
    let content = |example: &str| json!({ "schema": { "type": "string" }, "example": example });
    let problem = json!({ "$ref": "#/components/responses/Problem" });
    let operation = json!({
        "operationId": "exportAudit",
        "summary": "The audit trail as a file",
        "description": "Every entry that all conditions hold for, oldest first, up to the newest there was at the start. Needs `audit:read`. \
                        If it cannot be finished, the connection ends before the body does.",
        "tags": ["audit"],
        "parameters": [
            parameter("format", json!({ "enum": ["ndjson", "csv"], "default": "ndjson" }), "How entries are written."),
            parameter("actor", text(), "The id of who did it."),
            parameter("actorKind", text(), "What kind: `user`, `apiKey`, `operator` or `policy`."),
            parameter("action", text(), "The event's type."),
            parameter("context", text(), "The context, such as `order`."),
            parameter("target", text(), "The stream."),
            parameter("source", text(), "The way it came in: `api`, `import`, `policy` or `webhook`."),
            parameter("outcome", json!({ "enum": ["accepted", "denied"] }), "What became of it."),
            parameter("correlation", json!({ "type": "string", "format": "uuid" }), "The conversation."),
            parameter("from", time(), "It happened then or later."),
            parameter("before", time(), "It happened before."),
            parameter("afterPosition", json!({ "type": "integer", "format": "int64" }), "Only after this position."),
            parameter("text", text(), "Words in Portuguese or English; `\"…\"` is a phrase, `or` is either, `-` is without."),
            json!({ "name": "Daybook-After", "in": "header", "required": false, "schema": text(),
                "description": "The token of a command that the file must have." }),
        ],
        "responses": {
            "200": {
                "description": "The file.",
                "content": {
                    "application/x-ndjson": content("{\"position\":5,\"action\":\"OrderPlaced\"}\n"),
                    "text/csv": content("position,entryId,outcome\r\n")
                }
            },
            "400": problem, "401": problem, "403": problem, "409": problem, "503": problem
        }
    });
    (
        "/api/v1/audit/export".to_owned(),
        json!({ "get": operation }),
    )
}
