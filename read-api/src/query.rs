//! The query root: one object per context, merged. Never reads a row itself.

mod node;
mod viewer;

use async_graphql::MergedObject;

use self::{node::NodeQuery, viewer::ViewerQuery};
use crate::{
    audit::AuditQuery, customer::CustomerQuery, goal::GoalQuery, lead::LeadQuery, metric::MetricQuery, order::OrderQuery,
    organization::OrganizationQuery, policy::PolicyQuery, projection::ProjectionQuery,
    session::Root,
};

/// Everything that can be read. All fields of one operation see the same moment. Needs the engine extension
/// [`Reads`](crate::Reads), and a [`Principal`](gateway::Principal) in the request's data.
#[derive(Clone, Default, MergedObject)]
pub struct Query(
    ViewerQuery,
    NodeQuery,
    OrganizationQuery,
    CustomerQuery,
    OrderQuery,
    LeadQuery,
    MetricQuery,
    GoalQuery,
    ProjectionQuery,
    PolicyQuery,
    AuditQuery,
);

impl Query {
    /// A query root with a snapshot of its own, which is no older than a command: than the event of its token. An empty
    /// token asks for nothing.
    #[must_use]
    pub fn no_older_than(token: impl Into<String>) -> Self {
        let root = Root::no_older_than(token.into());
        Self(
            ViewerQuery,
            NodeQuery(root.clone()),
            OrganizationQuery(root.clone()),
            CustomerQuery(root.clone()),
            OrderQuery(root.clone()),
            LeadQuery(root.clone()),
            MetricQuery(root.clone()),
            GoalQuery(root.clone()),
            ProjectionQuery,
            PolicyQuery,
            AuditQuery(root),
        )
    }
}
