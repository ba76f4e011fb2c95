//! Whether a stored state of an aggregate still fits: the hash that names its fold and its form. Never stores one.

use schemars::schema_for;
use sha2::{Digest, Sha256};

use crate::Entity;

/// SHA-256 over [`Entity::REVISION`] and the state's JSON Schema. A state stored under another hash must not be used.
///
/// Even a changed comment changes it, which costs no more than folding the events once. It is worth keeping: the
/// schema is made anew each time.
pub fn snapshot_hash<E: Entity>() -> [u8; 32] {
    let mut schema = schema_for!(E).to_value();
    // One order of the keys, whatever map serde_json was built with.
    schema.sort_all_objects();
    Sha256::new()
        .chain_update(E::REVISION.to_be_bytes())
        .chain_update(schema.to_string())
        .finalize()
        .into()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use cqrs_es::{Aggregate, event_sink::EventSink};
    use event_schemas::customer::CustomerEvent;
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::{
        Decide,
        customer::{Customer, CustomerCommand, CustomerRejection},
        document::Document,
        goal::Goal,
        lead::Lead,
        metric::Metric,
        order::Order,
        organization::Organization,
    };

    /// An entity of any revision that decides nothing; the revision is not part of its schema.
    #[derive(Clone, Default, Serialize, Deserialize, JsonSchema)]
    #[schemars(rename = "Probe")]
    struct Probe<const REVISION: u32> {
        sum: u64,
    }

    impl<const REVISION: u32> Aggregate for Probe<REVISION> {
        const TYPE: &'static str = "probe";
        type Command = Decide<CustomerCommand>;
        type Event = CustomerEvent;
        type Error = CustomerRejection;
        type Services = ();

        async fn handle(
            &mut self,
            _command: Self::Command,
            _services: &(),
            _sink: &EventSink<Self>,
        ) -> Result<(), CustomerRejection> {
            Err(CustomerRejection::NotFound)
        }

        fn apply(&mut self, _event: CustomerEvent) {
            self.sum += 1;
        }
    }

    impl<const REVISION: u32> Entity for Probe<REVISION> {
        type Decision = CustomerCommand;
        type Fact = CustomerEvent;
        type Refusal = CustomerRejection;
        const PLURAL: &'static str = "probes";
        const REVISION: u32 = REVISION;
    }

    #[test]
    fn it_is_the_same_every_time() {
        assert_eq!(snapshot_hash::<Order>(), snapshot_hash::<Order>());
        assert_eq!(
            snapshot_hash::<Organization>(),
            snapshot_hash::<Organization>()
        );
    }

    #[test]
    fn every_entity_and_every_revision_has_its_own() {
        assert_eq!(schema_for!(Probe<1>), schema_for!(Probe<2>));
        let hashes = BTreeSet::from([
            snapshot_hash::<Organization>(),
            snapshot_hash::<Customer>(),
            snapshot_hash::<Order>(),
            snapshot_hash::<Lead>(),
            snapshot_hash::<Metric>(),
            snapshot_hash::<Goal>(),
            snapshot_hash::<Document>(),
            snapshot_hash::<Probe<1>>(),
            snapshot_hash::<Probe<2>>(),
        ]);
        assert_eq!(hashes.len(), 9);
    }
}
