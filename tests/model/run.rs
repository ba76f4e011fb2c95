//! One run: rounds of one operation whose answer must be the model's, and rounds of many at once whose effects must be those
//! of some order, which the log's own offsets tell.

use std::time::Duration;

use event_store::Proofs;
use sqlx::PgConnection;

use crate::{
    check,
    generate::Generator,
    harness,
    op::{Answer, Op},
    server::Server,
    truth::Truth,
};

/// Rounds of a run.
const ROUNDS: usize = 500;
/// Operations in a round of many.
const MANY: i64 = 40;

struct Run {
    url: String,
    proofs: [Proofs; 2],
    servers: [Server; 2],
    admin: PgConnection,
    truth: Truth,
    generator: Generator,
    done: usize,
    accepted: usize,
    unknown: usize,
    kills: usize,
}

/// Runs, and says what happened.
pub async fn run(seed: i64, proofs: [Proofs; 2]) -> String {
    let database = harness::database().await;
    let mut run = Run {
        servers: proofs.map(|proofs| Server::start(&database.url, proofs)),
        admin: database.admin().await,
        url: database.url.clone(),
        proofs,
        truth: Truth::default(),
        generator: Generator::new(seed),
        done: 0,
        accepted: 0,
        unknown: 0,
        kills: 0,
    };
    for round in 0..ROUNDS {
        match run.generator.random().between(1, 100) {
            1..=80 => run.one(round).await,
            81..=92 => run.many(round, false).await,
            _ => run.many(round, true).await,
        }
    }
    let faults = check::faults(&mut run.admin).await;
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    for server in run.servers {
        server.end().await;
    }
    assert!(run.accepted > 500, "too little happened: {}", run.accepted);
    format!(
        "{} operations, {} accepted, {} without an answer, {} kills",
        run.done, run.accepted, run.unknown, run.kills
    )
}

impl Run {
    fn server(&mut self) -> usize {
        usize::from(self.generator.random().chance(50))
    }

    /// One operation, its answer foretold.
    async fn one(&mut self, round: usize) {
        let op = self.generator.next(&self.truth);
        let (server, direct) = (self.server(), self.generator.random().chance(40));
        let foretold = self.truth.answer(&op);
        let answer = self.servers[server]
            .ask(vec![op.clone()], direct)
            .await
            .remove(0);
        // A repetition whose connection turned out to be lost was looked up, and found with its first numbers, whatever else
        // would keep it from being appended now.
        let place = self.truth.place(op.tenant, op.first_event());
        let looked_up = matches!(&answer, Answer::Appended { position, offset, .. } if place == Some((*position, *offset)));
        assert!(
            answer == foretold || looked_up,
            "round {round}, server {server}: {answer:?} where {foretold:?} is right: {op:#?}"
        );
        self.done += 1;
        if matches!(answer, Answer::Appended { .. }) && !looked_up {
            self.accepted += 1;
            self.truth.apply(&op);
        }
    }

    /// Many at once, with trouble in between if so wanted.
    async fn many(&mut self, round: usize, trouble: bool) {
        let count = self.generator.random().between(2, MANY);
        let ops: Vec<Op> = (0..count)
            .map(|_| self.generator.next(&self.truth))
            .collect();
        let mut asks = Vec::new();
        let mut rest = ops.clone();
        while !rest.is_empty() {
            let most = i64::try_from(rest.len()).unwrap().min(6);
            let size = usize::try_from(self.generator.random().between(1, most)).unwrap();
            let part: Vec<Op> = rest.drain(..size).collect();
            // An event must not stand in a direct batch twice.
            let mut ids: Vec<_> = part.iter().map(Op::first_event).collect();
            ids.sort_unstable();
            ids.dedup();
            let direct = ids.len() == part.len() && self.generator.random().chance(30);
            let server = self.server();
            asks.push(tokio::spawn(self.servers[server].ask(part, direct)));
        }
        if trouble {
            let pause = self.generator.random().between(0, 15);
            tokio::time::sleep(Duration::from_millis(pause.unsigned_abs())).await;
            self.trouble().await;
        }
        let mut answers = Vec::new();
        for ask in asks {
            answers.extend(ask.await.unwrap());
        }
        self.settle(round, &ops, &answers).await;
    }

    /// Ends the sessions of the appends; before that it may kill a whole process, whose last statement must not come late.
    async fn trouble(&mut self) {
        self.kills += 1;
        let victim = self.server();
        let kills = self.generator.random().chance(40);
        if kills {
            self.servers[victim].kill().await;
        }
        sqlx::query("select pg_terminate_backend(pid, 10000) from pg_stat_activity where usename = 'daybook_append' and datname = current_database()")
            .execute(&mut self.admin)
            .await
            .unwrap();
        if kills {
            self.servers[victim] = Server::start(&self.url, self.proofs[victim]);
        }
    }

    /// Finds the order of what was appended and holds it, and every answer, against the model.
    async fn settle(&mut self, round: usize, ops: &[Op], answers: &[Answer]) {
        let events = check::events(&mut self.admin).await;
        let places = check::places(&events);
        let known = |op: &Op| places.get(&op.first_event()).copied();
        let before: Vec<i32> = ops.iter().map(|op| self.version(op)).collect();
        let already: Vec<bool> = ops
            .iter()
            .map(|op| matches!(self.truth.answer(op), Answer::Duplicate { .. }) || self.applied(op))
            .collect();
        let mut appended: Vec<usize> = (0..ops.len())
            .filter(|n| !already[*n] && known(&ops[*n]).is_some())
            .collect();
        appended.sort_by_key(|n| known(&ops[*n]));
        // The same operation twice in a round stands in the log once.
        appended.dedup_by_key(|n| ops[*n].first_event());
        for n in &appended {
            let foretold = self.truth.answer(&ops[*n]);
            let Answer::Appended {
                position,
                offset,
                versions,
            } = &foretold
            else {
                panic!(
                    "round {round}: this is in the log, but was {foretold:?}: {:#?}",
                    ops[*n]
                );
            };
            assert_eq!(
                known(&ops[*n]).map(|place| place.1),
                Some(*offset),
                "round {round}"
            );
            // Whoever was told that it was appended was told these numbers.
            for (op, answer) in ops.iter().zip(answers) {
                if let Answer::Appended {
                    position: p,
                    offset: o,
                    versions: v,
                } = answer
                    && op.first_event() == ops[*n].first_event()
                {
                    assert_eq!(
                        (p, o, v),
                        (position, offset, versions),
                        "round {round}: {op:#?}"
                    );
                }
            }
            self.truth.apply(&ops[*n]);
            self.accepted += 1;
        }
        for (n, (op, answer)) in ops.iter().zip(answers).enumerate() {
            self.done += 1;
            let there = known(op).is_some();
            match answer {
                // One that lost its connection is looked up: a repetition is found then, with its first numbers.
                Answer::Appended { offset, .. } => {
                    let place = known(op).map(|place| place.1);
                    assert_eq!(place, Some(*offset), "round {round}: lost: {op:#?}");
                }
                Answer::Duplicate { .. } => {
                    assert!(there, "round {round}: a duplicate of nothing: {op:#?}");
                }
                Answer::Conflict { version, stream } => {
                    let part = &op.parts[*stream];
                    let misfit = match part.expected {
                        -2 => *version == 0,
                        n => n >= 0 && (n != *version || part.after.is_some()),
                    };
                    let after = self.truth.version(op.tenant, &part.stream);
                    let was = *stream > 0 || (before[n]..=after).contains(version);
                    assert!(misfit && was, "round {round}: {answer:?}: {op:#?}");
                }
                Answer::Refused(_) => {}
                Answer::Failed(_) => self.unknown += 1,
            }
        }
    }

    fn version(&self, op: &Op) -> i32 {
        self.truth.version(op.tenant, &op.parts[0].stream)
    }

    fn applied(&self, op: &Op) -> bool {
        self.truth.place(op.tenant, op.first_event()).is_some()
    }
}
