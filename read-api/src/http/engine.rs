//! The engine that executes operations, as this transport uses it: it validates and measures, executes, and brings the result
//! into the specification's form. Never knows a field.
//!
//! There are two schemas of the same roots. What an operation costs the engine (7.2) tells to its extensions alone, and a schema
//! that has any extension goes through it for every field and every item; so one schema only checks, and the other, which has
//! none, only executes.

use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::{
    EmptySubscription, ObjectType, Request, Response, Schema, SchemaBuilder, ServerError,
    ValidationMode, ValidationResult, async_trait,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextValidation},
    parser::types::ExecutableDocument,
    value,
};
use quick_cache::sync::Cache;

use super::{
    completion::{self, Types},
    document::{self, Document},
    failure::{Code, code_of, set},
    limit::{Limits, exceeded},
    order::Shape,
};
use crate::operation::Reads;

/// How many operations are kept that were valid, each with its variables.
const KEPT: usize = 4_096;
/// The longest variables of one that is kept, in bytes of JSON.
const LONGEST_KEPT: usize = 1_024;

/// Executes operations on a schema. Cheap to clone.
pub struct Engine<Q, M> {
    checks: Schema<Q, M, EmptySubscription>,
    executes: Schema<Q, M, EmptySubscription>,
    types: Arc<Types>,
    /// What operations cost, by their document, their name and their variables: that depends on nothing else.
    measured: Arc<Cache<(u64, String), ValidationResult>>,
    limits: Limits,
    reads: Option<Reads>,
}

impl<Q, M> Clone for Engine<Q, M> {
    fn clone(&self) -> Self {
        Self {
            checks: self.checks.clone(),
            executes: self.executes.clone(),
            types: Arc::clone(&self.types),
            measured: Arc::clone(&self.measured),
            limits: self.limits,
            reads: self.reads.clone(),
        }
    }
}

impl<Q, M> Engine<Q, M>
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
{
    /// An engine for the schema that `build` begins. A list field says by how much it multiplies the cost of what it holds:
    /// `#[graphql(complexity = "first.unwrap_or(20) as usize * child_complexity + 1")]`.
    ///
    /// Without `reads` no field can open a session.
    pub fn new(
        limits: Limits,
        reads: Option<Reads>,
        build: impl Fn() -> SchemaBuilder<Q, M, EmptySubscription>,
    ) -> Self {
        let build = || build().limit_recursive_depth(limits.nesting);
        let executes = build().validation_mode(ValidationMode::Fast).finish();
        Self {
            checks: build().extension(Check).finish(),
            types: Arc::new(Types::of(&executes.sdl())),
            executes,
            measured: Arc::new(Cache::new(KEPT)),
            limits,
            reads,
        }
    }

    /// The schema.
    pub fn schema(&self) -> &Schema<Q, M, EmptySubscription> {
        &self.executes
    }

    /// Executes the document's operation that the request names, or the only one there is, with the request's variables and data.
    pub async fn execute(&self, document: &Document, mut request: Request) -> Response {
        let measured = match self.measure(document, &request).await {
            Ok(measured) => measured,
            Err(refused) => return refused,
        };
        let document = &document.parsed;
        let name = request.operation_name.clone();
        let operation = self.reads.as_ref().map(Reads::operation);
        if let Some(operation) = &operation {
            request = request.data(Arc::clone(operation));
        }
        request.set_parsed_query(document.clone());
        let mut response = self.executes.execute(request).await;
        if let Ok(chosen) = document::choose(document, name.as_deref()) {
            if !response.errors.is_empty() {
                let failed = response.errors.iter().map(|error| &error.path[..]);
                completion::complete(&mut response.data, failed, document, chosen, &self.types);
            }
            Shape::of(document, chosen).arrange(&mut response.data);
        }
        if let Some(freshness) = operation.and_then(|operation| operation.freshness()) {
            response = response.extension("daybook", freshness);
        }
        self.report(response, measured)
    }

    /// What the operation costs; refused with an answer, if it is not valid or costs too much.
    async fn measure(
        &self,
        document: &Document,
        request: &Request,
    ) -> Result<ValidationResult, Response> {
        let of = serde_json::to_string(&(&request.operation_name, &request.variables));
        let of = of.ok().filter(|of| of.len() <= LONGEST_KEPT);
        let Some(of) = of else {
            return self.check(&document.parsed, request).await;
        };
        let of = (document.id, of);
        if let Some(measured) = self.measured.get(&of) {
            return Ok(measured);
        }
        let measured = self.check(&document.parsed, request).await?;
        self.measured.insert(of, measured);
        Ok(measured)
    }

    /// The same, found out.
    async fn check(
        &self,
        document: &ExecutableDocument,
        request: &Request,
    ) -> Result<ValidationResult, Response> {
        let found = Arc::new(Found::default());
        let mut checked = Request::new("")
            .variables(request.variables.clone())
            .data(Arc::clone(&found));
        checked.operation_name.clone_from(&request.operation_name);
        checked.set_parsed_query(document.clone());
        let refused = self.checks.execute(checked).await;
        let found = found
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let measured = match found {
            None => return Err(refused),
            Some(Ok(measured)) => measured,
            Some(Err(mut errors)) => {
                for error in &mut errors {
                    if code_of(error).is_none() {
                        set(error, "code", Code::ValidationFailed.as_str());
                    }
                }
                return Err(Response::from_errors(errors));
            }
        };
        let (nodes, most) = (measured.complexity, self.limits.nodes);
        if nodes > most {
            let refused = Response::from_errors(vec![exceeded("nodes", nodes, most)]);
            return Err(self.report(refused, measured));
        }
        Ok(measured)
    }

    /// Tells the cost.
    fn report(&self, response: Response, measured: ValidationResult) -> Response {
        response.extension(
            "cost",
            value!({
                "nodes": (measured.complexity),
                "depth": (measured.depth),
                "limit": { "nodes": (self.limits.nodes), "depth": (self.limits.depth) },
            }),
        )
    }
}

/// How a validation ended.
#[derive(Default)]
struct Found(Mutex<Option<Result<ValidationResult, Vec<ServerError>>>>);

/// Keeps how a validation ends in the request's [`Found`], and lets nothing be executed.
struct Check;

impl ExtensionFactory for Check {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait::async_trait]
impl Extension for Check {
    async fn validation(
        &self,
        ctx: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        let result = next.run(ctx).await;
        if let Some(found) = ctx.data_opt::<Arc<Found>>() {
            *found.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        }
        Err(Vec::new())
    }
}
