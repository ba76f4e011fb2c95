//! The registered schemas, a row each. Written by `daybook generate` from the lock file, never by hand.

super::registered! {
    1 "2f1173d8-4acb-57ac-b817-be919be7cfc5" "daybook.events.v1" "organization" "OrganizationRegistered" 1 1 "organization/OrganizationRegistered.v1.json";
    2 "97f73bb9-6210-5204-8619-3835d2b05ea8" "daybook.events.v1" "organization" "OrganizationRenamed" 1 1 "organization/OrganizationRenamed.v1.json";
    3 "444775f2-9cb9-5e52-8cb8-a8c74d1cb092" "daybook.events.v1" "organization" "OrganizationSettingsChanged" 1 1 "organization/OrganizationSettingsChanged.v1.json";
    4 "8f1efd63-84e7-5fc0-9bf0-aacfa4a47442" "daybook.events.v1" "organization" "OrganizationSuspended" 1 1 "organization/OrganizationSuspended.v1.json";
    5 "a7a99f0a-7ae3-5a01-9b70-020dd864672a" "daybook.events.v1" "organization" "OrganizationResumed" 1 1 "organization/OrganizationResumed.v1.json";
    6 "e9439ff5-9a24-52b1-a60c-979a0ea7a324" "daybook.events.v1" "organization" "ApiKeyIssued" 1 1 "organization/ApiKeyIssued.v1.json";
    7 "2e860822-ea46-5a22-8245-befbd6424feb" "daybook.events.v1" "organization" "ApiKeyRevoked" 1 1 "organization/ApiKeyRevoked.v1.json";
    8 "4ebca22f-2ca4-5e9d-84b7-c32f1a2cd62e" "daybook.events.v1" "customer" "CustomerRegistered" 1 1 "customer/CustomerRegistered.v1.json";
    9 "a19c6b81-c651-546a-adc2-d8d40748d7a1" "daybook.events.v1" "customer" "CustomerContactChanged" 1 1 "customer/CustomerContactChanged.v1.json";
    10 "7d6d0473-1cd5-53a5-8056-be1d1244f087" "daybook.events.v1" "customer" "ConsentRecorded" 1 1 "customer/ConsentRecorded.v1.json";
    11 "3a4ad14a-539d-5fce-b82f-e4f636e94b2b" "daybook.events.v1" "customer" "ConsentWithdrawn" 1 1 "customer/ConsentWithdrawn.v1.json";
    12 "291330d2-0198-573c-b619-b1619aae7c5b" "daybook.events.v1" "order" "OrderPlaced" 1 1 "order/OrderPlaced.v1.json";
    13 "16513b3b-0d36-514b-8df1-648968cbe6cc" "daybook.events.v1" "order" "PaymentApproved" 1 1 "order/PaymentApproved.v1.json";
    14 "8b15ca0a-a072-56cd-8a8e-88ec8ec77f9a" "daybook.events.v1" "order" "OrderProcessingStarted" 1 1 "order/OrderProcessingStarted.v1.json";
    15 "bd8d9f0e-82f9-5eca-a20c-da16770c2fe5" "daybook.events.v1" "order" "OrderInvoiced" 1 1 "order/OrderInvoiced.v1.json";
    16 "cd0b4fa6-a4a8-523d-bd4a-96dabd1ff609" "daybook.events.v1" "order" "OrderShipped" 1 1 "order/OrderShipped.v1.json";
    17 "fb74ce92-c8ec-5009-b4d8-b5169b0dcd49" "daybook.events.v1" "order" "OrderDelivered" 1 1 "order/OrderDelivered.v1.json";
    18 "fb3257eb-bb80-542f-8617-8201820e95b5" "daybook.events.v1" "order" "OrderCancelled" 1 1 "order/OrderCancelled.v1.json";
    19 "6ef20415-efd9-5e70-9fb5-a0d346f301c3" "daybook.events.v1" "order" "OrderRefunded" 1 1 "order/OrderRefunded.v1.json";
    20 "dfc45358-e566-56e3-94a3-6c7560f1d4a4" "daybook.events.v1" "order" "OrderRefunded" 2 1 "order/OrderRefunded.v2.json";
    21 "dffc1725-fd47-52af-8505-b083ac337244" "daybook.events.v1" "order" "OrderReviewed" 1 1 "order/OrderReviewed.v1.json";
    22 "82714b73-9f48-5848-b594-97601b204fac" "daybook.organization.state.v1" "organization" "OrganizationState" 1 1 "organization/OrganizationState.v1.json";
    23 "b8be7a26-80d3-5ac9-9154-9809e6fef419" "daybook.customer.state.v1" "customer" "CustomerState" 1 1 "customer/CustomerState.v1.json";
    24 "2dcb7798-07f5-5b98-8f35-dbc31806c721" "daybook.order.state.v1" "order" "OrderState" 1 1 "order/OrderState.v1.json";
    25 "a16b1141-dc63-560b-b167-f071647acd82" "daybook.events.v1" "lead" "LeadCaptured" 1 1 "lead/LeadCaptured.v1.json";
    26 "5c4cb2a6-686e-55a8-9341-b7ce049ece76" "daybook.events.v1" "lead" "LeadQualified" 1 1 "lead/LeadQualified.v1.json";
    27 "af738a77-d069-5bb3-9305-edaac9b1049a" "daybook.events.v1" "lead" "LeadAssigned" 1 1 "lead/LeadAssigned.v1.json";
    28 "a4bf8601-bf18-5bbd-ab7d-8aefef2845b4" "daybook.events.v1" "lead" "LeadWon" 1 1 "lead/LeadWon.v1.json";
    29 "0baf563f-b16a-5d24-a4c3-449e30992ad8" "daybook.events.v1" "lead" "LeadLost" 1 1 "lead/LeadLost.v1.json";
    30 "29734e80-1cf0-57d2-90d7-6b16b905fba6" "daybook.events.v1" "metric" "MetricDefined" 1 1 "metric/MetricDefined.v1.json";
    31 "888c70e0-c8f5-570c-bb60-67d6144a4ac4" "daybook.events.v1" "metric" "MetricObserved" 1 1 "metric/MetricObserved.v1.json";
    32 "7cc1dbf2-b739-5028-8ecc-055acb7b73bd" "daybook.events.v1" "metric" "ObservationCorrected" 1 1 "metric/ObservationCorrected.v1.json";
    33 "68c225fc-e12b-5d4d-ad87-af42d72eae9c" "daybook.events.v1" "goal" "GoalDrafted" 1 1 "goal/GoalDrafted.v1.json";
    34 "10ea70c5-0cbd-5141-92aa-6006043a65e6" "daybook.events.v1" "goal" "GoalActivated" 1 1 "goal/GoalActivated.v1.json";
    35 "1d65fa9f-3b95-5efa-bcd8-970096546349" "daybook.events.v1" "goal" "GoalMetricLinked" 1 1 "goal/GoalMetricLinked.v1.json";
    36 "ca50a2ab-9680-5117-b55e-27839ef45345" "daybook.events.v1" "goal" "GoalAdjusted" 1 1 "goal/GoalAdjusted.v1.json";
    37 "c7f8c6cb-0ff5-54c5-aaad-2328774c46b0" "daybook.events.v1" "goal" "GoalProgressed" 1 1 "goal/GoalProgressed.v1.json";
    38 "bcfce6fd-3e37-519d-a673-0d0377bbacff" "daybook.events.v1" "goal" "GoalAchieved" 1 1 "goal/GoalAchieved.v1.json";
    39 "ae7ae1c9-5e9f-5f25-91f9-592e08a9a61b" "daybook.events.v1" "goal" "GoalMissed" 1 1 "goal/GoalMissed.v1.json";
    40 "8777c6d6-ac8a-599d-aa6d-4025d5bbc0eb" "daybook.events.v1" "goal" "GoalAbandoned" 1 1 "goal/GoalAbandoned.v1.json";
    41 "1c0ba80b-5e22-58d8-a998-8c29970fd0ed" "daybook.lead.state.v1" "lead" "LeadState" 1 1 "lead/LeadState.v1.json";
    42 "29926f86-ad8c-58f4-a86e-a45e79a464a7" "daybook.metric.state.v1" "metric" "MetricState" 1 1 "metric/MetricState.v1.json";
    43 "f1083faf-05e3-5839-99dd-e3e8075f67a6" "daybook.goal.state.v1" "goal" "GoalState" 1 1 "goal/GoalState.v1.json";
}
