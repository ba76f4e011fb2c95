//! A month of the calendar, and when it begins where. Pure.

use std::fmt;

use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveTime, TimeDelta, TimeZone as _, Utc};
use event_schemas::TimeZone;

/// A month, by its first day.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Month(NaiveDate);

impl Month {
    /// The month in which something happened there.
    pub(super) fn of(at: DateTime<Utc>, zone: TimeZone) -> Self {
        Self::with(at.with_timezone(&zone.get()).date_naive())
    }

    /// The month of a day.
    pub(super) fn with(day: NaiveDate) -> Self {
        // Every month has a first day.
        Self(day.with_day(1).unwrap_or(day))
    }

    /// Its first day.
    pub(super) fn first_day(self) -> NaiveDate {
        self.0
    }

    /// The one behind it, while there are years.
    pub(super) fn next(self) -> Option<Self> {
        self.0.checked_add_months(Months::new(1)).map(Self)
    }

    /// Its first instant there: midnight, or the first minute behind it that the clocks do not leave out.
    pub(super) fn begins(self, zone: TimeZone) -> Option<DateTime<Utc>> {
        let midnight = self.0.and_time(NaiveTime::MIN);
        let first = (0..=24 * 60).find_map(|minutes| {
            let local = midnight.checked_add_signed(TimeDelta::minutes(minutes))?;
            zone.get().from_local_datetime(&local).earliest()
        });
        first.map(|first| first.with_timezone(&Utc))
    }

    /// As it stands in a title, such as `November 2017`.
    pub(super) fn words(self) -> String {
        self.0.format("%B %Y").to_string()
    }
}

impl fmt::Display for Month {
    /// Such as `2017-11`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.format("%Y-%m").fmt(f)
    }
}
