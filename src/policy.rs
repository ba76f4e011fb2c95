//! Hands the commands that policies want to the command bus, and tells them what became of them. Decides nothing.

use async_graphql::async_trait::async_trait;
use commands::{Bus, Cause, Request, registry};
use event_schemas::{Actor, ActorKind, Source, TenantId};
use gateway::Problem;
use projections::policy::{Answer, Dispatch, Due};

/// Executes policies' commands on a bus.
pub struct Executes(pub Bus);

#[async_trait]
impl Dispatch for Executes {
    async fn dispatch(&self, tenant: TenantId, commands: Vec<Due>) -> Vec<Answer> {
        let requests: Vec<Option<Request>> = commands
            .into_iter()
            .map(|due| request(tenant, due))
            .collect();
        let known: Vec<Request> = requests.iter().flatten().cloned().collect();
        let mut answers = self.0.execute_all(&known).await.into_iter();
        requests
            .iter()
            .map(|request| match request.as_ref().and_then(|_| answers.next()) {
                Some(Ok(_)) => Answer::Done,
                Some(Err(problem)) => answer(&problem),
                None => Answer::Refused {
                    code: "unknown-command".to_owned(),
                    detail: "this binary knows no such command; deploy one that does and run `daybook policies retry`"
                        .to_owned(),
                },
            })
            .collect()
    }
}

fn request(tenant: TenantId, due: Due) -> Option<Request> {
    Some(Request {
        tenant,
        actor: Actor {
            kind: ActorKind::Policy,
            id: due.policy,
            on_behalf_of: due.on_behalf_of,
        },
        source: Source::Policy,
        spec: registry().by_kind(&due.command)?,
        id: due.aggregate_id,
        data: due.data.into(),
        key: Some(due.id.to_string()),
        expected_version: None,
        occurred_at: due.occurred_at,
        dry_run: false,
        correlation_id: due.correlation_id,
        traceparent: due.traceparent,
        cause: Some(Cause {
            event_id: due.event_id,
            depth: due.depth,
        }),
        ip_hash: None,
    })
}

/// The server's own troubles pass, and so does what keeps a whole organization from being written to; everything else is the
/// answer.
fn answer(problem: &Problem) -> Answer {
    let passes = problem.status().is_server_error()
        || matches!(
            problem.code(),
            "conflict"
                | "organization-suspended"
                | "organization-frozen"
                | "occurred-at-out-of-order"
        );
    if passes {
        Answer::Later(format!("{}: {}", problem.code(), problem.detail()))
    } else {
        Answer::Refused {
            code: problem.code().to_owned(),
            detail: problem.detail().to_owned(),
        }
    }
}
