//! The query root: one object per context, merged. Never reads a row itself.

mod entity;
mod node;
mod viewer;

use async_graphql::MergedObject;

pub use self::entity::{Subgraph, subgraph_sdl};
use self::{entity::EntityQuery, node::NodeQuery, viewer::ViewerQuery};
use crate::{
    audit::AuditQuery, customer::CustomerQuery, document::DocumentQuery, goal::GoalQuery,
    history::HistoryQuery, lead::LeadQuery, metric::MetricQuery, order::OrderQuery,
    organization::OrganizationQuery, policy::PolicyQuery, projection::ProjectionQuery,
    session::Root,
};

// Needs `Reads`, and a `Principal` in the request's data. What follows is the schema's text.
/// Everything that can be read. All fields of one operation see the same moment.
#[derive(Clone, Default, MergedObject)]
pub struct Query(
    ViewerQuery,
    NodeQuery,
    EntityQuery,
    OrganizationQuery,
    CustomerQuery,
    OrderQuery,
    LeadQuery,
    MetricQuery,
    GoalQuery,
    DocumentQuery,
    ProjectionQuery,
    PolicyQuery,
    AuditQuery,
    HistoryQuery,
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
            EntityQuery(root.clone()),
            OrganizationQuery(root.clone()),
            CustomerQuery(root.clone()),
            OrderQuery(root.clone()),
            LeadQuery(root.clone()),
            MetricQuery(root.clone()),
            GoalQuery(root.clone()),
            DocumentQuery(root.clone()),
            ProjectionQuery,
            PolicyQuery,
            AuditQuery(root.clone()),
            HistoryQuery(root),
        )
    }
}
