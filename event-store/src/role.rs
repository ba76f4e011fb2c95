//! The login roles and their pools. A pool never leaves this crate.

use std::time::Duration;

use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::context::Secret;

/// A login role; one pool each.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Role {
    Append,
    Tenant,
    Partition,
    Operator,
    Identity,
    Migrator,
}

impl Role {
    pub(crate) const ALL: [Self; 6] = [
        Self::Append,
        Self::Tenant,
        Self::Partition,
        Self::Operator,
        Self::Identity,
        Self::Migrator,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Append => "daybook_append",
            Self::Tenant => "daybook_tenant",
            Self::Partition => "daybook_partition",
            Self::Operator => "daybook_operator",
            Self::Identity => "daybook_identity",
            Self::Migrator => "daybook_migrator",
        }
    }

    pub(crate) fn options(self, admin: &PgConnectOptions, secret: &Secret) -> PgConnectOptions {
        let options = admin
            .clone()
            .username(self.name())
            .password(&secret.password(self.name()))
            .application_name(self.name());
        match self {
            // Whose rows are read is not known to any plan: one made for certain other values is hardly better, and is made each time.
            Self::Tenant => options.options([("plan_cache_mode", "force_generic_plan")]),
            Self::Append | Self::Partition | Self::Operator | Self::Identity | Self::Migrator => {
                options
            }
        }
    }

    /// A pool that opens its connections when they are first needed.
    pub(crate) fn pool(self, admin: &PgConnectOptions, secret: &Secret, size: u32) -> PgPool {
        PgPoolOptions::new()
            .max_connections(size.max(1))
            .acquire_timeout(Duration::from_secs(5))
            .test_before_acquire(false)
            .idle_timeout(Duration::from_mins(5))
            .connect_lazy_with(self.options(admin, secret))
    }
}
