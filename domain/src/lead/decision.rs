//! What a lead decides: one function per command, from the state and the command to one event.

use chrono::{DateTime, Utc};
use event_schemas::{
    Moment, Object, Personal, Text,
    lead::{
        LeadAssigned, LeadCaptured, LeadEvent, LeadLost, LeadProfile, LeadQualified, LeadStatus,
        LeadWon,
    },
    money::Money,
    number::Count,
};

use super::{
    AssignLead, CaptureLead, Lead, LeadCommand, LeadRejection, LoseLead, NewMoney, NewProfile,
    QualifyLead, WinLead,
};
use crate::{Decide, rules::Rules};

impl Lead {
    /// The event that follows from the command, or why there is none.
    pub(super) fn decide(&self, decide: Decide<LeadCommand>) -> Result<LeadEvent, LeadRejection> {
        let mut rules = Rules::new(decide.is_import());
        let now = decide.occurred_at;
        // Whether the lead exists is structural: not even an import skips it.
        let Some(status) = self.status else {
            let LeadCommand::Capture(command) = decide.command else {
                return Err(LeadRejection::NotFound);
            };
            return Ok(capture(command).into());
        };
        if !matches!(decide.command, LeadCommand::Capture(_)) {
            rules.require(status != LeadStatus::Won, LeadRejection::AlreadyWon)?;
            rules.require(status != LeadStatus::Lost, LeadRejection::AlreadyLost)?;
        }
        match decide.command {
            LeadCommand::Capture(_) => Err(LeadRejection::AlreadyCaptured),
            LeadCommand::Qualify(command) => qualify(command, status, rules).map(Into::into),
            LeadCommand::Assign(command) => self.reassign(command, rules).map(Into::into),
            LeadCommand::Win(command) => {
                let mut won_at = command.won_at.map(Moment::get);
                // A client means now; an import does not know.
                if !rules.is_import() {
                    let at = *won_at.get_or_insert(now);
                    rules.require(at <= now, LeadRejection::WonInTheFuture)?;
                }
                win(command, won_at, status, rules).map(Into::into)
            }
            LeadCommand::Lose(command) => Ok(lose(command, rules).into()),
        }
    }

    fn reassign(
        &self,
        command: AssignLead,
        mut rules: Rules,
    ) -> Result<LeadAssigned, LeadRejection> {
        let development_rep_id: Option<String> = command.development_rep_id.map(Into::into);
        let sales_rep_id: Option<String> = command.sales_rep_id.map(Into::into);
        if development_rep_id.is_none() && sales_rep_id.is_none() {
            return Err(LeadRejection::WithoutAssignee);
        }
        let changes = |new: &Option<String>, old| new.is_some() && new != old;
        rules.require(
            changes(&development_rep_id, &self.development_rep)
                || changes(&sales_rep_id, &self.sales_rep),
            LeadRejection::AlreadyAssigned,
        )?;
        Ok(LeadAssigned {
            development_rep_id,
            sales_rep_id,
            waived: rules.waived(),
        })
    }
}

fn capture(command: CaptureLead) -> LeadCaptured {
    LeadCaptured {
        reference: command.reference.map(Into::into),
        name: command.name.map(personal),
        email: command.email.map(personal),
        phone: command.phone.map(personal),
        company: command.company.map(Into::into),
        origin: command.origin.map(Into::into),
        landing_page_id: command.landing_page_id.map(Into::into),
    }
}

fn qualify(
    command: QualifyLead,
    status: LeadStatus,
    mut rules: Rules,
) -> Result<LeadQualified, LeadRejection> {
    rules.require(
        status != LeadStatus::Qualified,
        LeadRejection::AlreadyQualified,
    )?;
    Ok(LeadQualified {
        profile: profile(command.profile),
        note: command.note.map(Into::into),
        waived: rules.waived(),
    })
}

fn win(
    command: WinLead,
    won_at: Option<DateTime<Utc>>,
    status: LeadStatus,
    mut rules: Rules,
) -> Result<LeadWon, LeadRejection> {
    rules.require(status != LeadStatus::Captured, LeadRejection::NotQualified)?;
    Ok(LeadWon {
        won_at,
        seller_id: command.seller_id.map(Into::into),
        development_rep_id: command.development_rep_id.map(Into::into),
        sales_rep_id: command.sales_rep_id.map(Into::into),
        profile: profile(command.profile),
        waived: rules.waived(),
    })
}

fn lose(command: LoseLead, rules: Rules) -> LeadLost {
    LeadLost {
        reason: command.reason,
        note: command.note.map(Into::into),
        waived: rules.waived(),
    }
}

fn profile(given: Option<Object<NewProfile>>) -> LeadProfile {
    let Object(given) = given.unwrap_or_default();
    LeadProfile {
        business_segment: given.business_segment.map(Into::into),
        business_type: given.business_type.map(Into::into),
        lead_type: given.lead_type.map(Into::into),
        behaviour_profile: given.behaviour_profile.map(Into::into),
        has_company: given.has_company,
        has_gtin: given.has_gtin,
        average_stock: given.average_stock.map(Into::into),
        declared_catalog_size: given.declared_catalog_size.map(Count::get),
        declared_monthly_revenue: given.declared_monthly_revenue.map(money),
    }
}

fn money(Object(given): Object<NewMoney>) -> Money {
    Money {
        amount: given.amount,
        currency: given.currency,
    }
}

fn personal<const MIN: usize, const MAX: usize>(
    Personal(text): Personal<Text<MIN, MAX>>,
) -> Personal<String> {
    Personal(text.into())
}
