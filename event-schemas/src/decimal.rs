//! Exact decimal numbers of a fixed scale, for quantities that are no money. Never rounds, never uses floating point.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

/// Digits after the point.
const SCALE: usize = 6;
/// Millionths in one.
const ONE: i64 = 1_000_000;
/// Digits before the point.
const WHOLE: usize = 12;
/// The largest number, in millionths: twelve nines before the point and six behind it.
pub const MAX_MICROS: i64 = 999_999_999_999_999_999;
/// What JSON Schema says about the text.
const PATTERN: &str = r"^-?(0|[1-9][0-9]{0,11})(\.[0-9]{1,6})?$";

/// A number of at most twelve digits before the point and six behind it. In JSON a text, such as `"-12.5"`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Decimal(i64);

impl Decimal {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The number of so many millionths, if it is within range.
    pub fn from_micros(micros: i64) -> Option<Self> {
        (-MAX_MICROS..=MAX_MICROS)
            .contains(&micros)
            .then_some(Self(micros))
    }

    /// The number that stands in the text, if it is one and within range.
    pub fn parse(text: &str) -> Option<Self> {
        let (sign, digits) = match text.strip_prefix('-') {
            Some(digits) => (-1, digits),
            None => (1, text),
        };
        let (whole, part) = match digits.split_once('.') {
            Some((whole, part)) if (1..=SCALE).contains(&part.len()) => (whole, part),
            Some(_) => return None,
            None => (digits, "0"),
        };
        let is_whole =
            (1..=WHOLE).contains(&whole.len()) && (whole == "0" || !whole.starts_with('0'));
        let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_whole || !are_digits(whole) || !are_digits(part) {
            return None;
        }
        let whole: i64 = whole.parse().ok()?;
        let part: i64 = format!("{part:0<SCALE$}").parse().ok()?;
        Self::from_micros(sign * (whole * ONE + part))
    }

    /// In millionths.
    pub fn micros(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Decimal {
    /// Without zeros at the end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, part) = (self.0.abs() / ONE, self.0.abs() % ONE);
        let part = format!("{part:0>SCALE$}");
        match part.trim_end_matches('0') {
            "" => write!(f, "{sign}{whole}"),
            part => write!(f, "{sign}{whole}.{part}"),
        }
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Decimal {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            de::Error::custom(
                "expected a decimal number as text, such as '-12.5', of at most 12 digits before the point and 6 behind it",
            )
        })
    }
}

impl JsonSchema for Decimal {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Decimal".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": PATTERN, "minLength": 1, "maxLength": 20,
            "description": "A decimal number as text: at most 12 digits before the point and 6 behind it" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_digit_counts_and_nothing_is_rounded() {
        for (text, micros) in [
            ("0", 0),
            ("-0.5", -500_000),
            ("12.5", 12_500_000),
            ("0.000001", 1),
            ("999999999999.999999", MAX_MICROS),
            ("-999999999999.999999", -MAX_MICROS),
        ] {
            let found = Decimal::parse(text);
            assert_eq!(found.map(Decimal::micros), Some(micros), "{text}");
            assert_eq!(found.map(|found| found.to_string()).as_deref(), Some(text));
        }
        assert_eq!(
            Decimal::parse("1.50").map(|found| found.to_string()),
            Some("1.5".to_owned())
        );
        for text in [
            "",
            "-",
            ".5",
            "1.",
            "+1",
            "01",
            "1e3",
            "1,5",
            "1.0000001",
            "1000000000000",
            " 1",
            "--1",
            "1.5.0",
            "NaN",
            "١",
        ] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
        assert_eq!(Decimal::from_micros(MAX_MICROS + 1), None);
    }

    #[test]
    fn json_is_text() {
        let read = |json: &str| serde_json::from_str::<Decimal>(json).map_err(|e| e.to_string());
        assert_eq!(read("\"1.5\""), Ok(Decimal(1_500_000)));
        assert!(read("1.5").is_err() && read("1").is_err());
        assert!(read("\"1.5x\"").is_err_and(|error| error.contains("'-12.5'")));
        assert_eq!(
            serde_json::to_string(&Decimal(1_500_000)).ok().as_deref(),
            Some("\"1.5\"")
        );
    }
}
