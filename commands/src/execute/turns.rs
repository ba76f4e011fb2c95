//! Turns: how many commands of one tenant are decided and appended side by side. A tenant that is alone may have as many as it
//! likes; beside others it has a few, or its share of all. What it wants beyond that waits in line and costs nothing
//! meanwhile, so that the others' commands never queue behind it for the processor or a flush. Bounded like the log's own
//! queue; it never reorders a tenant's commands.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use event_schemas::TenantId;
use event_store::QueueLimits;
use gateway::Problem;
use metrics::counter;
use tokio::sync::oneshot;

/// Commands that a tenant may have under way beside others, however few those are.
const FEW: usize = 16;
/// The part of all commands under way that may be one tenant's, once it is more than a few.
const SHARE: usize = 5;
/// For how long after another tenant's command a tenant counts as not alone.
const SHARED: Duration = Duration::from_secs(1);

/// Whose turn it is, tenant by tenant. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Turns(Arc<Inner>);

struct Inner {
    limits: QueueLimits,
    lines: Mutex<Lines>,
}

#[derive(Default)]
struct Lines {
    tenants: HashMap<TenantId, Line>,
    under_way: usize,
    waiting: Size,
    /// Whose the last command was, and when it was last another one's than the one before.
    last: Option<TenantId>,
    changed: Option<Instant>,
}

type Waiting = (Size, oneshot::Sender<Turn>);

#[derive(Default)]
struct Line {
    under_way: usize,
    waiting: Size,
    callers: VecDeque<Waiting>,
}

/// Of a call: its commands, and the bytes that they hold while they wait.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Size {
    pub(super) commands: usize,
    pub(super) bytes: usize,
}

/// A call's turn, until it is dropped.
pub(super) struct Turn {
    /// None when it was given back already.
    turns: Option<Turns>,
    tenant: TenantId,
    commands: usize,
}

impl Turns {
    pub(crate) fn new(limits: QueueLimits) -> Self {
        let lines = Mutex::default();
        Self(Arc::new(Inner { limits, lines }))
    }

    /// Waits for the turn of a call. Refuses it with 503 if too much is waiting already, of this tenant or of all.
    pub(super) async fn take(&self, tenant: TenantId, size: Size) -> Result<Turn, Problem> {
        let turn = {
            let mut lines = self.lock();
            lines.came(tenant, Instant::now());
            let most = lines.most(Instant::now());
            if lines.start(tenant, size, most) {
                return Ok(self.turn(tenant, size));
            }
            if !lines.has_room(&self.0.limits, tenant, size) {
                counter!("commands_refused_total").increment(1);
                return Err(Problem::overloaded(1));
            }
            counter!("commands_held_back_total").increment(size.commands as u64);
            lines.wait(tenant, size)
        };
        turn.await
            .map_err(|_| Problem::internal_because("a command's turn never came"))
    }

    fn turn(&self, tenant: TenantId, size: Size) -> Turn {
        Turn {
            turns: Some(self.clone()),
            tenant,
            commands: size.commands,
        }
    }

    /// Ends a turn, and gives what is free to those of the tenant who waited longest.
    fn end(&self, tenant: TenantId, commands: usize) {
        let mut lines = self.lock();
        lines.ended(tenant, commands);
        let most = lines.most(Instant::now());
        while let Some((size, caller)) = lines.next(tenant, most) {
            if let Err(mut turn) = caller.send(self.turn(tenant, size)) {
                // Its caller went away.
                turn.turns = None;
                lines.ended(tenant, size.commands);
            }
        }
        lines.forget(tenant);
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.0.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lines {
    /// A command of the tenant came in.
    fn came(&mut self, tenant: TenantId, now: Instant) {
        if self.last != Some(tenant) && self.last.replace(tenant).is_some() {
            self.changed = Some(now);
        }
    }

    /// How many commands one tenant may have under way.
    fn most(&self, now: Instant) -> usize {
        let alone = self
            .changed
            .is_none_or(|changed| now.duration_since(changed) >= SHARED);
        if alone {
            usize::MAX
        } else {
            (self.under_way / SHARE).max(FEW)
        }
    }

    /// Starts a call at once, unless others of its tenant wait already or it would be too many. A call too large for any
    /// turn goes when its tenant has nothing else under way.
    fn start(&mut self, tenant: TenantId, size: Size, most: usize) -> bool {
        let line = self.tenants.entry(tenant).or_default();
        let starts = line.callers.is_empty() && line.takes(size, most);
        if starts {
            line.under_way += size.commands;
            self.under_way += size.commands;
        }
        starts
    }

    fn ended(&mut self, tenant: TenantId, commands: usize) {
        if let Some(line) = self.tenants.get_mut(&tenant) {
            line.under_way -= commands;
            self.under_way -= commands;
        }
    }

    /// Starts the call of the tenant that waited longest, if it may.
    fn next(&mut self, tenant: TenantId, most: usize) -> Option<Waiting> {
        let line = self.tenants.get_mut(&tenant)?;
        let (size, _) = line.callers.front()?;
        if !line.takes(*size, most) {
            return None;
        }
        let (size, caller) = line.callers.pop_front()?;
        line.under_way += size.commands;
        self.under_way += size.commands;
        for sum in [&mut line.waiting, &mut self.waiting] {
            sum.commands -= size.commands;
            sum.bytes -= size.bytes;
        }
        Some((size, caller))
    }

    fn forget(&mut self, tenant: TenantId) {
        let idle = |line: &Line| line.under_way == 0 && line.callers.is_empty();
        if self.tenants.get(&tenant).is_some_and(idle) {
            self.tenants.remove(&tenant);
        }
    }

    fn has_room(&self, limits: &QueueLimits, tenant: TenantId, size: Size) -> bool {
        let share = |all: usize| all * limits.tenant_percent.clamp(1, 100) / 100;
        let fits = |waiting: Size, most: Size| {
            waiting.commands == 0
                || (waiting.commands + size.commands <= most.commands
                    && waiting.bytes + size.bytes <= most.bytes)
        };
        let (all, own) = (
            Size {
                commands: limits.commands,
                bytes: limits.bytes,
            },
            Size {
                commands: share(limits.commands),
                bytes: share(limits.bytes),
            },
        );
        let mine = self
            .tenants
            .get(&tenant)
            .map_or(Size::default(), |line| line.waiting);
        fits(self.waiting, all) && fits(mine, own)
    }

    fn wait(&mut self, tenant: TenantId, size: Size) -> oneshot::Receiver<Turn> {
        let line = self.tenants.entry(tenant).or_default();
        for sum in [&mut line.waiting, &mut self.waiting] {
            sum.commands += size.commands;
            sum.bytes += size.bytes;
        }
        let (caller, turn) = oneshot::channel();
        line.callers.push_back((size, caller));
        turn
    }
}

impl Line {
    fn takes(&self, size: Size, most: usize) -> bool {
        self.under_way == 0 || self.under_way + size.commands <= most
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(turns) = self.turns.take() {
            turns.end(self.tenant, self.commands);
        }
    }
}

#[cfg(test)]
mod tests;
