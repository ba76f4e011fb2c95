//! What a policy wants done about events. Owns the ids of commands, which follow from the events that cause them; writes nothing.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use event_schemas::{RecordedEvent, envelope::Actor};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::MAX_DEPTH;

/// A command that a policy wants executed.
#[derive(Clone, PartialEq, Debug)]
pub struct Wanted {
    /// Which, such as `metric.observe`.
    pub command: &'static str,
    /// The aggregate's id.
    pub id: Uuid,
    /// The object of its fields.
    pub data: Value,
}

/// A wanted command and where it comes from.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Effect {
    pub(crate) wanted: Wanted,
    /// Its number among those that the event causes, from 0.
    pub(crate) number: u32,
    pub(crate) cause: Cause,
}

/// What of an event goes into what it causes.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Cause {
    pub(crate) tenant: Uuid,
    pub(crate) partition: u16,
    pub(crate) offset: i64,
    pub(crate) position: i64,
    pub(crate) event_id: Uuid,
    pub(crate) correlation_id: Uuid,
    /// Who was behind it.
    pub(crate) on_behalf_of: Option<String>,
    pub(crate) traceparent: Option<String>,
    /// How many policies led to what it causes.
    pub(crate) depth: u8,
    /// When it happened, if it was told later.
    pub(crate) dated_at: Option<DateTime<Utc>>,
}

/// A timer that is set, or none where it is cancelled.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Timer {
    pub(crate) due_at: DateTime<Utc>,
    pub(crate) effect: Effect,
}

/// A partition and an offset.
type Place = (u16, i64);

/// Everything that a policy wants done about some events.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Effects {
    pub(crate) commands: Vec<Effect>,
    /// By tenant and key, with the place of the event that changed them last.
    pub(crate) timers: BTreeMap<(Uuid, String), (Place, Option<Timer>)>,
}

impl Effects {
    /// A command, after those that are wanted already.
    pub fn command(&mut self, cause: &RecordedEvent, wanted: Wanted) {
        let of_it = |effect: &&Effect| effect.cause.event_id == cause.event_id;
        let before = self.commands.iter().rev().take_while(of_it).count();
        self.commands.push(Effect {
            wanted,
            number: u32::try_from(before).unwrap_or(u32::MAX),
            cause: Cause::of(cause),
        });
    }

    /// A command at some time, in the place of what the timer of that key was set to.
    pub fn set_timer(
        &mut self,
        cause: &RecordedEvent,
        key: String,
        due_at: DateTime<Utc>,
        wanted: Wanted,
    ) {
        let effect = Effect {
            wanted,
            number: 0,
            cause: Cause::of(cause),
        };
        if effect.is_cut() {
            // It is not waited for, and it is seen as what it is.
            self.command(cause, effect.wanted);
            self.cancel_timer(cause, key);
            return;
        }
        self.timers.insert(
            (cause.tenant.0, key),
            (place(cause), Some(Timer { due_at, effect })),
        );
    }

    /// No command of the timer of that key.
    pub fn cancel_timer(&mut self, cause: &RecordedEvent, key: String) {
        self.timers
            .insert((cause.tenant.0, key), (place(cause), None));
    }

    /// The commands, in order.
    pub fn commands(&self) -> impl Iterator<Item = &Wanted> {
        self.commands.iter().map(|effect| &effect.wanted)
    }

    /// The timers that are set (their time and their command) or cancelled, by their keys.
    pub fn timers(&self) -> impl Iterator<Item = (&str, Option<(DateTime<Utc>, &Wanted)>)> {
        self.timers.iter().map(|((_, key), (_, timer))| {
            let set = timer.as_ref().map(|one| (one.due_at, &one.effect.wanted));
            (key.as_str(), set)
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.commands.is_empty() && self.timers.is_empty()
    }

    /// What is wanted of later events.
    pub(crate) fn append(&mut self, later: Self) {
        self.commands.extend(later.commands);
        self.timers.extend(later.timers);
    }

    /// Leaves out what is of events before these offsets.
    pub(crate) fn retain_from(&mut self, silent_until: impl Fn(u16) -> i64) {
        self.commands
            .retain(|effect| effect.cause.offset >= silent_until(effect.cause.partition));
        self.timers
            .retain(|_, ((partition, offset), _)| *offset >= silent_until(*partition));
    }
}

fn place(event: &RecordedEvent) -> Place {
    (event.partition, event.offset)
}

impl Effect {
    /// Whether too many policies led to it, one after the other.
    pub(crate) fn is_cut(&self) -> bool {
        self.cause.depth > MAX_DEPTH
    }

    /// The command's id: the same whoever thinks of it.
    pub(crate) fn id(&self, policy: &str) -> Uuid {
        let name = format!("{policy}/{}", self.number);
        Uuid::new_v5(&self.cause.event_id, name.as_bytes())
    }
}

impl Timer {
    /// The id of the command that it brings.
    pub(crate) fn id(&self, policy: &str, key: &str) -> Uuid {
        let name = format!("{policy}/timer/{key}");
        Uuid::new_v5(&self.effect.cause.event_id, name.as_bytes())
    }
}

/// The part of an event's metadata that is passed on. Metadata of other programs may lack any of it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    correlation_id: Option<Uuid>,
    actor: Option<Actor>,
    traceparent: Option<String>,
    #[serde(default)]
    depth: u8,
}

impl Cause {
    fn of(event: &RecordedEvent) -> Self {
        let told = serde_json::from_slice::<Told>(&event.metadata).ok();
        let depth = told.as_ref().map_or(0, |told| told.depth);
        let (correlation_id, actor, traceparent) = told.map_or((None, None, None), |told| {
            (told.correlation_id, told.actor, told.traceparent)
        });
        Self {
            tenant: event.tenant.0,
            partition: event.partition,
            offset: event.offset,
            position: event.position,
            event_id: event.event_id,
            correlation_id: correlation_id.unwrap_or(event.event_id),
            on_behalf_of: actor.map(|actor| actor.on_behalf_of.unwrap_or(actor.id)),
            traceparent,
            depth: depth.saturating_add(1),
            dated_at: (event.occurred_at < event.recorded_at).then_some(event.occurred_at),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sample::event;

    fn wanted(data: i32) -> Wanted {
        Wanted {
            command: "metric.observe",
            id: Uuid::nil(),
            data: json!(data),
        }
    }

    #[test]
    fn ids_follow_from_the_event_the_policy_and_the_number() {
        let ids = |events: &[(i64, i32)], policy| {
            let mut effects = Effects::default();
            for (offset, data) in events {
                let mut cause = event(*offset);
                cause.event_id = Uuid::from_u128(u128::from(offset.unsigned_abs()));
                effects.command(&cause, wanted(*data));
            }
            let ids = effects.commands.iter().map(|effect| effect.id(policy));
            ids.collect::<Vec<_>>()
        };
        let mut together = ids(&[(1, 1), (1, 2), (2, 3)], "revenue");
        // Wherever a batch ends.
        let last = together.split_off(2);
        assert_eq!(last, ids(&[(2, 3)], "revenue"));
        assert_ne!(last, ids(&[(2, 3)], "progress"));
        assert_eq!(together.len(), 2);
        together.dedup();
        assert_eq!(together.len(), 2);
    }

    #[test]
    fn events_of_two_partitions_are_two_whatever_their_offsets() {
        let (one, mut other) = (event(7), event(7));
        (other.partition, other.event_id) = (1, Uuid::from_u128(1));
        let mut effects = Effects::default();
        effects.command(&one, wanted(1));
        effects.command(&other, wanted(2));
        let mut alone = Effects::default();
        alone.command(&other, wanted(2));
        assert_eq!(effects.commands.last(), alone.commands.last());
    }

    #[test]
    fn a_timer_behind_too_long_a_chain_is_a_command_that_is_cut() {
        let mut cause = event(1);
        cause.metadata = json!({ "depth": MAX_DEPTH }).to_string().into_bytes();
        let mut effects = Effects::default();
        effects.set_timer(&cause, "due".to_owned(), cause.recorded_at, wanted(1));
        assert!(effects.commands.iter().all(Effect::is_cut));
        assert_eq!(effects.commands().collect::<Vec<_>>(), [&wanted(1)]);
        assert_eq!(effects.timers().collect::<Vec<_>>(), [("due", None)]);
        cause.metadata = json!({ "depth": MAX_DEPTH - 1 }).to_string().into_bytes();
        effects.set_timer(&cause, "due".to_owned(), cause.recorded_at, wanted(1));
        assert_eq!(effects.timers().filter(|(_, set)| set.is_some()).count(), 1);
    }

    #[test]
    fn the_last_word_on_a_timer_counts() {
        let (mut effects, first, second) = (Effects::default(), event(1), event(2));
        let at = first.recorded_at;
        effects.set_timer(&first, "due".to_owned(), at, wanted(1));
        effects.set_timer(&second, "due".to_owned(), at, wanted(2));
        let mut later = Effects::default();
        later.cancel_timer(&second, "other".to_owned());
        effects.append(later);
        let timers: Vec<_> = effects.timers().collect();
        assert_eq!(timers, [("due", Some((at, &wanted(2)))), ("other", None)]);
    }
}
