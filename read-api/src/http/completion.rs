//! Completes a result in which fields failed, as the specification wants: a failed field is null, and where its type
//! forbids that, what holds it is. Never makes or removes an error.
//!
//! The engine (7.2) leaves a failed field out of its object, and lets null stand where a type forbids it.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_graphql::{
    Name, QueryPathSegment, Response, ServerResult, Value, async_trait,
    extensions::{
        Extension, ExtensionContext, ExtensionFactory, NextRequest, NextResolve, ResolveInfo,
    },
    indexmap::IndexMap,
};

/// Makes one [`Observer`] per operation.
pub(super) struct Completion;

impl ExtensionFactory for Completion {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Observer {
            faults: Mutex::new(Faults::default()),
        })
    }
}

/// Names and indices from the root; a name never begins with a digit.
type Path = Vec<String>;

#[derive(Default)]
struct Faults {
    /// What holds a failed field that must not be null.
    broken: BTreeSet<Path>,
    /// What is null because of a failure.
    nulls: BTreeSet<Path>,
}

impl Faults {
    /// Takes out what is broken of the field at `path`: itself, or items of its list.
    fn take_broken(&mut self, path: &Path) -> Vec<Path> {
        let broken: Vec<_> = self
            .broken
            .range(path.clone()..)
            .take_while(|broken| broken.starts_with(path))
            .cloned()
            .collect();
        for path in &broken {
            self.broken.remove(path);
        }
        broken
    }

    /// Decides where null stands for the value at `path`, which cannot be had. It is of the field whose path has the
    /// first `field` segments, of type `ty`; the others are indices.
    fn absorb(&mut self, mut path: Path, field: usize, ty: &str) {
        let mut types = vec![ty];
        for _ in field..path.len() {
            let list = types.last().copied().unwrap_or_default();
            types.push(item(list));
        }
        while let Some(ty) = types.pop() {
            if !ty.ends_with('!') {
                self.nulls.insert(path);
                return;
            }
            path.pop();
        }
        // The root has no type that could forbid null.
        if path.is_empty() {
            self.nulls.insert(path);
        } else {
            self.broken.insert(path);
        }
    }
}

/// The type of the items of a list type.
fn item(list: &str) -> &str {
    let list = list.strip_suffix('!').unwrap_or(list);
    list.strip_prefix('[')
        .and_then(|list| list.strip_suffix(']'))
        .unwrap_or(list)
}

struct Observer {
    faults: Mutex<Faults>,
}

impl Observer {
    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait::async_trait]
impl Extension for Observer {
    async fn resolve(
        &self,
        ctx: &ExtensionContext<'_>,
        info: ResolveInfo<'_>,
        next: NextResolve<'_>,
    ) -> ServerResult<Option<Value>> {
        let node = info.path_node;
        // The engine says of every item that it must not be null; what a list may hold, its field's type tells.
        if matches!(node.segment, QueryPathSegment::Index(_)) {
            return next.run(ctx, info).await;
        }
        let ty = info.return_type;
        let result = next.run(ctx, info).await;
        let mut faults = self.faults();
        if result.is_ok() && faults.broken.is_empty() {
            return result;
        }
        let path = node.to_string_vec();
        if result.is_err() {
            let field = path.len();
            faults.absorb(path, field, ty);
        } else {
            for broken in faults.take_broken(&path) {
                faults.absorb(broken, path.len(), ty);
            }
        }
        drop(faults);
        result
    }

    async fn request(&self, ctx: &ExtensionContext<'_>, next: NextRequest<'_>) -> Response {
        let mut response = next.run(ctx).await;
        let mut nulls: Vec<_> = std::mem::take(&mut self.faults().nulls)
            .into_iter()
            .collect();
        // The innermost first, so that what holds them has the last word.
        nulls.sort_by_key(|path| std::cmp::Reverse(path.len()));
        for path in nulls {
            set_null(&mut response.data, &path);
        }
        response
    }
}

fn is_index(segment: &str) -> bool {
    segment.starts_with(|first: char| first.is_ascii_digit())
}

/// Puts null at `path`, if its list is still there. An object all of whose fields failed is null to the engine: it is
/// made anew.
fn set_null(value: &mut Value, path: &[String]) {
    let Some((segment, rest)) = path.split_first() else {
        *value = Value::Null;
        return;
    };
    if *value == Value::Null && !is_index(segment) {
        *value = Value::Object(IndexMap::new());
    }
    match value {
        Value::Object(fields) => set_null(
            fields.entry(Name::new(segment)).or_insert(Value::Null),
            rest,
        ),
        Value::List(items) => {
            if let Some(item) = segment
                .parse()
                .ok()
                .and_then(|index: usize| items.get_mut(index))
            {
                set_null(item, rest);
            }
        }
        Value::Null
        | Value::Number(_)
        | Value::String(_)
        | Value::Boolean(_)
        | Value::Binary(_)
        | Value::Enum(_) => {}
    }
}
