//! The server process: a started store that appends what its standard input says, many lines at once.

use std::sync::Arc;

use event_schemas::{StreamId, TenantId};
use event_store::{Proofs, Store, Want};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    sync::Mutex,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    harness,
    op::{Answer, Op},
};

/// A line to a worker: operations to be done in one go.
#[derive(Serialize, Deserialize)]
pub struct Ask {
    pub id: u64,
    pub ops: Vec<Op>,
    /// Past the lanes, as one batch.
    pub direct: bool,
}

/// A line from it.
#[derive(Serialize, Deserialize)]
pub struct Reply {
    pub id: u64,
    pub answers: Vec<Answer>,
}

/// Works until the standard input ends.
pub async fn serve(url: &str, proofs: &str) {
    let mut options = harness::options_for(url);
    options.proofs = match proofs {
        "Offsets" => Proofs::Offsets,
        "Full" => Proofs::Full,
        "Checked" => Proofs::Checked,
        other => panic!("no such proofs: {other}"),
    };
    let store = Store::connect(&options).await.unwrap();
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    store.start(&tasks, &stop);
    let out = Arc::new(Mutex::new(tokio::io::stdout()));
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        let ask: Ask = serde_json::from_str(&line).unwrap();
        let (store, out) = (store.clone(), out.clone());
        tasks.spawn(async move {
            let reply = Reply {
                id: ask.id,
                answers: execute(&store, &ask).await,
            };
            let mut line = serde_json::to_vec(&reply).unwrap();
            line.push(b'\n');
            let mut out = out.lock().await;
            out.write_all(&line).await.unwrap();
            out.flush().await.unwrap();
        });
    }
    stop.cancel();
    tasks.close();
    tasks.wait().await;
}

async fn execute(store: &Store, ask: &Ask) -> Vec<Answer> {
    let mut appends = Vec::new();
    for op in &ask.ops {
        let mut fact = None;
        if op.load {
            let want = Want {
                tenant: TenantId(op.tenant),
                stream: StreamId(op.parts[0].stream.clone()),
                snapshot: None,
            };
            // The versions are the generator's own, as a caller's would be: seen, or wrong and never seen.
            let found = store.load_grouped(vec![want], Vec::new()).await;
            fact = found.ok().and_then(|found| {
                // A caller only ever expects what it has read.
                let read = found.streams[0].version() >= op.parts[0].expected;
                found
                    .facts
                    .get(&TenantId(op.tenant))
                    .copied()
                    .filter(|_| read)
            });
        }
        appends.push(op.append(fact));
    }
    if ask.direct {
        return match store.append(&appends).await {
            Ok(results) => results.into_iter().map(Answer::from).collect(),
            Err(error) => ask
                .ops
                .iter()
                .map(|_| Answer::Failed(error.to_string()))
                .collect(),
        };
    }
    let submitted = appends.into_iter().map(|append| store.submit(append));
    let results = futures::future::join_all(submitted).await;
    results.into_iter().map(Answer::from).collect()
}
