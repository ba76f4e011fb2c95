//! A bank account written for cqrs-es 0.5, whose events are in Daybook. Owns nothing but its aggregate: it never sees the log.
//!
//! What a program for postgres-es changes is the repository:
//!
//! ```text
//! - let repository = PostgresEventRepository::new(pool);
//! + let repository = Repository::new(store, tenant);
//! ```
//!
//! Run it on any Daybook that is migrated, `daybook dev` included, which prints its database's URL:
//!
//! ```sh
//! SQLX_OFFLINE=true DATABASE_URL=postgres://… cargo run -p event-store --example bank_account [TENANT]
//! ```
//!
//! Without a tenant it registers one. Where the installation has a secret of its own for the database roles, it is taken from
//! `DAYBOOK__DATABASE__ROLES_SECRET`.

use std::{
    collections::BTreeSet,
    error::Error,
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use async_trait::async_trait;
use cqrs_es::{
    Aggregate, AggregateError, CqrsFramework, DomainEvent, EventEnvelope, Query,
    event_sink::EventSink,
    persist::{PersistedEventStore, QueryReplay},
};
use event_schemas::{
    Actor, ActorKind, Metadata, Source, StreamId, TenantId, organization::OrganizationRegistered,
};
use event_store::{
    Append, Clock, Connections, Expected, NewEvent, Options, Outcome, Proofs, QueueLimits, Refusal,
    Store, SystemClock, TenantChange, compat::Repository,
};
use serde::{Deserialize, Serialize};

/// What a customer asks for. Amounts are cents.
#[derive(Clone, Debug)]
pub(crate) enum Command {
    Open { holder: String },
    Deposit { cents: i64 },
    Withdraw { cents: i64 },
    WriteCheque { number: String, cents: i64 },
}

/// What happened.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) enum AccountEvent {
    Opened { holder: String },
    Deposited { cents: i64 },
    Withdrawn { cents: i64 },
    ChequeWritten { number: String, cents: i64 },
}

impl AccountEvent {
    fn cents(&self) -> i64 {
        match self {
            Self::Opened { .. } => 0,
            Self::Deposited { cents }
            | Self::Withdrawn { cents }
            | Self::ChequeWritten { cents, .. } => *cents,
        }
    }

    /// What it adds to the balance.
    fn change(&self) -> i64 {
        match self {
            Self::Opened { .. } | Self::Deposited { .. } => self.cents(),
            Self::Withdrawn { .. } | Self::ChequeWritten { .. } => -self.cents(),
        }
    }
}

impl DomainEvent for AccountEvent {
    fn event_type(&self) -> String {
        let name = match self {
            Self::Opened { .. } => "AccountOpened",
            Self::Deposited { .. } => "MoneyDeposited",
            Self::Withdrawn { .. } => "MoneyWithdrawn",
            Self::ChequeWritten { .. } => "ChequeWritten",
        };
        name.to_owned()
    }

    fn event_version(&self) -> String {
        "1.0".to_owned()
    }
}

/// Why the bank says no.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("the account is open already")]
    OpenAlready,
    #[error("there is no such account")]
    NotOpen,
    #[error("an amount is more than nothing")]
    NoAmount,
    #[error("the account holds {balance} cents, which is less than {asked}")]
    Overdraft { balance: i64, asked: i64 },
    #[error("the cheque {0} was written before")]
    ChequeUsed(String),
}

/// The account.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
pub(crate) struct BankAccount {
    pub(crate) holder: Option<String>,
    pub(crate) balance: i64,
    cheques: BTreeSet<String>,
}

impl BankAccount {
    fn decide(&self, command: Command) -> Result<AccountEvent, Refused> {
        let open = self.holder.is_some();
        let event = match command {
            Command::Open { .. } if open => return Err(Refused::OpenAlready),
            Command::Open { holder } => return Ok(AccountEvent::Opened { holder }),
            _ if !open => return Err(Refused::NotOpen),
            Command::WriteCheque { number, .. } if self.cheques.contains(&number) => {
                return Err(Refused::ChequeUsed(number));
            }
            Command::Deposit { cents } => AccountEvent::Deposited { cents },
            Command::Withdraw { cents } => AccountEvent::Withdrawn { cents },
            Command::WriteCheque { number, cents } => AccountEvent::ChequeWritten { number, cents },
        };
        let (balance, asked) = (self.balance, event.cents());
        if asked <= 0 {
            return Err(Refused::NoAmount);
        }
        if balance + event.change() < 0 {
            return Err(Refused::Overdraft { balance, asked });
        }
        Ok(event)
    }
}

impl Aggregate for BankAccount {
    const TYPE: &'static str = "bank-account";
    type Command = Command;
    type Event = AccountEvent;
    type Error = Refused;
    type Services = ();

    async fn handle(
        &mut self,
        command: Command,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), Refused> {
        let event = self.decide(command)?;
        sink.write(event, self).await;
        Ok(())
    }

    fn apply(&mut self, event: AccountEvent) {
        self.balance += event.change();
        match event {
            AccountEvent::Opened { holder } => self.holder = Some(holder),
            AccountEvent::ChequeWritten { number, .. } => {
                self.cheques.insert(number);
            }
            AccountEvent::Deposited { .. } | AccountEvent::Withdrawn { .. } => {}
        }
    }
}

/// A view: the balance of whatever accounts it is told of.
#[derive(Clone, Default)]
pub(crate) struct Balance(pub(crate) Arc<AtomicI64>);

#[async_trait]
impl Query<BankAccount> for Balance {
    async fn dispatch(&self, _account: &str, events: &[EventEnvelope<BankAccount>]) {
        let change = events.iter().map(|event| event.payload.change()).sum();
        self.0.fetch_add(change, Ordering::Relaxed);
    }
}

/// A day of an account, told on `out`; the balance at its end, in cents.
pub(crate) async fn day(
    store: Store,
    tenant: TenantId,
    out: &mut impl Write,
) -> Result<i64, Box<dyn Error>> {
    // With postgres-es: let repository = PostgresEventRepository::new(pool);
    let repository = Repository::new(store, tenant);
    let events = PersistedEventStore::new_event_store(repository.clone());
    let bank = CqrsFramework::<BankAccount, _>::new(events, vec![], ());

    let account = SystemClock.uuid_v7().to_string();
    let holder = "Ada".to_owned();
    bank.execute(&account, Command::Open { holder }).await?;
    bank.execute(&account, Command::Deposit { cents: 100_000 })
        .await?;
    bank.execute(&account, Command::Withdraw { cents: 20_000 })
        .await?;
    let cheque = Command::WriteCheque {
        number: "1137".to_owned(),
        cents: 25_000,
    };
    bank.execute(&account, cheque).await?;
    let overdraft = Command::Withdraw { cents: 60_000 };
    match bank.execute(&account, overdraft).await {
        Err(AggregateError::UserError(refused)) => writeln!(out, "refused: {refused}")?,
        other => return Err(format!("an overdraft was not refused: {other:?}").into()),
    }

    // A view that was not there while it happened sees it all the same.
    let view = Balance::default();
    let mut replay = QueryReplay::new(repository, view.clone());
    replay.use_error_handler(Box::new(|error| {
        tracing::error!(error = &error as &dyn Error, "the replay failed");
    }));
    replay.replay(&account).await?;
    let balance = view.0.load(Ordering::Relaxed);
    writeln!(out, "balance: {balance} cents")?;
    Ok(balance)
}

/// Registers the tenant, unless it is: its first event says so.
pub(crate) async fn register(store: &Store, tenant: TenantId) -> Result<(), Box<dyn Error>> {
    let command_id = SystemClock.uuid_v7();
    let metadata = Metadata {
        command_id,
        correlation_id: command_id,
        causation_id: command_id,
        actor: Actor {
            kind: ActorKind::Operator,
            id: "bank-account-example".to_owned(),
            on_behalf_of: None,
        },
        source: Source::Api,
        traceparent: None,
        legal_basis: None,
        ip_hash: None,
        depth: 0,
    };
    let registered = OrganizationRegistered {
        name: "The bank".to_owned(),
        country: None,
        state: None,
        city: None,
    };
    let event = NewEvent {
        event_id: SystemClock.uuid_v7(),
        event_type: "OrganizationRegistered".into(),
        schema_version: 1,
        payload: serde_json::to_vec(&registered)?,
    };
    let mut append = Append::new(
        tenant,
        StreamId::new("organization", tenant.0),
        Expected::NoStream,
        command_id,
        serde_json::to_vec(&metadata)?,
        vec![event],
    );
    append.change = Some(TenantChange::Register);
    for outcome in store.append(&[append]).await? {
        match outcome? {
            Outcome::Appended(_)
            | Outcome::Duplicate { .. }
            | Outcome::Conflict { .. }
            | Outcome::Refused(Refusal::TenantExists) => {}
            Outcome::Refused(refusal) => return Err(format!("refused: {refusal:?}").into()),
        }
    }
    Ok(())
}

#[tokio::main]
#[expect(
    clippy::disallowed_methods,
    reason = "a program's own settings come from its environment"
)]
async fn main() -> Result<(), Box<dyn Error>> {
    let url =
        std::env::var("DATABASE_URL").map_err(|_| "set DATABASE_URL to Daybook's database")?;
    let options = Options {
        url: url.into(),
        secret: std::env::var("DAYBOOK__DATABASE__ROLES_SECRET")
            .ok()
            .map(Into::into),
        connections: Connections::default(),
        lanes: 1,
        queue: QueueLimits::default(),
        proofs: Proofs::default(),
        session: Vec::new(),
    };
    let tenant = match std::env::args().nth(1) {
        Some(id) => id.parse()?,
        None => SystemClock.uuid_v7(),
    };
    let store = Store::connect(&options).await?;
    register(&store, TenantId(tenant)).await?;
    day(store.clone(), TenantId(tenant), &mut std::io::stdout()).await?;
    store.close().await;
    Ok(())
}
