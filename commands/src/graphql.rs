//! The mutation root, generated from the registry: one field per command, its input made from the command's JSON
//! Schema. It is generic over the query root that an accepted answer carries; it knows no read model.

mod input;
mod result;

use std::{borrow::Cow, sync::Arc};

use async_graphql::{
    ContainerType, Context, ContextSelectionSet, ErrorExtensions, ObjectType, OutputType,
    Positioned, ServerError, ServerResult, Value,
    indexmap::IndexMap,
    parser::types::Field,
    registry::{MetaField, MetaType, MetaTypeId, Registry},
    resolver_utils::resolve_container_serial,
};
use event_schemas::Source;
use gateway::{Principal, Problem, RequestContext};
use uuid::Uuid;

use crate::{Bus, Request, Spec, registry};
use input::Raw;
use result::CommandResult;

pub use result::AnyProblem;

/// Makes a query root that answers no older than a token.
pub type After<Q> = Arc<dyn Fn(&Context<'_>, &str) -> Q + Send + Sync>;

/// The mutation root over the query root `Q`.
pub struct Mutation<Q> {
    bus: Bus,
    after: After<Q>,
}

impl<Q> Mutation<Q> {
    /// The mutation root of a bus. `after` makes the query root of an accepted answer from its token.
    pub fn new(bus: Bus, after: After<Q>) -> Self {
        Self { bus, after }
    }
}

impl<Q: ObjectType + 'static> Mutation<Q> {
    async fn execute(
        &self,
        ctx: &Context<'_>,
        spec: &'static Spec,
    ) -> ServerResult<CommandResult<Q>> {
        let problem = |problem: &Problem| top_level(problem).into_server_error(ctx.item.pos);
        let principal = ctx
            .data::<Principal>()
            .map_err(|e| e.into_server_error(ctx.item.pos))?;
        principal
            .require(spec.context, spec.name)
            .map_err(|p| problem(&p))?;
        let (_, id) = ctx.param_value::<Uuid>("id", None)?;
        let (_, input) = ctx.param_value::<Option<Raw>>("input", None)?;
        let (_, key) = ctx.param_value::<Option<String>>("commandId", None)?;
        let (_, expected_version) = ctx.param_value::<Option<i32>>("expectedVersion", None)?;
        let (_, dry_run) = ctx.param_value::<Option<bool>>("dryRun", None)?;
        let context = ctx.data_opt::<RequestContext>();
        let request = Request {
            tenant: principal.tenant,
            actor: principal.actor.clone(),
            source: Source::Api,
            spec,
            id,
            data: input::to_json(&spec.schema, input)
                .to_string()
                .into_bytes()
                .into(),
            key,
            expected_version,
            occurred_at: None,
            dry_run: dry_run.unwrap_or(false),
            correlation_id: context.map_or_else(|| self.bus.clock.uuid_v7(), |c| c.correlation_id),
            traceparent: context.map(|c| c.traceparent.clone()),
            cause: None,
            ip_hash: context.and_then(|c| c.ip_hash(principal.tenant)),
        };
        let answer = match crate::rest::checked(&request) {
            Ok(()) => self.bus.execute(request).await,
            Err(problem) => Err(problem),
        };
        match answer {
            Ok(accepted) => {
                let query = accepted
                    .token
                    .as_deref()
                    .map(|token| (self.after)(ctx, token));
                Ok(CommandResult::accepted(
                    accepted,
                    query.unwrap_or_else(|| (self.after)(ctx, "")),
                ))
            }
            Err(refused) => CommandResult::refused(&refused).ok_or_else(|| problem(&refused)),
        }
    }
}

/// A problem as top-level error: only for permissions, limits and faults of the system.
fn top_level(problem: &Problem) -> async_graphql::Error {
    let code = problem.code().to_uppercase().replace('-', "_");
    async_graphql::Error::new(problem.detail()).extend_with(|_, extensions| {
        extensions.set("code", code);
        if let Some(seconds) = problem
            .extensions()
            .get("retryAfter")
            .and_then(serde_json::Value::as_u64)
        {
            extensions.set("retryAfter", seconds);
        }
    })
}

impl<Q: ObjectType + 'static> ContainerType for Mutation<Q> {
    async fn resolve_field(&self, ctx: &Context<'_>) -> ServerResult<Option<Value>> {
        let name = ctx.item.node.name.node.as_str();
        let Some(spec) = registry().public().find(|spec| spec.mutation() == name) else {
            return Ok(None);
        };
        let result = self.execute(ctx, spec).await?;
        let selection = ctx.with_selection_set(&ctx.item.node.selection_set);
        result.resolve(&selection, ctx.item).await.map(Some)
    }
}

impl<Q: ObjectType + 'static> ObjectType for Mutation<Q> {}

impl<Q: ObjectType + 'static> OutputType for Mutation<Q> {
    fn type_name() -> Cow<'static, str> {
        Cow::Borrowed("Mutation")
    }

    fn create_type_info(types: &mut Registry) -> String {
        types.create_output_type::<Self, _>(MetaTypeId::Object, |types| {
            let result = CommandResult::<Q>::create_type_info(types);
            let fields = registry().public().map(|spec| (spec.mutation(), field(types, spec, &result))).collect();
            MetaType::Object {
                name: "Mutation".to_owned(),
                description: Some("The commands. Each is decided by the business rules and answers what it wrote.".to_owned()),
                fields,
                cache_control: async_graphql::CacheControl::default(),
                extends: false,
                shareable: false,
                resolvable: true,
                visible: None,
                inaccessible: false,
                interface_object: false,
                tags: Vec::new(),
                is_subscription: false,
                keys: None,
                rust_typename: Some(std::any::type_name::<Self>()),
                directive_invocations: Vec::new(),
                requires_scopes: Vec::new(),
            }
        })
    }

    async fn resolve(
        &self,
        ctx: &ContextSelectionSet<'_>,
        _: &Positioned<Field>,
    ) -> ServerResult<Value> {
        // One after the other, as the specification wants it of mutations.
        resolve_container_serial(ctx, self)
            .await
            .map_err(|error| ServerError { ..error })
    }
}

fn field(types: &mut Registry, spec: &Spec, result: &str) -> MetaField {
    let uuid = <Uuid as async_graphql::InputType>::create_type_info(types);
    let string = <Option<String> as async_graphql::InputType>::create_type_info(types);
    let int = <Option<i32> as async_graphql::InputType>::create_type_info(types);
    let boolean = <Option<bool> as async_graphql::InputType>::create_type_info(types);
    let id = match (spec.creates, spec.context) {
        (_, "organization") => "The organization: your own.",
        (true, _) => "The new aggregate's id, chosen by you.",
        (false, _) => "The aggregate's id.",
    };
    let mut args = IndexMap::new();
    let mut add = |name: &str, ty: String, description: &str| {
        args.insert(
            name.to_owned(),
            input::value(name, ty, Some(description.to_owned())),
        );
    };
    add("id", uuid, id);
    if let Some(ty) = input::register(types, spec) {
        add("input", ty, "The command's fields.");
    }
    add(
        "commandId",
        string,
        "The idempotency key, at most 255 bytes: repeating it answers the first result again, for 30 days.",
    );
    add(
        "expectedVersion",
        int,
        "Refuse unless the aggregate is at this version.",
    );
    add("dryRun", boolean, "Decide only; write nothing.");
    MetaField {
        name: spec.mutation(),
        description: Some(spec.description.clone()),
        args,
        ty: result.to_owned(),
        deprecation: async_graphql::registry::Deprecation::NoDeprecated,
        cache_control: async_graphql::CacheControl::default(),
        external: false,
        requires: None,
        provides: None,
        visible: None,
        shareable: false,
        inaccessible: false,
        tags: Vec::new(),
        override_from: None,
        compute_complexity: None,
        directive_invocations: Vec::new(),
        requires_scopes: Vec::new(),
    }
}
