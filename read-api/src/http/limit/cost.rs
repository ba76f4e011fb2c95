//! The engine extension that bounds and reports an operation's cost; never computes it, the engine does while it
//! validates.

use std::sync::{Arc, OnceLock};

use async_graphql::{
    Response, ServerError, ValidationResult, async_trait,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextRequest, NextValidation},
    value,
};

use super::{Limits, exceeded};
use crate::http::failure::{Code, code_of, set};

/// Makes one [`Meter`] per operation.
pub(in crate::http) struct Cost {
    pub(in crate::http) limits: Limits,
}

impl ExtensionFactory for Cost {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Meter {
            limits: self.limits,
            measured: OnceLock::new(),
        })
    }
}

struct Meter {
    limits: Limits,
    measured: OnceLock<ValidationResult>,
}

#[async_trait::async_trait]
impl Extension for Meter {
    async fn validation(
        &self,
        ctx: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        let result = next.run(ctx).await.map_err(|mut errors| {
            for error in &mut errors {
                if code_of(error).is_none() {
                    set(error, "code", Code::ValidationFailed.as_str());
                }
            }
            errors
        })?;
        let measured = *self.measured.get_or_init(|| result);
        if measured.complexity > self.limits.nodes {
            return Err(vec![exceeded(
                "nodes",
                measured.complexity,
                self.limits.nodes,
            )]);
        }
        Ok(result)
    }

    async fn request(&self, ctx: &ExtensionContext<'_>, next: NextRequest<'_>) -> Response {
        let response = next.run(ctx).await;
        let Some(measured) = self.measured.get() else {
            return response;
        };
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
