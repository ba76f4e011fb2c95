//! The frameworks of cqrs-es on a [`Repository`], as the functions of postgres-es make them. Never more than a shorthand.

use cqrs_es::{Aggregate, CqrsFramework, Query, persist::PersistedEventStore};

use super::Repository;

/// A framework whose events are in the log.
pub type Cqrs<A> = CqrsFramework<A, PersistedEventStore<Repository, A>>;

/// Every load replays the aggregate's events; in the place of `postgres_cqrs`.
pub fn cqrs<A: Aggregate>(
    repository: Repository,
    queries: Vec<Box<dyn Query<A>>>,
    services: A::Services,
) -> Cqrs<A> {
    let store = PersistedEventStore::new_event_store(repository);
    CqrsFramework::new(store, queries, services)
}

/// A load replays what follows a snapshot, of which there is one every `size` events; in the place of
/// `postgres_snapshot_cqrs`.
pub fn snapshot_cqrs<A: Aggregate>(
    repository: Repository,
    queries: Vec<Box<dyn Query<A>>>,
    size: usize,
    services: A::Services,
) -> Cqrs<A> {
    let store = PersistedEventStore::new_snapshot_store(repository, size);
    CqrsFramework::new(store, queries, services)
}

/// Every commit keeps the aggregate, and a load takes it; in the place of `postgres_aggregate_cqrs`.
pub fn aggregate_cqrs<A: Aggregate>(
    repository: Repository,
    queries: Vec<Box<dyn Query<A>>>,
    services: A::Services,
) -> Cqrs<A> {
    let store = PersistedEventStore::new_aggregate_store(repository);
    CqrsFramework::new(store, queries, services)
}
