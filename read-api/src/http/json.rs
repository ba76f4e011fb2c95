//! Strict JSON: what two readers could understand differently is refused on the raw bytes.

use gateway::json::{Limits, check};
use serde_json::Value;

use super::failure::{Code, Failure};

/// Reads one JSON value. Refuses duplicate keys, NUL, lone surrogates, absurd depth and numbers out of range; `what` says
/// in the message where it stood.
pub(super) fn read(bytes: &[u8], what: &str) -> Result<Value, Failure> {
    check(bytes, &Limits::default()).map_err(|fault| {
        let place = if fault.pointer.is_empty() {
            String::new()
        } else {
            format!(" at {}", fault.pointer)
        };
        bad(format!(
            "{what} is not acceptable JSON{place}: {}",
            fault.reason
        ))
    })?;
    serde_json::from_slice(bytes).map_err(|error| bad(format!("{what} is not valid JSON: {error}")))
}

fn bad(message: String) -> Failure {
    Failure::request(Code::BadRequest, message)
}
