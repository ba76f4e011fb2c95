//! Anything by its global id. Never shows what the caller may not read.

use std::{collections::HashMap, sync::Arc};

use async_graphql::{Context, ID, Interface, Object, Result};
use uuid::Uuid;

use crate::{
    customer::{self, Customer},
    document::{self, Document},
    failure::Failure,
    goal::{self, Goal},
    lead::{self, Lead},
    metric::{self, Metric},
    order::{self, Order},
    organization::{self, ApiKey, Organization},
    scalar::{Kind, parse_global_id},
    session::{Root, Snapshot},
};

/// The most ids at once.
const MOST: usize = 100;

/// Anything that has a global id.
#[derive(Clone, Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "The global id."))]
pub(crate) enum Node {
    Order(Order),
    Customer(Customer),
    Lead(Lead),
    Metric(Metric),
    Goal(Goal),
    Document(Document),
    Organization(Organization),
    ApiKey(ApiKey),
}

/// The query root's fields about anything.
#[derive(Clone, Default)]
pub(crate) struct NodeQuery(pub(crate) Root);

#[Object]
impl NodeQuery {
    /// Anything by its global id. `null`: there is no such thing. Needs the permission to read its kind, such as
    /// `order:read`.
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "A global id.")] id: ID,
    ) -> Result<Option<Node>> {
        let snapshot = self.0.open(ctx).await?;
        Ok(read(&snapshot, &[id]).await?.pop().flatten())
    }

    /// Several things by their global ids, in that order, with `null` for what does not exist. Needs the permission to
    /// read each kind.
    #[graphql(complexity = "ids.len() * child_complexity + 1")]
    async fn nodes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Global ids, at most 100.")] ids: Vec<ID>,
    ) -> Result<Vec<Option<Node>>> {
        if ids.len() > MOST {
            return Err(Failure::input(format!(
                "{} ids are too many; ask for at most {MOST} at once",
                ids.len()
            ))
            .into());
        }
        let snapshot = self.0.open(ctx).await?;
        Ok(read(&snapshot, &ids).await?)
    }
}

/// One statement per kind, whatever the number of ids.
pub(super) async fn read(
    snapshot: &Arc<Snapshot>,
    ids: &[ID],
) -> Result<Vec<Option<Node>>, Failure> {
    let ids = ids
        .iter()
        .map(parse_global_id)
        .collect::<Result<Vec<_>, _>>()?;
    let of = |kind: Kind| {
        ids.iter()
            .filter(move |(found, _)| *found == kind)
            .map(|(_, id)| *id)
            .collect::<Vec<Uuid>>()
    };
    let mut found: HashMap<(Kind, Uuid), Node> = HashMap::new();
    let orders = of(Kind::Order);
    if !orders.is_empty() {
        found.extend(
            order::by_ids(snapshot, &orders)
                .await?
                .into_iter()
                .map(|o| ((Kind::Order, o.uuid()), Node::Order(o))),
        );
    }
    let customers = of(Kind::Customer);
    if !customers.is_empty() {
        found.extend(
            customer::by_ids(snapshot, &customers)
                .await?
                .into_iter()
                .map(|c| ((Kind::Customer, c.uuid()), Node::Customer(c))),
        );
    }
    let leads = of(Kind::Lead);
    if !leads.is_empty() {
        found.extend(
            lead::by_ids(snapshot, &leads)
                .await?
                .into_iter()
                .map(|l| ((Kind::Lead, l.uuid()), Node::Lead(l))),
        );
    }
    let metrics = of(Kind::Metric);
    if !metrics.is_empty() {
        found.extend(
            metric::by_ids(snapshot, &metrics)
                .await?
                .into_iter()
                .map(|m| ((Kind::Metric, m.uuid()), Node::Metric(m))),
        );
    }
    let goals = of(Kind::Goal);
    if !goals.is_empty() {
        found.extend(
            goal::by_ids(snapshot, &goals)
                .await?
                .into_iter()
                .map(|g| ((Kind::Goal, g.uuid()), Node::Goal(g))),
        );
    }
    let documents = of(Kind::Document);
    if !documents.is_empty() {
        found.extend(
            document::by_ids(snapshot, &documents)
                .await?
                .into_iter()
                .map(|d| ((Kind::Document, d.uuid()), Node::Document(d))),
        );
    }
    let keys = of(Kind::ApiKey);
    if !keys.is_empty() {
        let keys = organization::api_keys_by_ids(snapshot, &keys).await?;
        found.extend(
            keys.into_iter()
                .map(|k| ((Kind::ApiKey, k.uuid()), Node::ApiKey(k))),
        );
    }
    if !of(Kind::Organization).is_empty() {
        let own = organization::read(snapshot).await?;
        found.extend(own.map(|o| ((Kind::Organization, o.uuid()), Node::Organization(o))));
    }
    Ok(ids.iter().map(|name| found.get(name).cloned()).collect())
}
