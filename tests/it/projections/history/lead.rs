//! What happens to leads in the histories.

use chrono::{DateTime, Utc};
use event_schemas::{
    Personal,
    lead::{
        LeadAssigned, LeadCaptured, LeadEvent, LeadLost, LeadProfile, LeadQualified, LeadWon,
        LossReason,
    },
    money::{Currency, Money},
};

use super::{Dice, minor};

/// The capture of a lead, or what comes later.
pub fn step(dice: &mut Dice, new: bool, when: DateTime<Utc>) -> LeadEvent {
    let text = |dice: &mut Dice| (dice.roll(2) > 0).then(|| format!("x{}", dice.roll(5)));
    if new {
        return LeadCaptured {
            reference: text(dice),
            name: text(dice).map(Personal),
            email: text(dice).map(Personal),
            phone: None,
            company: text(dice),
            origin: text(dice),
            landing_page_id: text(dice),
        }
        .into();
    }
    match dice.roll(5) {
        0 | 1 => LeadQualified {
            profile: profile(dice),
            note: text(dice),
            waived: vec!["a,\"b\\".into()],
        }
        .into(),
        2 => LeadAssigned {
            development_rep_id: text(dice),
            sales_rep_id: text(dice),
            waived: vec![],
        }
        .into(),
        3 => LeadWon {
            won_at: (dice.roll(2) > 0).then_some(when),
            seller_id: text(dice),
            development_rep_id: text(dice),
            sales_rep_id: text(dice),
            profile: profile(dice),
            waived: vec!["lead-not-qualified".into()],
        }
        .into(),
        _ => LeadLost {
            reason: LossReason::Competitor,
            note: text(dice),
            waived: vec![],
        }
        .into(),
    }
}

fn profile(dice: &mut Dice) -> LeadProfile {
    let revenue = |dice: &mut Dice| Money {
        amount: minor(dice.roll(9_000)),
        currency: Currency::try_new("BRL").unwrap(),
    };
    LeadProfile {
        business_segment: (dice.roll(2) > 0).then(|| format!("s{}", dice.roll(3))),
        has_company: (dice.roll(2) > 0).then(|| dice.roll(2) > 0),
        declared_catalog_size: (dice.roll(2) > 0).then(|| u32::try_from(dice.roll(900)).unwrap()),
        declared_monthly_revenue: (dice.roll(2) > 0).then(|| revenue(dice)),
        ..LeadProfile::default()
    }
}
