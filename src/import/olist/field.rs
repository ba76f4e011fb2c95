//! Owns what a single field may say: ids, times, amounts, texts. Must never round, guess or mend.

use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

use super::source::Cells;

/// The greatest single amount, in centavos: a thousandth of 2^53 - 1, so that JavaScript can still count any sum of
/// one order.
const MAX_AMOUNT: i64 = 9_007_199_254_740;

/// Why a row cannot be mapped. Made of a column's name and one of a few phrases, so that the reasons stay few.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Bad(pub(super) String);

/// The fields of a row, by their place in the table's columns.
pub(super) struct Form<'a> {
    cells: &'a Cells<'a>,
    columns: &'static [&'static str],
}

impl<'a> Form<'a> {
    pub(super) fn new(cells: &'a Cells<'a>, columns: &'static [&'static str]) -> Self {
        Self { cells, columns }
    }

    /// The line on which the row begins, from 1.
    pub(super) fn line(&self) -> u64 {
        self.cells.line
    }

    fn read<T>(
        &self,
        index: usize,
        parse: impl FnOnce(&'a [u8]) -> Result<T, &'static str>,
    ) -> Result<T, Bad> {
        parse(self.cells.get(index)).map_err(|problem| {
            let column = self.columns.get(index).copied().unwrap_or_default();
            Bad(format!("{column}: {problem}"))
        })
    }

    /// An id of 32 hexadecimal digits.
    pub(super) fn id(&self, index: usize) -> Result<Uuid, Bad> {
        self.read(index, id)
    }

    /// A time, or nothing if the field is empty.
    pub(super) fn maybe_time(&self, index: usize) -> Result<Option<DateTime<Utc>>, Bad> {
        self.read(index, |bytes| {
            if bytes.is_empty() {
                Ok(None)
            } else {
                time(bytes).map(Some)
            }
        })
    }

    pub(super) fn time(&self, index: usize) -> Result<DateTime<Utc>, Bad> {
        self.read(index, |bytes| {
            if bytes.is_empty() {
                Err("missing")
            } else {
                time(bytes)
            }
        })
    }

    /// A day, at its first moment.
    pub(super) fn date(&self, index: usize) -> Result<DateTime<Utc>, Bad> {
        self.read(index, |bytes| {
            if bytes.is_empty() {
                return Err("missing");
            }
            let whole = [bytes, b" 00:00:00"].concat();
            parse_time(&whole).ok_or("not a date")
        })
    }

    /// `True` or `False`, or nothing if the field is empty.
    pub(super) fn flag(&self, index: usize) -> Result<Option<bool>, Bad> {
        self.read(index, |bytes| match bytes {
            b"" => Ok(None),
            b"True" => Ok(Some(true)),
            b"False" => Ok(Some(false)),
            _ => Err("neither True nor False"),
        })
    }

    /// A whole number, perhaps with an empty fraction such as `100.0`, or nothing if the field is empty.
    pub(super) fn maybe_count(&self, index: usize) -> Result<Option<u32>, Bad> {
        self.read(index, |bytes| {
            if bytes.is_empty() {
                return Ok(None);
            }
            let whole = bytes.strip_suffix(b".0").unwrap_or(bytes);
            let number = digits(whole).and_then(|text| text.parse().ok());
            let number: u32 = number.ok_or("not a whole number")?;
            if number > i32::MAX.unsigned_abs() {
                return Err("out of range");
            }
            Ok(Some(number))
        })
    }

    /// An amount in centavos, or nothing if the field is empty.
    pub(super) fn maybe_amount(&self, index: usize) -> Result<Option<i64>, Bad> {
        self.read(index, |bytes| {
            if bytes.is_empty() {
                Ok(None)
            } else {
                amount(bytes).map(Some)
            }
        })
    }

    /// An amount in centavos.
    pub(super) fn amount(&self, index: usize) -> Result<i64, Bad> {
        self.read(index, amount)
    }

    /// A whole number in `least..=most`.
    pub(super) fn number(&self, index: usize, least: u32, most: u32) -> Result<u32, Bad> {
        self.read(index, |bytes| {
            let number: u32 = digits(bytes)
                .and_then(|text| text.parse().ok())
                .ok_or("not a whole number")?;
            if (least..=most).contains(&number) {
                Ok(number)
            } else {
                Err("out of range")
            }
        })
    }

    /// Text of at most `most` characters; nothing if it is blank.
    pub(super) fn text(&self, index: usize, most: usize) -> Result<Option<String>, Bad> {
        self.read(index, |bytes| text(bytes, most))
    }

    /// Text that must be there.
    pub(super) fn word(&self, index: usize, most: usize) -> Result<String, Bad> {
        self.read(index, |bytes| text(bytes, most)?.ok_or("missing"))
    }

    /// Whether a text is there, but blank.
    pub(super) fn is_blank(&self, index: usize) -> bool {
        str::from_utf8(self.cells.get(index))
            .is_ok_and(|text| !text.is_empty() && text.trim().is_empty())
    }
}

fn id(bytes: &[u8]) -> Result<Uuid, &'static str> {
    if bytes.is_empty() {
        return Err("missing");
    }
    let id = if bytes.len() == 32 {
        Uuid::try_parse_ascii(bytes).ok()
    } else {
        None
    };
    id.ok_or("not 32 hexadecimal digits")
}

fn digits(bytes: &[u8]) -> Option<&str> {
    if bytes.is_empty() || !bytes.iter().all(u8::is_ascii_digit) {
        return None;
    }
    str::from_utf8(bytes).ok()
}

/// `2018-01-18 14:48:30`, with a space or a `T`.
fn time(bytes: &[u8]) -> Result<DateTime<Utc>, &'static str> {
    parse_time(bytes).ok_or("not a date and time")
}

fn parse_time(bytes: &[u8]) -> Option<DateTime<Utc>> {
    let [
        y1,
        y2,
        y3,
        y4,
        b'-',
        m1,
        m2,
        b'-',
        d1,
        d2,
        b' ' | b'T',
        h1,
        h2,
        b':',
        n1,
        n2,
        b':',
        s1,
        s2,
    ] = bytes
    else {
        return None;
    };
    let number = |parts: &[&u8]| {
        parts.iter().try_fold(0_u32, |sum, digit| {
            Some(sum * 10 + char::from(**digit).to_digit(10)?)
        })
    };
    let year = i32::try_from(number(&[y1, y2, y3, y4])?).ok()?;
    let day = NaiveDate::from_ymd_opt(year, number(&[m1, m2])?, number(&[d1, d2])?)?;
    let time = day.and_hms_opt(number(&[h1, h2])?, number(&[n1, n2])?, number(&[s1, s2])?)?;
    Some(time.and_utc())
}

/// `58.90`: no sign, at most two decimals.
fn amount(bytes: &[u8]) -> Result<i64, &'static str> {
    if bytes.is_empty() {
        return Err("missing");
    }
    if bytes.starts_with(b"-") {
        return Err("negative");
    }
    let (whole, cents) = match bytes.iter().position(|byte| *byte == b'.') {
        Some(point) => (
            bytes.get(..point).unwrap_or_default(),
            bytes.get(point + 1..).unwrap_or_default(),
        ),
        None => (bytes, &b"00"[..]),
    };
    let whole = digits(whole).ok_or("not an amount")?;
    let cents = digits(cents).ok_or("not an amount")?;
    if cents.len() > 2 {
        return Err("more than two decimals");
    }
    let scale = if cents.len() == 1 { 10 } else { 1 };
    let cents: i64 = cents.parse().ok().ok_or("not an amount")?;
    let whole: Option<i64> = whole.parse().ok();
    let amount = whole.and_then(|whole| whole.checked_mul(100)?.checked_add(cents * scale));
    amount
        .filter(|amount| *amount <= MAX_AMOUNT)
        .ok_or("out of range")
}

fn text(bytes: &[u8], most: usize) -> Result<Option<String>, &'static str> {
    let text = str::from_utf8(bytes).ok().ok_or("not UTF-8")?;
    if text.trim().is_empty() {
        return Ok(None);
    }
    // A command's text takes no carriage returns: line ends become line feeds.
    let text = if text.contains('\r') {
        text.replace("\r\n", "\n").replace('\r', "\n")
    } else {
        text.to_owned()
    };
    if text.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\t')) {
        return Err("has a control character");
    }
    // Characters are counted only where the bytes could be too many.
    if text.len() > most && text.chars().count() > most {
        return Err("too long");
    }
    Ok(Some(text))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[test]
    fn amounts_are_exact() {
        for (text, centavos) in [
            ("0.00", 0),
            ("58", 5_800),
            ("58.9", 5_890),
            ("58.90", 5_890),
            ("0.07", 7),
            ("90071992547.40", MAX_AMOUNT),
        ] {
            assert_eq!(amount(text.as_bytes()), Ok(centavos), "{text}");
        }
        for text in [
            "",
            "-1.00",
            "1,50",
            "1.505",
            "1e3",
            "1.",
            ".50",
            "90071992547.41",
            "99999999999999999999.00",
            "+1",
        ] {
            assert!(amount(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn times_are_whole_and_real() {
        assert_eq!(
            time(b"2018-01-18 14:48:30").unwrap().to_rfc3339(),
            "2018-01-18T14:48:30+00:00"
        );
        for text in [
            "2018-02-30 00:00:00",
            "2018-01-18",
            "2018-01-18 24:00:00",
            "18/01/2018 14:48:30",
            "2018-01-18 14:48:30Z",
        ] {
            assert!(time(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn ids_are_32_hexadecimal_digits() {
        assert!(id(b"4869f7a5dfa277a7dca6462dcf3b52b2").is_ok());
        for text in [
            "",
            "4869f7a5-dfa2-77a7-dca6-462dcf3b52b2",
            "4869f7a5",
            "4869f7a5dfa277a7dca6462dcf3b52bx",
        ] {
            assert!(id(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn texts_keep_their_spaces_but_not_their_line_ends() {
        assert_eq!(text(b" a\n", 3), Ok(Some(" a\n".to_owned())));
        assert_eq!(text(b" \n", 3), Ok(None));
        assert_eq!(text("çãé".as_bytes(), 3), Ok(Some("çãé".to_owned())));
        assert_eq!(text(b"abcd", 3), Err("too long"));
        assert_eq!(text(b"\xff", 3), Err("not UTF-8"));
        for control in ["a\0", "a\u{7f}", "a\u{85}"] {
            assert_eq!(text(control.as_bytes(), 3), Err("has a control character"));
        }
        assert_eq!(text(b"\ta\r\nb\rc", 6), Ok(Some("\ta\nb\nc".to_owned())));
    }
}
