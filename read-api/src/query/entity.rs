//! Apollo Federation: this API as a subgraph whose entities are everything that has a global id. Never shows what `node`
//! would not.
//!
//! The engine has entities of its own, but reads them one by one, fails all for one that does not exist, and lets them
//! cost nothing. These here are ordinary fields: they have one snapshot, statements per kind, and a cost.

use std::sync::{Arc, OnceLock};

use async_graphql::{
    Context, ID, InputValueError, InputValueResult, Object, ObjectType, Result, SDLExportOptions,
    Scalar, ScalarType, Schema, SimpleObject, SubscriptionType, Union, Value,
};

use super::node::{Node, read};
use crate::{
    customer::Customer,
    document::Document,
    failure::Failure,
    goal::Goal,
    lead::Lead,
    metric::Metric,
    order::Order,
    organization::{ApiKey, Organization},
    scalar::{Kind, parse_global_id},
    session::Root,
};

/// The query root's fields for a gateway that joins several APIs.
#[derive(Clone, Default)]
pub(crate) struct EntityQuery(pub(crate) Root);

#[Object]
impl EntityQuery {
    /// For gateways of Apollo Federation: this schema with its directives.
    #[graphql(name = "_service")]
    #[expect(
        clippy::unused_async,
        reason = "the engine wants resolvers to be async"
    )]
    async fn service(&self, ctx: &Context<'_>) -> Result<Service> {
        let sdl = ctx.data_opt::<Subgraph>().and_then(|sdl| sdl.0.get());
        let sdl = sdl.ok_or_else(|| {
            tracing::error!("the schema was built without its subgraph");
            Failure::Internal
        })?;
        Ok(Service { sdl: sdl.clone() })
    }

    /// For gateways of Apollo Federation: things by their `__typename` and global `id`, in that order, with `null` for what
    /// does not exist. Needs the permission to read each kind.
    #[graphql(
        name = "_entities",
        complexity = "representations.len() * child_complexity + 1"
    )]
    async fn entities(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "As many as the cost allows.")] representations: Vec<Representation>,
    ) -> Result<Vec<Option<Entity>>> {
        let ids = representations
            .into_iter()
            .map(Representation::id)
            .collect::<Result<Vec<_>, _>>()?;
        let snapshot = self.0.open(ctx).await?;
        let found = read(&snapshot, &ids).await?;
        Ok(found
            .into_iter()
            .map(|node| node.map(Entity::from))
            .collect())
    }
}

/// What a gateway learns of this API.
#[derive(SimpleObject)]
#[graphql(name = "_Service")]
pub(crate) struct Service {
    /// The schema with the directives of Apollo Federation 2.
    sdl: String,
}

/// Everything that a gateway can ask for by its key.
#[derive(Union)]
#[graphql(name = "_Entity")]
pub(crate) enum Entity {
    Order(Order),
    Customer(Customer),
    Lead(Lead),
    Metric(Metric),
    Goal(Goal),
    Document(Document),
    Organization(Organization),
    ApiKey(ApiKey),
}

impl From<Node> for Entity {
    fn from(node: Node) -> Self {
        match node {
            Node::Order(order) => Self::Order(order),
            Node::Customer(customer) => Self::Customer(customer),
            Node::Lead(lead) => Self::Lead(lead),
            Node::Metric(metric) => Self::Metric(metric),
            Node::Goal(goal) => Self::Goal(goal),
            Node::Document(document) => Self::Document(document),
            Node::Organization(organization) => Self::Organization(organization),
            Node::ApiKey(key) => Self::ApiKey(key),
        }
    }
}

/// An entity as a gateway names it.
pub(crate) struct Representation {
    typename: String,
    id: String,
}

/// An object `{__typename, id}` with the type's name and the global id; other members are ignored.
#[Scalar(name = "_Any")]
impl ScalarType for Representation {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::Object(members) = &value else {
            return Err(InputValueError::expected_type(value));
        };
        let text = |name: &str| match members.get(name) {
            Some(Value::String(text)) => Ok(text.clone()),
            _ => Err(InputValueError::custom(format!(
                "a representation needs the text {name}"
            ))),
        };
        Ok(Self {
            typename: text("__typename")?,
            id: text("id")?,
        })
    }

    fn to_value(&self) -> Value {
        async_graphql::value!({ "__typename": (self.typename.clone()), "id": (self.id.clone()) })
    }
}

impl Representation {
    /// The global id, if it is of that type.
    fn id(self) -> Result<ID, Failure> {
        let id = ID(self.id);
        let (kind, _) = parse_global_id(&id)?;
        let name = type_name(kind);
        if name == self.typename {
            Ok(id)
        } else {
            Err(Failure::input(format!(
                "the id of the representation is of the type {name}, but its __typename is {:?}; pass both on unchanged",
                self.typename
            )))
        }
    }
}

fn type_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Order => "Order",
        Kind::Customer => "Customer",
        Kind::Lead => "Lead",
        Kind::Metric => "Metric",
        Kind::Goal => "Goal",
        Kind::Document => "Document",
        Kind::Organization => "Organization",
        Kind::ApiKey => "ApiKey",
    }
}

/// The schema as a gateway reads it. Goes into the data of the schema, and is told once that is finished.
#[derive(Clone, Default)]
pub struct Subgraph(Arc<OnceLock<String>>);

impl Subgraph {
    /// Tells it the finished schema.
    pub fn set<Q, M, S>(&self, schema: &Schema<Q, M, S>)
    where
        Q: ObjectType + 'static,
        M: ObjectType + 'static,
        S: SubscriptionType + 'static,
    {
        self.0.get_or_init(|| subgraph_sdl(schema));
    }
}

/// A schema with the directives of Apollo Federation 2: whatever has a global id is an entity. The query root inside an
/// answer is left out of the gateway's schema.
pub fn subgraph_sdl<Q, M, S>(schema: &Schema<Q, M, S>) -> String
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    let options = SDLExportOptions::new()
        .federation()
        .sorted_fields()
        .sorted_arguments()
        .sorted_enum_items();
    let sdl = schema.sdl_with_options(options);
    let mut directed = String::with_capacity(sdl.len());
    for line in sdl.lines() {
        let object = line
            .strip_suffix(" {")
            .filter(|object| object.starts_with("type "));
        match object {
            Some(object) if object.split([' ', '&']).any(|word| word == "Node") => {
                directed.push_str(object);
                directed.push_str(" @key(fields: \"id\") {");
            }
            // A gateway's query root is everybody's: what others answer is no newer for a command of ours.
            None if line.ends_with(": Query!") => {
                directed.push_str(line);
                directed.push_str(" @inaccessible");
            }
            Some(_) | None => directed.push_str(line),
        }
        directed.push('\n');
    }
    directed
}
