//! The lead, from the first contact to the deal or its loss. Owns the state its decisions need, which is no personal
//! data; decisions are in `decision`, rejections in `rejection`.

use cqrs_es::{Aggregate, event_sink::EventSink};
use event_schemas::lead::{LeadEvent, LeadStatus};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Decide, Entity};

mod command;
mod decision;
mod rejection;
#[cfg(test)]
mod tests;

pub use command::{
    AssignLead, CaptureLead, LeadCommand, LoseLead, NewMoney, NewProfile, QualifyLead, WinLead,
};
pub use rejection::LeadRejection;

/// What a lead must remember to decide.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Lead {
    /// Where it stands; `None` before it is captured.
    status: Option<LeadStatus>,
    /// Who sees to it.
    development_rep: Option<String>,
    sales_rep: Option<String>,
}

impl Aggregate for Lead {
    const TYPE: &'static str = "lead";
    type Command = Decide<LeadCommand>;
    type Event = LeadEvent;
    type Error = LeadRejection;
    type Services = ();

    async fn handle(
        &mut self,
        command: Self::Command,
        _services: &(),
        sink: &EventSink<Self>,
    ) -> Result<(), LeadRejection> {
        let event = self.decide(command)?;
        sink.write(event, self).await;
        Ok(())
    }

    fn apply(&mut self, event: LeadEvent) {
        self.status = LeadStatus::after(self.status, &event);
        match event {
            LeadEvent::LeadAssigned(assigned) => {
                self.assign(assigned.development_rep_id, assigned.sales_rep_id);
            }
            LeadEvent::LeadWon(won) => self.assign(won.development_rep_id, won.sales_rep_id),
            LeadEvent::LeadCaptured(_) | LeadEvent::LeadQualified(_) | LeadEvent::LeadLost(_) => {}
        }
    }
}

impl Lead {
    /// Who is absent stays as before.
    fn assign(&mut self, development_rep: Option<String>, sales_rep: Option<String>) {
        if development_rep.is_some() {
            self.development_rep = development_rep;
        }
        if sales_rep.is_some() {
            self.sales_rep = sales_rep;
        }
    }
}

impl Entity for Lead {
    type Decision = LeadCommand;
    type Fact = LeadEvent;
    type Refusal = LeadRejection;
    const PLURAL: &'static str = "leads";
}
