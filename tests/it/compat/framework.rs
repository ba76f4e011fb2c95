//! Whole programs: the bank account of the examples on each of the stores of cqrs-es.

use std::{collections::HashMap, sync::atomic::Ordering};

use cqrs_es::{
    AggregateError, EventStore,
    persist::{PersistedEventStore, QueryReplay},
};
use event_store::compat::{Cqrs, Repository, aggregate_cqrs, cqrs, snapshot_cqrs};
use futures::future::join_all;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    bank_account::{self, AccountEvent, Balance, BankAccount, Command, Refused},
    world,
};

async fn banks(bank: Cqrs<BankAccount>, repository: Repository, live: &Balance) {
    let refused = |result| match result {
        Err(AggregateError::UserError(refused)) => refused,
        other => panic!("{other:?}"),
    };
    let early = bank.execute("1", Command::Deposit { cents: 1 }).await;
    assert_eq!(refused(early), Refused::NotOpen);
    let holder = "Ada".to_owned();
    bank.execute(
        "1",
        Command::Open {
            holder: holder.clone(),
        },
    )
    .await
    .unwrap();
    for cents in [1_000, 500, 250] {
        bank.execute("1", Command::Deposit { cents }).await.unwrap();
    }
    bank.execute("1", Command::Withdraw { cents: 50 })
        .await
        .unwrap();
    let cheque = |cents| Command::WriteCheque {
        number: "7".to_owned(),
        cents,
    };
    bank.execute("1", cheque(700)).await.unwrap();
    let again = bank.execute("1", cheque(1)).await;
    assert_eq!(refused(again), Refused::ChequeUsed("7".to_owned()));
    let overdraft = bank.execute("1", Command::Withdraw { cents: 1_001 }).await;
    let refused_overdraft = Refused::Overdraft {
        balance: 1_000,
        asked: 1_001,
    };
    assert_eq!(refused(overdraft), refused_overdraft);
    assert_eq!(live.0.load(Ordering::Relaxed), 1_000);

    let rebuilt = Balance::default();
    let replay = QueryReplay::new(repository, rebuilt.clone());
    replay.replay_all().await.unwrap();
    assert_eq!(rebuilt.0.load(Ordering::Relaxed), 1_000);
}

#[tokio::test]
async fn event_sourced() {
    let repository = world().await.repository;
    let live = Balance::default();
    let bank = cqrs(repository.clone(), vec![Box::new(live.clone())], ());
    banks(bank, repository, &live).await;
}

#[tokio::test]
async fn with_a_snapshot_store() {
    let repository = world().await.repository.without_snapshots();
    let live = Balance::default();
    let bank = snapshot_cqrs(repository.clone(), vec![Box::new(live.clone())], 2, ());
    banks(bank, repository, &live).await;
}

#[tokio::test]
async fn with_an_aggregate_store() {
    let repository = world().await.repository.without_snapshots();
    let live = Balance::default();
    let bank = aggregate_cqrs(repository.clone(), vec![Box::new(live.clone())], ());
    banks(bank, repository, &live).await;
}

/// What the module's documentation warns of. When this fails, cqrs-es has changed: take the warning back.
#[tokio::test]
async fn a_snapshot_of_cqrs_es_counts_its_events_twice() {
    let bank = aggregate_cqrs::<BankAccount>(world().await.repository, vec![], ());
    let holder = "Ada".to_owned();
    bank.execute("1", Command::Open { holder }).await.unwrap();
    bank.execute("1", Command::Deposit { cents: 10 })
        .await
        .unwrap();
    let all = bank.execute("1", Command::Withdraw { cents: 21 }).await;
    let AggregateError::UserError(refused) = all.unwrap_err() else {
        panic!("not refused by the account");
    };
    let counted_twice = Refused::Overdraft {
        balance: 20,
        asked: 21,
    };
    assert_eq!(refused, counted_twice);
}

#[tokio::test]
async fn of_two_programs_that_meet_the_second_is_told() {
    let world = world().await;
    let program =
        || PersistedEventStore::<_, BankAccount>::new_event_store(world.repository.clone());
    let (one, two) = (program(), program());
    let opened = || {
        vec![AccountEvent::Opened {
            holder: "Ada".to_owned(),
        }]
    };
    let first = one.load_aggregate("1").await.unwrap();
    let second = two.load_aggregate("1").await.unwrap();
    one.commit(opened(), first, HashMap::new()).await.unwrap();
    let error = two.commit(opened(), second, HashMap::new()).await;
    let error = error.unwrap_err();
    assert!(
        matches!(error, AggregateError::AggregateConflict),
        "{error}"
    );
}

#[tokio::test]
async fn through_the_lanes_of_a_started_store() {
    let world = world().await;
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    world.store.start(&tasks, &stop);
    let repository = world.repository.clone().through_lanes();
    let bank = &cqrs::<BankAccount>(repository.clone(), vec![], ());
    join_all((1..=32).map(|n| async move {
        let (account, holder) = (n.to_string(), "Ada".to_owned());
        bank.execute(&account, Command::Open { holder })
            .await
            .unwrap();
        let deposit = Command::Deposit { cents: n };
        bank.execute(&account, deposit).await.unwrap();
    }))
    .await;
    let balance = Balance::default();
    let replay = QueryReplay::new(repository, balance.clone());
    replay.replay_all().await.unwrap();
    assert_eq!(balance.0.load(Ordering::Relaxed), 32 * 33 / 2);
    stop.cancel();
    tasks.close();
    tasks.wait().await;
}

#[tokio::test]
async fn the_example_ends_with_its_balance() {
    let world = world().await;
    // Registered or not: both are fine.
    let newcomer = event_schemas::TenantId(uuid::Uuid::now_v7());
    for tenant in [world.tenant, newcomer, newcomer] {
        bank_account::register(&world.store, tenant).await.unwrap();
        let mut told = Vec::new();
        let balance = bank_account::day(world.store.clone(), tenant, &mut told).await;
        assert_eq!(balance.unwrap(), 55_000);
        let told = String::from_utf8(told).unwrap();
        assert_eq!(
            told,
            "refused: the account holds 55000 cents, which is less than 60000\nbalance: 55000 cents\n"
        );
    }
}
