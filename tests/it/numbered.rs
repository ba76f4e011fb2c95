//! The rules of the numbered path, one by one: each test fails when its rule is taken out.

mod bus;
mod foreign;
mod function;
mod guard;

use event_schemas::TenantId;
use event_store::{Append, Expected, Fact, Outcome, Store, Want, paths::Path};

use crate::append::append;

/// What a load sees of one stream's tenant now.
async fn fact(store: &Store, tenant: TenantId, stream: &str) -> Option<Fact> {
    let want = Want {
        tenant,
        stream: event_schemas::StreamId(stream.to_owned()),
        snapshot: None,
    };
    let found = store.load(&[want], &[]).await.unwrap();
    found.facts.get(&tenant).copied()
}

/// An append decided on what a load sees now.
pub async fn decided(store: &Store, tenant: TenantId, stream: &str, expected: Expected) -> Append {
    Append {
        fact: fact(store, tenant, stream).await,
        ..append(tenant, stream, expected, 1)
    }
}

async fn one(store: &Store, append: Append) -> Outcome {
    let mut results = store.append(&[append]).await.unwrap();
    results.pop().unwrap().unwrap()
}

/// Position and version of an append that must have been accepted.
fn numbers(outcome: &Outcome) -> (i64, i32) {
    match outcome {
        Outcome::Appended(numbers) => (numbers.first_position, numbers.first_version()),
        other => panic!("not appended: {other:?}"),
    }
}

/// How many commands took each way since last asked.
fn ways(store: &Store) -> Vec<(&'static str, &'static str, u64)> {
    store
        .take_path_counts()
        .into_iter()
        .filter(|((path, _), count)| *path != Path::Queue && count.commands > 0)
        .map(|((path, reason), count)| (path.name(), reason, count.commands))
        .collect()
}
