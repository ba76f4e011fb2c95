//! The list of all commands: one line each. The only place that a new command is added to.

use std::sync::LazyLock;

use cqrs_es::Aggregate;
use domain::{
    Command, Entity, Plain, Settings,
    customer::{ChangeContact, RecordConsent, RegisterCustomer, WithdrawConsent},
    document::{AddDocument, RetireDocument, ReviseDocument},
    goal::{
        AbandonGoal, AchieveGoal, ActivateGoal, AdjustGoal, DraftGoal, LinkGoalMetric, MissGoal,
        RecordGoalProgress,
    },
    lead::{AssignLead, CaptureLead, LoseLead, QualifyLead, WinLead},
    metric::{CorrectObservation, DefineMetric, ObserveMetric},
    order::{
        ApprovePayment, CancelOrder, DeliverOrder, InvoiceOrder, PlaceOrder, RefundOrder,
        ReviewOrder, ShipOrder, StartProcessing,
    },
    organization::{
        ChangeSettings, IssueApiKey, Organization, RegisterOrganization, RenameOrganization,
        ResumeOrganization, RevokeApiKey, SuspendOrganization,
    },
    snapshot_hash,
};
use event_schemas::DecodeError;
use event_store::{Clock, Loaded, TenantChange};
use gateway::auth::api_key::new_key;
use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Map, Value};

use super::{
    CredentialChange, Spec,
    bound::{Bound, Prepared, State, fold},
};

/// Every command of every context.
pub(super) fn all() -> Vec<Spec> {
    vec![
        Spec {
            change: Some(TenantChange::Register),
            ..plain::<RegisterOrganization>()
        },
        Spec {
            change: Some(TenantChange::Suspend),
            ..plain::<SuspendOrganization>()
        },
        Spec {
            change: Some(TenantChange::Resume),
            ..plain::<ResumeOrganization>()
        },
        plain::<RenameOrganization>(),
        plain::<ChangeSettings>(),
        Spec {
            changes_credentials: Some(CredentialChange::Issued),
            ..prepared(issue_api_key)
        },
        Spec {
            changes_credentials: Some(CredentialChange::Revoked),
            ..plain::<RevokeApiKey>()
        },
        plain::<RegisterCustomer>(),
        plain::<ChangeContact>(),
        plain::<RecordConsent>(),
        plain::<WithdrawConsent>(),
        plain::<PlaceOrder>(),
        plain::<ApprovePayment>(),
        plain::<StartProcessing>(),
        plain::<InvoiceOrder>(),
        Spec {
            needs_settings: true,
            ..plain::<ShipOrder>()
        },
        plain::<DeliverOrder>(),
        plain::<CancelOrder>(),
        plain::<RefundOrder>(),
        plain::<ReviewOrder>(),
        plain::<CaptureLead>(),
        plain::<QualifyLead>(),
        plain::<AssignLead>(),
        plain::<WinLead>(),
        plain::<LoseLead>(),
        plain::<DefineMetric>(),
        plain::<ObserveMetric>(),
        plain::<CorrectObservation>(),
        plain::<DraftGoal>(),
        plain::<ActivateGoal>(),
        plain::<LinkGoalMetric>(),
        plain::<AdjustGoal>(),
        plain::<RecordGoalProgress>(),
        plain::<AchieveGoal>(),
        plain::<MissGoal>(),
        plain::<AbandonGoal>(),
        plain::<AddDocument>(),
        plain::<ReviseDocument>(),
        plain::<RetireDocument>(),
    ]
}

/// A tenant's organization, folded from its stream.
pub(crate) fn organization(loaded: &Loaded) -> Result<State, DecodeError> {
    fold::<Organization>(loaded)
}

/// The settings of an organization; none of another aggregate.
pub(crate) fn settings(organization: &State) -> Option<Settings> {
    Some(organization.entity::<Organization>()?.settings())
}

/// The hash of what a snapshot of an organization looks like.
pub(crate) fn settings_hash() -> [u8; 32] {
    static HASH: LazyLock<[u8; 32]> = LazyLock::new(snapshot_hash::<Organization>);
    *HASH
}

/// Makes the secret, hands the domain its hash, and tells the secret once.
fn issue_api_key(command: IssueApiKey, clock: &dyn Clock) -> Prepared<Organization> {
    let key_id = clock.uuid_v7();
    let (key, hash) = new_key(clock.random_256());
    let extra = Map::from_iter([
        ("keyId".to_owned(), Value::String(key_id.to_string())),
        ("apiKey".to_owned(), Value::String(key)),
    ]);
    (command.prepared(key_id, hash), extra)
}

fn plain<C: Plain>() -> Spec {
    prepared(|command: C, _: &dyn Clock| (command.decision(), Map::new()))
}

fn prepared<C: Command>(
    prepare: impl Fn(C, &dyn Clock) -> Prepared<C::Entity> + Send + Sync + 'static,
) -> Spec {
    let schema = schema::<C>();
    let context = <C::Entity as Aggregate>::TYPE;
    Spec {
        context,
        plural: <C::Entity as Entity>::PLURAL,
        name: C::NAME,
        title: C::schema_name().into_owned(),
        kind: format!("{context}.{}", C::NAME),
        description: schema
            .get("description")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
        creates: C::CREATES,
        change: None,
        changes_credentials: None,
        needs_settings: false,
        schema,
        handler: Box::new(Bound::<C>::new(prepare)),
    }
}

fn schema<C: JsonSchema>() -> Value {
    SchemaSettings::draft2020_12()
        .with(|s| s.meta_schema = None)
        .into_generator()
        .into_root_schema_for::<C>()
        .to_value()
}
