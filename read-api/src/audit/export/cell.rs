//! Entries as lines of CSV (RFC 4180). No cell of ours is a formula to a spreadsheet, whoever wrote what is in it.

use crate::audit::row::{AuditRow, text_of};

/// The names of the columns, which are those of the fields in NDJSON.
const NAMES: [&str; 20] = [
    "position",
    "entryId",
    "outcome",
    "reason",
    "context",
    "action",
    "target",
    "version",
    "actorKind",
    "actorId",
    "onBehalfOf",
    "source",
    "traceId",
    "client",
    "legalBasis",
    "commandId",
    "causationId",
    "correlationId",
    "occurredAt",
    "recordedAt",
];

/// What makes a spreadsheet take a cell for a formula, if it comes first.
const FORMULA: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '＠'];

pub(super) fn header(out: &mut Vec<u8>) {
    write(&NAMES.map(Some), out);
}

pub(super) fn line(row: &AuditRow, out: &mut Vec<u8>) {
    let text = |text: &Option<String>| text.clone();
    let cells = [
        Some(row.position.to_string()),
        Some(row.entry_id.to_string()),
        Some(row.outcome.clone()),
        text(&row.reason),
        Some(row.context.clone()),
        Some(row.action.clone()),
        text(&row.target),
        row.version.map(|version| version.to_string()),
        text(&row.actor_kind),
        text(&row.actor_id),
        text(&row.on_behalf_of),
        text(&row.source),
        text(&row.trace_id),
        text(&row.client),
        text(&row.legal_basis),
        row.command_id.map(|id| id.to_string()),
        row.causation_id.map(|id| id.to_string()),
        row.correlation_id.map(|id| id.to_string()),
        Some(text_of(&row.occurred_at)),
        Some(text_of(&row.recorded_at)),
    ];
    write(&cells.each_ref().map(Option::as_deref), out);
}

fn write(cells: &[Option<&str>; NAMES.len()], out: &mut Vec<u8>) {
    for (index, text) in cells.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        cell(text.unwrap_or_default(), out);
    }
    out.extend(b"\r\n");
}

/// An apostrophe makes text of what a spreadsheet would compute.
fn cell(text: &str, out: &mut Vec<u8>) {
    let is_formula = text.starts_with(FORMULA);
    if !is_formula && !text.contains([',', '"', '\r', '\n', ';']) {
        out.extend(text.as_bytes());
        return;
    }
    out.push(b'"');
    if is_formula {
        out.push(b'\'');
    }
    out.extend(text.replace('"', "\"\"").as_bytes());
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> String {
        let mut out = Vec::new();
        cell(text, &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn no_cell_is_a_formula() {
        for (text, expected) in [
            ("order-1", "order-1"),
            ("a,b", "\"a,b\""),
            ("say \"a\"\r\nb", "\"say \"\"a\"\"\r\nb\""),
            ("=cmd|' /C calc'!A0", "\"'=cmd|' /C calc'!A0\""),
            ("+1", "\"'+1\""),
            ("-1+1", "\"'-1+1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("\t=1", "\"'\t=1\""),
            ("＝1", "\"'＝1\""),
            ("", ""),
        ] {
            assert_eq!(written(text), expected, "{text:?}");
        }
    }

    #[test]
    fn the_names_are_those_of_the_fields() {
        let mut out = Vec::new();
        header(&mut out);
        assert!(out.starts_with(b"position,entryId,outcome,"));
        assert!(out.ends_with(b",occurredAt,recordedAt\r\n"));
    }
}
