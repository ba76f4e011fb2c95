//! Scopes: the permissions of a credential. What is not understood grants nothing.

use std::sync::Arc;

/// The permissions of a credential: `*` for everything, `order:*` for a context, `order:place` for one action.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Scopes(Arc<[String]>);

impl Scopes {
    /// These scopes.
    pub fn new<S: Into<String>>(scopes: impl IntoIterator<Item = S>) -> Self {
        Self(scopes.into_iter().map(Into::into).collect())
    }

    /// Whether `context:action` is permitted.
    pub fn allows(&self, context: &str, action: &str) -> bool {
        self.0.iter().any(|scope| match scope.split_once(':') {
            None => scope == "*",
            Some((of, what)) => of == context && (what == "*" || what == action),
        })
    }

    /// The scopes as they were given.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_grants_what_it_says_and_no_more() {
        assert!(Scopes::new(["*"]).allows("order", "place"));
        assert!(Scopes::new(["order:*"]).allows("order", "place"));
        assert!(Scopes::new(["order:place"]).allows("order", "place"));
        assert!(!Scopes::new(["order:place"]).allows("order", "ship"));
        assert!(!Scopes::new(["orders:*"]).allows("order", "place"));
        assert!(!Scopes::new(["order"]).allows("order", "place"));
        assert!(!Scopes::new(["*:*", "*:place", "", ":", "order:"]).allows("order", "place"));
        assert!(!Scopes::default().allows("order", "place"));
    }
}
