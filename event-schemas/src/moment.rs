//! A point in time with limits, for the fields of commands. Owns the limits: what every reader of an event can hold, the
//! database's columns above all.

use std::borrow::Cow;

use chrono::{DateTime, Datelike, Utc};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, de};

/// A point in time of the years 1 to 9999 (UTC).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Moment(DateTime<Utc>);

impl Moment {
    /// The point in time.
    pub fn get(self) -> DateTime<Utc> {
        self.0
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let time = DateTime::<Utc>::deserialize(deserializer)?;
        if (1..=9999).contains(&time.year()) {
            Ok(Self(time))
        } else {
            Err(de::Error::custom(format!(
                "the year {} is outside 1 to 9999",
                time.year()
            )))
        }
    }
}

impl JsonSchema for Moment {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Moment".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        DateTime::<Utc>::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_column_holds_is_refused() {
        let read = |text: &str| serde_json::from_str::<Moment>(&format!("\"{text}\""));
        for fine in ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"] {
            assert!(read(fine).is_ok(), "{fine}");
        }
        for wrong in [
            "0000-12-31T23:59:59Z",
            "-9999-01-01T00:00:00Z",
            "9999-12-31T23:00:00-02:00",
            "+262142-01-01T00:00:00Z",
        ] {
            let error = read(wrong).map_err(|error| error.to_string());
            assert!(
                error.is_err_and(|error| error.contains("outside 1 to 9999")),
                "{wrong}"
            );
        }
    }
}
