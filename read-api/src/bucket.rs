//! Spans of time that totals are put into: their sizes, their time zones, and the SQL of their bounds. All text here is ours
//! and goes into the SQL as it is, but for the zone's name, which is always a parameter. Never reads a total.

use std::{
    collections::BTreeSet,
    sync::{PoisonError, RwLock},
};

use async_graphql::{Enum, InputObject};

use crate::{failure::Failure, session::Snapshot};

/// The time zones that the database was found to know: it reads hundreds of files to tell.
static KNOWN: RwLock<BTreeSet<String>> = RwLock::new(BTreeSet::new());

/// How long a bucket is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
pub(crate) enum BucketSize {
    /// A day.
    Day,
    /// A week, from Monday on.
    Week,
    /// A month.
    Month,
    /// A quarter of a year, from January, April, July or October on.
    Quarter,
    /// A year.
    Year,
}

impl BucketSize {
    /// What `date_trunc` calls it.
    pub(crate) fn unit(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Quarter => "quarter",
            Self::Year => "year",
        }
    }

    /// Its length as an interval.
    pub(crate) fn interval(self) -> &'static str {
        match self {
            Self::Day => "1 day",
            Self::Week => "7 days",
            Self::Month => "1 month",
            Self::Quarter => "3 months",
            Self::Year => "1 year",
        }
    }
}

/// Into what buckets something is put.
#[derive(Clone, InputObject, Debug)]
pub(crate) struct Bucket {
    /// How long each is.
    pub(crate) size: BucketSize,
    /// In whose calendar days begin: a name of the IANA time zone database, such as `America/Sao_Paulo`.
    #[graphql(default = "UTC")]
    pub(crate) time_zone: String,
    /// Whether buckets without anything in them are told too.
    #[graphql(default)]
    pub(crate) fill: bool,
}

impl Bucket {
    /// Refuses a time zone that the database does not know by this name.
    pub(crate) async fn check(&self, snapshot: &Snapshot) -> Result<(), Failure> {
        let zone = &self.time_zone;
        let known = || KNOWN.read().unwrap_or_else(PoisonError::into_inner);
        if zone == "UTC" || known().contains(zone) {
            return Ok(());
        }
        let is_known = !zone.contains('\0')
            && sqlx::query_scalar!(
                r#"select exists (select from pg_timezone_names where name = $1) as "known!""#,
                zone
            )
            .fetch_one(&mut *snapshot.statement().await)
            .await?;
        if is_known {
            let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
            known.insert(zone.clone());
            Ok(())
        } else {
            Err(Failure::input(
                "the time zone is unknown; give a name of the IANA time zone database, such as America/Sao_Paulo",
            ))
        }
    }
}
