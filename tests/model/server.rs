//! A worker process from the outside: asked over its pipes, killed at will.

use std::{collections::HashMap, process::Stdio, sync::Arc};

use event_store::Proofs;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, Command},
    sync::{Mutex, oneshot},
};

use crate::{
    op::{Answer, Op},
    worker::{Ask, Reply},
};

type Waiting = Arc<std::sync::Mutex<HashMap<u64, oneshot::Sender<Vec<Answer>>>>>;

pub struct Server {
    child: Child,
    input: Arc<Mutex<ChildStdin>>,
    waiting: Waiting,
    next: std::sync::atomic::AtomicU64,
}

impl Server {
    pub fn start(url: &str, proofs: Proofs) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["worker", url, &format!("{proofs:?}")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let input = Arc::new(Mutex::new(child.stdin.take().unwrap()));
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let waiting = Waiting::default();
        let answered = waiting.clone();
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let reply: Reply = serde_json::from_str(&line).unwrap();
                if let Some(ticket) = answered.lock().unwrap().remove(&reply.id) {
                    drop(ticket.send(reply.answers));
                }
            }
            // Whoever still waits learns that nobody will answer.
            answered.lock().unwrap().clear();
        });
        Self {
            child,
            input,
            waiting,
            next: 1.into(),
        }
    }

    /// The answers; every one failed if the process died first.
    pub fn ask(&self, ops: Vec<Op>, direct: bool) -> impl Future<Output = Vec<Answer>> + use<> {
        let id = self.next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let (ticket, answer) = oneshot::channel();
        self.waiting.lock().unwrap().insert(id, ticket);
        let count = ops.len();
        let mut line = serde_json::to_vec(&Ask { id, ops, direct }).unwrap();
        line.push(b'\n');
        let (input, waiting) = (self.input.clone(), self.waiting.clone());
        async move {
            if input.lock().await.write_all(&line).await.is_err() {
                waiting.lock().unwrap().remove(&id);
            }
            let gone = || vec![Answer::Failed("the process died".to_owned()); count];
            answer.await.unwrap_or_else(|_| gone())
        }
    }

    pub async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// Lets it finish what it has, and sees that it ends well.
    pub async fn end(self) {
        drop(self.input);
        let Self { mut child, .. } = self;
        assert!(child.wait().await.unwrap().success(), "a worker failed");
    }
}
