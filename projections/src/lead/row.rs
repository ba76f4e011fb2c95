//! A row of `lead`, and how an event changes it. Never touches the database.

use chrono::{DateTime, Utc};
use event_schemas::{
    Personal, RecordedEvent,
    lead::{LeadCaptured, LeadEvent, LeadProfile, LeadStatus},
};

/// A row of `lead` without its key.
#[derive(Clone)]
pub(super) struct Row {
    pub(super) reference: Option<String>,
    pub(super) name: Option<String>,
    pub(super) email: Option<String>,
    pub(super) phone: Option<String>,
    pub(super) company: Option<String>,
    pub(super) origin: Option<String>,
    pub(super) landing_page_id: Option<String>,
    pub(super) status: LeadStatus,
    pub(super) development_rep_id: Option<String>,
    pub(super) sales_rep_id: Option<String>,
    pub(super) profile: LeadProfile,
    pub(super) seller_id: Option<String>,
    pub(super) loss_reason: Option<String>,
    pub(super) note: Option<String>,
    pub(super) captured_at: DateTime<Utc>,
    pub(super) qualified_at: Option<DateTime<Utc>>,
    pub(super) assigned_at: Option<DateTime<Utc>>,
    pub(super) won_at: Option<DateTime<Utc>>,
    pub(super) lost_at: Option<DateTime<Utc>>,
    pub(super) waived: Vec<String>,
    pub(super) version: i32,
    pub(super) position: i64,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) first_position: i64,
}

impl Row {
    pub(super) fn captured(recorded: &RecordedEvent, captured: LeadCaptured) -> Self {
        Self {
            reference: captured.reference,
            name: reveal(captured.name),
            email: reveal(captured.email),
            phone: reveal(captured.phone),
            company: captured.company,
            origin: captured.origin,
            landing_page_id: captured.landing_page_id,
            status: LeadStatus::Captured,
            development_rep_id: None,
            sales_rep_id: None,
            profile: LeadProfile::default(),
            seller_id: None,
            loss_reason: None,
            note: None,
            captured_at: recorded.occurred_at,
            qualified_at: None,
            assigned_at: None,
            won_at: None,
            lost_at: None,
            waived: Vec::new(),
            version: recorded.version,
            position: recorded.position,
            updated_at: recorded.occurred_at,
            first_position: recorded.position,
        }
    }

    /// Takes in what happened after the capture.
    pub(super) fn fold(&mut self, recorded: &RecordedEvent, event: LeadEvent) {
        self.status = LeadStatus::after(Some(self.status), &event).unwrap_or(self.status);
        match event {
            LeadEvent::LeadCaptured(_) => {}
            LeadEvent::LeadQualified(qualified) => {
                self.learn(qualified.profile);
                replace(&mut self.note, qualified.note);
                self.qualified_at.get_or_insert(recorded.occurred_at);
                self.waive(qualified.waived);
            }
            LeadEvent::LeadAssigned(assigned) => {
                replace(&mut self.development_rep_id, assigned.development_rep_id);
                replace(&mut self.sales_rep_id, assigned.sales_rep_id);
                self.assigned_at = Some(recorded.occurred_at);
                self.waive(assigned.waived);
            }
            LeadEvent::LeadWon(won) => {
                replace(&mut self.development_rep_id, won.development_rep_id);
                replace(&mut self.sales_rep_id, won.sales_rep_id);
                replace(&mut self.seller_id, won.seller_id);
                self.learn(won.profile);
                self.won_at = won.won_at;
                (self.loss_reason, self.lost_at) = (None, None);
                self.waive(won.waived);
            }
            LeadEvent::LeadLost(lost) => {
                self.loss_reason = Some(lost.reason.as_str().to_owned());
                replace(&mut self.note, lost.note);
                self.lost_at = Some(recorded.occurred_at);
                self.won_at = None;
                self.waive(lost.waived);
            }
        }
        self.version = recorded.version;
        self.position = recorded.position;
        self.updated_at = recorded.occurred_at;
    }

    fn learn(&mut self, profile: LeadProfile) {
        self.profile = std::mem::take(&mut self.profile).then(profile);
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

/// What is absent stays as it was.
fn replace(field: &mut Option<String>, value: Option<String>) {
    if value.is_some() {
        *field = value;
    }
}

fn reveal(value: Option<Personal<String>>) -> Option<String> {
    value.map(|value| value.0)
}
