//! B2: appended events per second at saturation, beside a bare `INSERT … SELECT unnest` of the same rows into the same
//! tables and indexes.

use anyhow::{Result, bail};
use daybook::seed::random::Random;
use event_schemas::{StreamId, TenantId};
use event_store::{Append, Outcome, Store};
use uuid::Uuid;

use crate::{
    append::NewAppend,
    bare::Bare,
    measure::{Caller, Load, Meter, closed},
    run::{Bound, Run, Session, Subject},
    server::{Server, StoreOptions},
    workload::{self, Population, TENANTS},
};

const NAME: &str = "B2";
const UNIT: &str = "events/s";
/// Through the lanes, from enough callers to fill every batch.
const SUBMIT: &str = "daybook, lanes";
/// One caller, one batch per call.
const DIRECT: &str = "daybook, direct";
const BARE: &str = "bare insert";
/// The payload's size in bytes.
const PAYLOAD: usize = 256;

/// A size of batches, and whether their commands carry idempotency keys.
const CASES: [(usize, bool); 4] = [(16, false), (128, false), (512, false), (512, true)];

pub(crate) async fn run(session: &mut Session, server: &Server) -> Result<()> {
    for (batch, remembered) in CASES {
        let case = format!(
            "batches of {batch}{}",
            if remembered {
                ", with idempotency keys"
            } else {
                ""
            }
        );
        for round in 1..=session.rounds() {
            for side in [SUBMIT, DIRECT, BARE] {
                let load = measure(session, server, side, batch, remembered, round).await?;
                session.record(Run::load(NAME, &case, side, round, &load, UNIT));
            }
        }
        if batch == 512 {
            for side in [SUBMIT, DIRECT] {
                session.compare(
                    NAME,
                    Subject::new(&case, side),
                    Subject::new(&case, BARE),
                    Bound::AtLeast,
                    0.8,
                );
            }
        }
    }
    Ok(())
}

async fn measure(
    session: &Session,
    server: &Server,
    side: &str,
    batch: usize,
    remembered: bool,
    round: u32,
) -> Result<Load> {
    let database = server.fresh().await?;
    let (window, meter) = (session.window(), Meter::here(server.pid()));
    let population = Population::new(TENANTS);
    let streams = |number: usize| {
        let seed = u64::from(round) * 1_000_000 + u64::try_from(number).unwrap_or(0);
        Streams::new(seed, &population, remembered)
    };
    let load = if side == BARE {
        let bare = Bare::start(&database.url, streams(0), batch).await?;
        closed([bare], window, meter).await?
    } else if side == DIRECT {
        let store = database.store(&StoreOptions::default()).await?;
        let caller = Direct {
            store: store.clone(),
            streams: streams(0),
            batch,
        };
        let load = closed([caller], window, meter).await?;
        store.close().await;
        load
    } else {
        let options = StoreOptions { batch: Some(batch) };
        let running = database.running(&options).await?;
        // While one batch is on its way, the next is complete.
        let callers = (0..batch * 3).map(|number| Submitter {
            store: running.store.clone(),
            streams: streams(number),
        });
        let load = closed(callers, window, meter).await?;
        running.stop().await?;
        load
    };
    server.discard(database).await?;
    Ok(load)
}

/// An endless sequence of events: stream after stream of 2 to 8, one after the other.
pub(crate) struct Streams {
    random: Random,
    population: Population,
    remembered: bool,
    payload: Vec<u8>,
    tenant: TenantId,
    stream: StreamId,
    version: i32,
    last: i32,
}

impl Streams {
    pub(crate) fn new(seed: u64, population: &Population, remembered: bool) -> Self {
        Self {
            random: Random::new(seed),
            population: population.clone(),
            remembered,
            payload: format!(r#"{{"note":"{}"}}"#, "x".repeat(PAYLOAD - 11)).into_bytes(),
            tenant: TenantId(Uuid::nil()),
            stream: StreamId(String::new()),
            version: 0,
            last: 0,
        }
    }

    pub(crate) fn next(&mut self) -> NewAppend {
        if self.version == self.last {
            self.tenant = self.population.draw(&mut self.random);
            // No projection reads them.
            self.stream = StreamId::new("bench", workload::uuid(&mut self.random));
            self.version = 0;
            self.last = i32::try_from(self.random.between(2, 8)).unwrap_or(2);
        }
        self.version += 1;
        NewAppend {
            tenant: self.tenant,
            stream: self.stream.clone(),
            version: self.version,
            command_id: workload::uuid(&mut self.random),
            event_id: workload::uuid(&mut self.random),
            event_type: "BenchmarkNoted",
            payload: self.payload.clone(),
            remembered: self.remembered,
        }
    }
}

/// A caller behind the lanes.
pub(crate) struct Submitter {
    pub(crate) store: Store,
    pub(crate) streams: Streams,
}

impl Caller for Submitter {
    async fn turn(&mut self) -> Result<u64> {
        match self.store.submit(self.streams.next().build()?).await? {
            Outcome::Appended(_) => Ok(1),
            other => bail!("an append was answered {other:?}"),
        }
    }
}

/// A caller past the lanes, a batch at a time.
struct Direct {
    store: Store,
    streams: Streams,
    batch: usize,
}

impl Caller for Direct {
    async fn turn(&mut self) -> Result<u64> {
        let batch = (0..self.batch)
            .map(|_| self.streams.next().build())
            .collect::<Result<Vec<Append>, _>>()?;
        for outcome in self.store.append(&batch).await? {
            let outcome = outcome?;
            if !matches!(outcome, Outcome::Appended(_)) {
                bail!("an append was answered {outcome:?}");
            }
        }
        Ok(u64::try_from(batch.len())?)
    }
}
