//! Where a process can be killed, and the way there: the test holds a lock that the process needs just then, sees one of its
//! backends wait for it, and kills. Knows nothing of what must be true afterwards.

use event_schemas::TenantId;
use tokio::process::Child;

use super::{
    hold::{Hold, Point},
    world::World,
};
use crate::{postgres::End, writers::random::Random};

/// Who does the work.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Hand {
    /// `daybook projections rebuild`.
    Command,
    /// A server, with a build that was left behind by a command that was killed.
    Server,
}

/// What is going on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum At {
    /// A new build's rows are being written.
    Rebuild(Hand),
    /// A new build takes over: the one that serves stands still, and who serves is about to change.
    Swap(Hand),
    /// `daybook projections rebuild --tenant` has put new rows in the place of a tenant's old ones, and has not said so.
    OneTenant,
    /// `daybook projections verify` reads, with a build of its own beside.
    Check,
    /// The rows of a batch are written, and the checkpoint is not.
    Batch,
    /// Policies' commands are being executed, and PostgreSQL goes on with those that it has.
    Answering,
    /// The same, and none of them arrives.
    Unanswered,
    /// Policies' commands are in the log, and still in the outbox.
    Answered,
}

impl At {
    /// Whether somebody else may come first.
    pub fn is_by_chance(self) -> bool {
        self == Self::Swap(Hand::Command)
    }

    /// Whether a command does the work, and not the server.
    fn is_of_command(self) -> bool {
        matches!(
            self,
            Self::Rebuild(Hand::Command)
                | Self::Swap(Hand::Command)
                | Self::OneTenant
                | Self::Check
        )
    }
}

pub const EVERYWHERE: [At; 10] = [
    At::Rebuild(Hand::Command),
    At::Rebuild(Hand::Server),
    At::Swap(Hand::Command),
    At::Swap(Hand::Server),
    At::OneTenant,
    At::Check,
    At::Batch,
    At::Answering,
    At::Unanswered,
    At::Answered,
];

/// Projections that hear of every order, and a table that each batch of theirs touches.
const BUSY: [(&str, &str); 6] = [
    ("audit", "audit"),
    ("order", "order_summary"),
    ("metric", "metric"),
    ("goal", "goal"),
    ("progress", "progress_goal"),
    ("revenue", "revenue_metric"),
];

/// One kill.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    at: At,
    /// Whether PostgreSQL is killed in the place of the process.
    database: bool,
}

/// What was hit: where, and whether it was PostgreSQL.
pub type Hit = (At, bool);

/// Faults in an order by chance, each kind in its turn.
pub struct Plan(Vec<Fault>);

impl Plan {
    pub fn new() -> Self {
        Self(Vec::new())
    }

    pub fn next(&mut self, random: &mut Random) -> Fault {
        if self.0.is_empty() {
            self.0 = EVERYWHERE
                .map(|at| Fault {
                    at,
                    database: false,
                })
                .to_vec();
            self.0.push(Fault {
                at: EVERYWHERE[one_of(random, EVERYWHERE.len())],
                database: true,
            });
        }
        self.0.swap_remove(one_of(random, self.0.len()))
    }
}

/// A place in a list, by chance.
pub fn one_of(random: &mut Random, length: usize) -> usize {
    usize::try_from(random.below(u64::try_from(length).unwrap())).unwrap()
}

impl World {
    /// Brings somebody to the point, kills, and starts again what has ended.
    pub async fn strike(&mut self, fault: Fault, random: &mut Random) -> Hit {
        let (mut hold, mut command) = (Hold::begin(&self.postgres).await, None);
        let (projection, table) = BUSY[one_of(random, BUSY.len())];
        // What was tried, should nobody come there.
        eprintln!("       {:?}, in {projection} if in one", fault.at);
        let hit = match fault.at {
            At::Rebuild(hand) => {
                self.in_a_rebuild(&mut hold, &mut command, (projection, table), hand)
                    .await;
                fault.at
            }
            At::Swap(hand) => At::Swap(
                self.in_a_swap(&mut hold, &mut command, projection, hand)
                    .await,
            ),
            At::OneTenant => {
                let tenant = self.tenants[one_of(random, self.tenants.len())];
                self.of_one_tenant(&mut hold, &mut command, projection, tenant)
                    .await;
                fault.at
            }
            At::Check => {
                self.in_a_check(&mut hold, &mut command, (projection, table))
                    .await;
                fault.at
            }
            At::Batch => {
                self.in_a_batch(&mut hold).await;
                fault.at
            }
            At::Answering | At::Unanswered => {
                answering(&mut hold).await;
                fault.at
            }
            At::Answered => {
                self.answered(&mut hold).await;
                fault.at
            }
        };
        let by_command = hit.is_of_command();
        if fault.database {
            self.postgres.end(End::Killed).await;
            self.postgres.start_again().await;
        } else if !by_command {
            self.server.kill().await;
        }
        // Whoever was killed is gone; its backend learns that once it has done what it stood at.
        if let Some(mut command) = command {
            command.kill().await.unwrap();
        }
        if fault.at == At::Unanswered && !fault.database {
            hold.lose().await;
        }
        hold.release().await;
        if !fault.database && !by_command {
            self.start_again().await;
        }
        (hit, fault.database)
    }

    /// A batch of a new build stands at its first statement. The build cannot take over meanwhile.
    async fn in_a_rebuild(
        &self,
        hold: &mut Hold,
        command: &mut Option<Child>,
        (projection, table): (&str, &str),
        hand: Hand,
    ) {
        hold.run(&format!(
            "select from projection.live where projection = '{projection}' for update"
        ))
        .await;
        *command = Some(self.rebuild(projection));
        let schema = new_build(hold, projection).await;
        let process = self.left_to(hand, command).await;
        let point = Point {
            table: format!("{schema}.{table}"),
            statement: "%",
        };
        loop {
            hold.lock(&point.table, "access exclusive").await;
            if hold.stands(&point, &[process]).await.is_some() {
                return;
            }
            hold.let_go().await;
        }
    }

    /// A new build stands at the statement that lets it serve: who was to do that, or the other one.
    async fn in_a_swap(
        &self,
        hold: &mut Hold,
        command: &mut Option<Child>,
        projection: &str,
        hand: Hand,
    ) -> Hand {
        let point = Point {
            table: "projection.live".to_owned(),
            statement: "%with switched as%",
        };
        loop {
            hold.lock(&point.table, "share").await;
            *command = Some(self.rebuild(projection));
            new_build(hold, projection).await;
            let process = self.left_to(hand, command).await;
            let server = self.server.pid();
            match hold.stands(&point, &[process, server]).await {
                Some(process) if process == server => return Hand::Server,
                Some(_) => return Hand::Command,
                None => {}
            }
            if let Some(command) = command {
                command.kill().await.unwrap();
            }
            hold.let_go().await;
        }
    }

    /// The command stands at its last statement.
    async fn of_one_tenant(
        &self,
        hold: &mut Hold,
        command: &mut Option<Child>,
        projection: &str,
        tenant: TenantId,
    ) {
        let point = Point {
            table: "projection.parked".to_owned(),
            statement: "with parked as%delete from projection.parked%",
        };
        hold.lock(&point.table, "share").await;
        let started = command.insert(self.rebuild_tenant(projection, tenant));
        let process = started.id().expect("it runs");
        while hold.stands(&point, &[process]).await.is_none() {
            hold.go_on().await;
        }
    }

    /// The command has made a build, and stands where it reads the one that serves.
    async fn in_a_check(
        &self,
        hold: &mut Hold,
        command: &mut Option<Child>,
        (projection, table): (&str, &str),
    ) {
        hold.run(&format!(
            "select from projection.live where projection = '{projection}' for update"
        ))
        .await;
        let schema: String = hold
            .ask(
                "select schema_name from projection.serving where projection = $1",
                projection,
            )
            .await;
        let point = Point {
            table: format!("{schema}.{table}"),
            statement: "%",
        };
        hold.lock(&point.table, "access exclusive").await;
        let started = command.insert(self.verifying(projection));
        let process = started.id().expect("it runs");
        while hold.stands(&point, &[process]).await.is_none() {
            hold.go_on().await;
        }
    }

    async fn in_a_batch(&self, hold: &mut Hold) {
        let point = Point {
            table: "projection.checkpoint".to_owned(),
            statement: "update projection.checkpoint c%set next_offset = e.next_offset%",
        };
        loop {
            hold.lock(&point.table, "share").await;
            if hold.stands(&point, &[self.server.pid()]).await.is_some() {
                return;
            }
            hold.let_go().await;
        }
    }

    async fn answered(&self, hold: &mut Hold) {
        let point = Point {
            table: "policy.outbox".to_owned(),
            statement: "delete from policy.outbox o using%",
        };
        loop {
            hold.lock(&point.table, "share").await;
            let waiting = "select exists (select from policy.outbox where refused_at is null and policy <> $1)";
            if hold.ask(waiting, "").await
                && hold.stands(&point, &[self.server.pid()]).await.is_some()
            {
                return;
            }
            hold.let_go().await;
        }
    }

    /// The process that has the work to do: with the command gone, the server finds the build and goes on with it.
    async fn left_to(&self, hand: Hand, command: &mut Option<Child>) -> u32 {
        let running = command.as_mut().expect("it was started");
        if hand == Hand::Server {
            running.kill().await.unwrap();
            return self.server.pid();
        }
        running.id().expect("it cannot have ended")
    }
}

/// The schema of a projection's build that is on its way, once there is one.
async fn new_build(hold: &mut Hold, projection: &str) -> String {
    let there = "select exists (select from projection.build b join projection.live l on l.projection = b.projection
                 where b.projection = $1 and b.purpose = 'serve' and b.build > l.build)";
    while !hold.soon(there, projection).await {
        hold.go_on().await;
    }
    let newest =
        "select schema_name from projection.build where projection = $1 and purpose = 'serve'
                  order by build desc limit 1";
    hold.ask(newest, projection).await
}

/// Nothing can be appended, while somebody has the turn of a partition and waits for what it has sent.
async fn answering(hold: &mut Hold) {
    let waits = "select exists (select from pg_locks l join pg_stat_activity a on a.pid = l.pid
                                where l.locktype = 'advisory' and l.granted and l.classid = $1::oid
                                  and a.state = 'idle in transaction')
                    and exists (select from pg_stat_activity a join pg_locks l on l.pid = a.pid
                                where not l.granted and l.relation = 'log.event'::regclass
                                  and a.application_name = 'daybook_append')";
    // What `projections::policy` takes a partition's turn with.
    let turn = 0x706f_6c69.to_string();
    loop {
        hold.lock("log.event", "share").await;
        if hold.soon(waits, &turn).await {
            return;
        }
        hold.let_go().await;
    }
}
