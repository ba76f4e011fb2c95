//! A row of `goal`, how an event changes it, and the rows of `goal_progress` that come of it. Never touches the database.

use chrono::{DateTime, Utc};
use event_schemas::{
    RecordedEvent,
    decimal::Decimal,
    goal::{
        GoalDrafted, GoalEvent, GoalProgressed, GoalStatus, GoalTerms, MetricLink, ProgressSource,
    },
};

use super::Key;
use crate::ApplyError;

/// A row of `goal` without its key.
#[derive(Clone)]
pub(super) struct Row {
    pub(super) status: GoalStatus,
    pub(super) terms: GoalTerms,
    pub(super) metric: Option<MetricLink>,
    /// What was recorded last, and when.
    pub(super) actual: Option<(Decimal, DateTime<Utc>)>,
    pub(super) progress_count: i32,
    pub(super) adjustment_count: i32,
    pub(super) drafted_at: DateTime<Utc>,
    pub(super) activated_at: Option<DateTime<Utc>>,
    pub(super) closed_at: Option<DateTime<Utc>>,
    pub(super) note: Option<String>,
    pub(super) waived: Vec<String>,
    pub(super) version: i32,
    pub(super) position: i64,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) first_position: i64,
}

/// A row of `goal_progress`.
pub(super) struct Progress {
    pub(super) key: Key,
    pub(super) number: i32,
    pub(super) actual: Decimal,
    /// What was agreed on at that time.
    pub(super) baseline: Option<Decimal>,
    pub(super) target: Option<Decimal>,
    pub(super) starts_at: Option<DateTime<Utc>>,
    pub(super) due_at: Option<DateTime<Utc>>,
    pub(super) source: Option<ProgressSource>,
    pub(super) note: Option<String>,
    pub(super) recorded_at: DateTime<Utc>,
    pub(super) position: i64,
}

impl Row {
    pub(super) fn drafted(recorded: &RecordedEvent, drafted: GoalDrafted) -> Self {
        Self {
            status: GoalStatus::Draft,
            terms: drafted.terms,
            metric: None,
            actual: None,
            progress_count: 0,
            adjustment_count: 0,
            drafted_at: recorded.occurred_at,
            activated_at: None,
            closed_at: None,
            note: None,
            waived: Vec::new(),
            version: recorded.version,
            position: recorded.position,
            updated_at: recorded.occurred_at,
            first_position: recorded.position,
        }
    }

    /// Takes in what happened after the draft.
    pub(super) fn fold(
        &mut self,
        key: Key,
        recorded: &RecordedEvent,
        event: GoalEvent,
    ) -> Result<Option<Progress>, ApplyError> {
        self.status = GoalStatus::after(Some(self.status), &event).unwrap_or(self.status);
        let mut progress = None;
        match event {
            GoalEvent::GoalDrafted(_) => {}
            GoalEvent::GoalActivated(activated) => {
                self.terms.settle(&activated);
                self.activated_at.get_or_insert(recorded.occurred_at);
                self.waive(activated.waived);
            }
            GoalEvent::GoalMetricLinked(linked) => {
                self.metric = Some(linked.metric);
                self.waive(linked.waived);
            }
            GoalEvent::GoalAdjusted(adjusted) => {
                self.terms = adjusted.new;
                self.adjustment_count += 1;
                self.waive(adjusted.waived);
            }
            GoalEvent::GoalProgressed(progressed) => {
                progress = Some(self.progress(key, recorded, progressed)?);
            }
            GoalEvent::GoalAchieved(achieved) => {
                self.close(recorded, achieved.note);
                self.waive(achieved.waived);
            }
            GoalEvent::GoalMissed(missed) => {
                self.close(recorded, missed.note);
                self.waive(missed.waived);
            }
            GoalEvent::GoalAbandoned(abandoned) => self.close(recorded, abandoned.reason),
        }
        self.version = recorded.version;
        self.position = recorded.position;
        self.updated_at = recorded.occurred_at;
        Ok(progress)
    }

    fn progress(
        &mut self,
        key: Key,
        recorded: &RecordedEvent,
        progressed: GoalProgressed,
    ) -> Result<Progress, ApplyError> {
        let number = i32::try_from(progressed.number)
            .ok()
            .filter(|number| self.progress_count.checked_add(1) == Some(*number))
            .ok_or_else(|| {
                ApplyError::event(
                    recorded,
                    "the progress does not have the goal's next number",
                )
            })?;
        self.progress_count = number;
        self.actual = Some((progressed.actual, recorded.occurred_at));
        self.waive(progressed.waived);
        Ok(Progress {
            key,
            number,
            actual: progressed.actual,
            baseline: self.terms.baseline,
            target: self.terms.target,
            starts_at: self.terms.starts_at,
            due_at: self.terms.due_at,
            source: progressed.source,
            note: progressed.note,
            recorded_at: recorded.occurred_at,
            position: recorded.position,
        })
    }

    /// What is closed stays as it was closed.
    fn close(&mut self, recorded: &RecordedEvent, note: Option<String>) {
        if self.closed_at.is_none() {
            self.closed_at = Some(recorded.occurred_at);
            self.note = note;
        }
    }

    /// Each code once, in the order in which they came up.
    fn waive(&mut self, codes: Vec<String>) {
        for code in codes {
            if !self.waived.contains(&code) {
                self.waived.push(code);
            }
        }
    }
}
