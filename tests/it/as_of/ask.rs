//! The queries that are asked of earlier moments: lists in pages, filters on what changes, details, and groups.

use serde_json::{Value, json};

use crate::harness::Served;

/// Everything that can be asked of an earlier moment. What depends on when it is asked is left out.
pub const ALL: &str = "query($at: AsOf) {
  orders(asOf: $at, first: 10) { totalCount edges { node { ...order } } }
  cheapest: orders(asOf: $at, first: 3, orderBy: { field: TOTAL, direction: ASC }) {
    totalCount pageInfo { hasNextPage hasPreviousPage } edges { cursor node { number status } } }
  last: orders(asOf: $at, last: 2, orderBy: { field: NUMBER }) { edges { node { number version } } }
  open: orders(asOf: $at, first: 10, filter: { status: { in: [CREATED, APPROVED, SHIPPED] } }) { totalCount edges { node { number } } }
  praised: orders(asOf: $at, first: 10, filter: { reviewScore: { gte: 4 } }) { totalCount edges { node { number reviewScore } } }
  sold: orders(asOf: $at, first: 10, filter: { sellerId: { eq: \"s1\" } }) { totalCount edges { node { number status } } }
  order(asOf: $at, number: 2) { ...order }
  ordersStats(asOf: $at, first: 50) { ...stats }
  byStatus: ordersStats(asOf: $at, first: 50, groupBy: [STATUS, STATE]) { status state ...stats }
  bySeller: ordersStats(asOf: $at, first: 50, groupBy: [SELLER, STATUS]) { sellerId status orders items revenue { amount } freight { amount } }
  byCategory: ordersStats(asOf: $at, first: 50, groupBy: [CATEGORY], orderBy: [{ field: REVENUE, direction: DESC }]) { category ...stats }
  byMonth: ordersStats(asOf: $at, first: 50, bucket: { size: MONTH }) { start orders revenue { amount } valueLost { amount } }
  byDay: ordersStats(asOf: $at, first: 50, bucket: { size: DAY, timeZone: \"America/Sao_Paulo\", fill: true }) { start ...stats }
  leads(asOf: $at, first: 10) { totalCount edges { node { leadId reference name email company origin status developmentRepId
    salesRepId profile { businessSegment businessType hasCompany declaredCatalogSize declaredMonthlyRevenue { amount currency } } sellerId
    lossReason note capturedAt qualifiedAt assignedAt wonAt lostAt waived version position updatedAt } } }
  won: leads(asOf: $at, first: 10, filter: { status: { eq: WON } }) { totalCount edges { node { reference } } }
  lead(asOf: $at, reference: \"lead-1\") { status version note }
  leadsStats(asOf: $at, first: 50, groupBy: [STATUS, ORIGIN]) { status origin leads open won lost conversionRate medianDaysToWin }
  goals(asOf: $at, first: 5, orderBy: { field: DUE_AT }, filter: { status: { in: [DRAFT, ACTIVE, ABANDONED] } }) { totalCount edges { node { goalId title description ownerId status unit baseline target startsAt
    dueAt actual share reached adjustmentCount draftedAt activatedAt progressedAt closedAt note waived version position updatedAt
    paceAtProgress { at expectedShare ahead }
    progress(last: 2) { totalCount pageInfo { hasPreviousPage } edges { node { number actual share note recordedAt } } } } } }
  goal(asOf: $at, id: \"00000000-0000-0000-0000-000000000001\") { title version }
  goalsStats(asOf: $at, first: 50, groupBy: [STATUS]) { status goals drafts active achieved abandoned achievementRate averageShare }
}
fragment order on Order { orderId number reference status placedAt approvedAt shippedAt deliveredAt cancelledAt estimatedDelivery
  cancelReason carrier trackingCode invoiceNumber customerId state currency itemCount total { amount } paidTotal { amount }
  refundedTotal { amount } lines { line productId quantity } payments { sequence amount { amount } }
  reviews { reviewId score title } reviewScore waived version position updatedAt }
fragment stats on OrderStats { currency orders items revenue { amount } freight { amount } valueLost { amount } approved shipped
  delivered reviewed cancelled timedDeliveries meanDeliveryDays medianDeliveryDays p90DeliveryDays late lateShare reviews
  meanReviewScore }";

/// What the query tells, at that moment or now; no older than the token.
pub async fn ask(app: &Served, key: &str, query: &str, at: &Value, after: Option<&str>) -> Value {
    let mut request = app
        .client
        .post(format!("{}/graphql", app.url))
        .bearer_auth(key)
        .json(&json!({ "query": query, "variables": { "at": at } }));
    if let Some(token) = after {
        request = request.header("daybook-after", token);
    }
    let mut answer: Value = request.send().await.unwrap().json().await.unwrap();
    assert!(
        answer.get("errors").is_none(),
        "{at}: {:#}",
        answer["errors"]
    );
    assert!(answer["data"].is_object(), "{at}: {answer:#}");
    answer["data"].take()
}
