//! The one registry: every command of every context, once. Routes, schemas, mutations and the bulk protocol are
//! derived from it; nothing about a single command is written anywhere else.

mod bound;
mod contexts;

use std::{collections::HashMap, sync::LazyLock};

use event_store::TenantChange;
use serde_json::Value;

pub(crate) use bound::{Decided, Handler, Refused, Situation, State};
pub(crate) use contexts::{organization, settings, settings_hash};

/// What a command does to a credential.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CredentialChange {
    /// There is a new one.
    Issued,
    /// One is refused from now on.
    Revoked,
}

/// A registered command.
pub struct Spec {
    /// The context, such as `order`.
    pub context: &'static str,
    /// Its plural in routes, such as `orders`.
    pub plural: &'static str,
    /// The command in its context in camelCase, such as `approvePayment`.
    pub name: &'static str,
    /// Its type's name, such as `ApprovePayment`: the mutation is called so, and the schema.
    pub title: String,
    /// `<context>.<name>`, as bulk lines call it.
    pub kind: String,
    /// What it does, for a user.
    pub description: String,
    /// Whether it begins a stream.
    pub creates: bool,
    /// What it does to the tenant itself; such a command is the operator's alone.
    pub change: Option<TenantChange>,
    /// What it does to credentials; its answer waits until everybody goes by that.
    pub changes_credentials: Option<CredentialChange>,
    /// Whether its decision needs the tenant's settings.
    pub needs_settings: bool,
    /// The JSON Schema 2020-12 of its fields; `$defs` hold what it refers to.
    pub schema: Value,
    pub(crate) handler: Box<dyn Handler>,
}

impl Spec {
    /// The route below `/api/v1/<plural>/{id}/`, such as `approve-payment`.
    pub fn kebab(&self) -> String {
        let mut kebab = String::with_capacity(self.name.len() + 4);
        for c in self.name.chars() {
            if c.is_ascii_uppercase() {
                kebab.push('-');
            }
            kebab.push(c.to_ascii_lowercase());
        }
        kebab
    }

    /// Whether only the operator may send it: it is in none of the APIs.
    pub fn is_operators_alone(&self) -> bool {
        self.change.is_some()
    }

    /// The mutation's name, such as `approvePayment`.
    pub fn mutation(&self) -> String {
        let mut chars = self.title.chars();
        chars.next().map_or_else(String::new, |first| {
            first.to_lowercase().chain(chars).collect()
        })
    }
}

impl std::fmt::Debug for Spec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.kind)
    }
}

/// All commands.
pub struct Registry {
    specs: Vec<Spec>,
    by_kind: HashMap<String, usize>,
}

static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
    let specs = contexts::all();
    let by_kind = specs
        .iter()
        .enumerate()
        .map(|(index, spec)| (spec.kind.clone(), index))
        .collect();
    Registry { specs, by_kind }
});

/// The registry of this binary.
pub fn registry() -> &'static Registry {
    &REGISTRY
}

impl Registry {
    /// Every command, by context and then as registered.
    pub fn all(&self) -> &[Spec] {
        &self.specs
    }

    /// Those that a tenant may send: all but the operator's own.
    pub fn public(&self) -> impl Iterator<Item = &Spec> {
        self.specs.iter().filter(|spec| !spec.is_operators_alone())
    }

    /// The command called `order.place` and so on.
    pub fn by_kind(&self, kind: &str) -> Option<&Spec> {
        self.by_kind
            .get(kind)
            .and_then(|index| self.specs.get(*index))
    }
}
