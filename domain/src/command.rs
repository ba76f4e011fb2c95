//! What a command type tells about itself, once. The registry derives routes, schemas and mutations from it;
//! nothing here executes anything.

use cqrs_es::Aggregate;
use event_schemas::Event;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::Decide;

/// A refusal by the business rules: a state of the world, with a stable code and words a shopkeeper understands.
pub trait Rejection: std::error::Error + Send + Sync + 'static {
    /// The stable, machine-readable code, such as `order-already-paid`.
    fn code(&self) -> &'static str;
}

/// An aggregate of this domain: any `cqrs_es::Aggregate` whose commands carry what their decision may know.
pub trait Entity:
    Aggregate<
        Command = Decide<<Self as Entity>::Decision>,
        Event = <Self as Entity>::Fact,
        Error = <Self as Entity>::Refusal,
        Services = (),
    > + Clone
    + JsonSchema
    + 'static
{
    /// The context's commands, one variant each.
    type Decision: Send;
    /// The context's events.
    type Fact: Event;
    /// The context's refusals.
    type Refusal: Rejection;
    /// The plural in routes, such as `orders`.
    const PLURAL: &'static str;
    /// The number of its fold, from 1. Raise it whenever the same events give another state: stored states of another
    /// revision, or of another form, are not used.
    const REVISION: u32 = 1;
}

/// One command of a context, as a client sends it.
pub trait Command: DeserializeOwned + JsonSchema + Send + 'static {
    /// The aggregate that decides it.
    type Entity: Entity;
    /// The command's name within its context in camelCase, such as `approvePayment`.
    const NAME: &'static str;
    /// Whether it begins a stream that must not exist yet.
    const CREATES: bool = false;
}

/// A command that can be decided as it is. One that first needs something random made for it has a
/// `prepared` function of its own instead, and becomes a decision only there.
pub trait Plain: Command {
    /// The command as its context's enum.
    fn decision(self) -> <Self::Entity as Entity>::Decision;
}

/// Says of each command struct its name and whether it creates, and of those listed with a variant how it
/// becomes a decision: `commands! { Order { PlaceOrder = "place" creates => OrderCommand::Place, … } }`.
macro_rules! commands {
    ($entity:ident { $($command:ident = $name:literal $($creates:ident)? $(=> $decision:path)?),+ $(,)? }) => {
        $(
            impl $crate::Command for $command {
                type Entity = $entity;
                const NAME: &'static str = $name;
                $($crate::command::commands!(@creates $creates);)?
            }
            $(impl $crate::Plain for $command {
                fn decision(self) -> <$entity as $crate::Entity>::Decision {
                    $decision(self)
                }
            })?
        )+
    };
    (@creates creates) => { const CREATES: bool = true; };
}
pub(crate) use commands;
