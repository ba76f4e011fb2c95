//! What each tenant has of the contexts after the order. Never asks anything.

use serde_json::json;
use uuid::Uuid;

use super::Side;
use crate::harness::Served;

impl Side {
    /// A metric with two observations, of which one was corrected.
    pub(super) async fn fill_metrics(&mut self, app: &Served, n: i64) {
        let id = Uuid::new_v5(&self.tenant.id.0, b"m");
        let defined = json!({ "name": self.text("metric-name"), "unit": self.text("metric-unit"), "aggregation": "sum",
            "description": self.text("metric-description"), "monthlyGoal": { "growthPercent": "7.5", "timeZone": "America/Sao_Paulo" } });
        let observation = |value: i64| {
            json!({ "observedAt": "2026-02-03T04:05:06Z", "value": format!("{value}.25"),
            "source": self.text("source-of-observation") })
        };
        let observed = json!({ "observations": [observation(n + 7), observation(n + 9)] });
        let corrected = json!({ "number": 2, "value": format!("{n}.5"), "reason": self.text("reason-of-correction") });
        for (step, body) in [
            ("define", defined),
            ("observe", observed),
            ("correct", corrected),
        ] {
            self.send(app, &format!("/api/v1/metrics/{id}/{step}"), body)
                .await;
        }
        self.metrics.push(id);
        // One that a policy knows, of a currency that no order has.
        let fed = Uuid::new_v5(&self.tenant.id.0, b"fed");
        let defined = json!({ "name": self.text("metric-name"), "unit": "XTS", "aggregation": "sum",
            "description": self.text("metric-description"), "feed": "orderRevenue" });
        self.send(app, &format!("/api/v1/metrics/{fed}/define"), defined)
            .await;
    }

    /// A goal that is active with progress of a metric, one that was abandoned, and one that was achieved.
    pub(super) async fn fill_goals(&mut self, app: &Served, n: i64) {
        let metric = self.metrics[0];
        for goal in 0..2_u8 {
            let id = Uuid::new_v5(&self.tenant.id.0, &[b'g', goal]);
            let drafted = json!({ "title": self.text("goal-title"), "description": self.text("goal-description"),
                "ownerId": self.text("goal-owner"), "unit": self.text("goal-unit"), "baseline": format!("{n}.125"),
                "target": format!("{n}9"), "dueAt": "2997-06-05T04:03:02Z" });
            let source = json!({ "metricId": metric, "observationNumber": 2, "eventId": Uuid::new_v5(&id, b"e") });
            let progress = |value: i64| json!({ "actual": format!("{value}.75"), "source": source, "note": self.text("progress-note") });
            let last = if goal == 0 {
                ("record-progress", progress(n + 17))
            } else {
                ("abandon", json!({ "reason": self.text("abandon-reason") }))
            };
            for (step, body) in [
                ("draft", drafted),
                (
                    "link-metric",
                    json!({ "metricId": metric, "aggregation": "sum" }),
                ),
                ("activate", json!({})),
                ("record-progress", progress(n + 13)),
                (
                    "adjust",
                    json!({ "target": format!("{n}8"), "reason": self.text("adjust-reason") }),
                ),
                last,
            ] {
                self.send(app, &format!("/api/v1/goals/{id}/{step}"), body)
                    .await;
            }
            self.goals.push(id);
        }
        let id = Uuid::new_v5(&self.tenant.id.0, &[b'g', 2]);
        let drafted = json!({ "title": self.text("goal-title"), "unit": self.text("goal-unit"), "target": n.to_string(),
            "dueAt": "2997-06-05T04:03:02Z" });
        for (step, body) in [
            ("draft", drafted),
            ("activate", json!({})),
            ("record-progress", json!({ "actual": (n + 1).to_string() })),
            ("achieve", json!({ "note": self.text("achieve-note") })),
        ] {
            self.send(app, &format!("/api/v1/goals/{id}/{step}"), body)
                .await;
        }
        self.goals.push(id);
    }

    /// A document that was revised, and one that was retired.
    pub(super) async fn fill_documents(&mut self, app: &Served) {
        for document in 0..2_u8 {
            let id = Uuid::new_v5(&self.tenant.id.0, &[b'd', document]);
            let added = json!({ "title": self.text("document-title"), "body": self.text("document-body"), "language": "pt",
                "kind": self.text("document-kind"), "tags": [self.text("document-tag")],
                "source": self.text("document-source") });
            let last = if document == 0 {
                let body = format!("{} twice", self.text("document-body"));
                (
                    "revise",
                    json!({ "body": body, "note": self.text("revision-note") }),
                )
            } else {
                (
                    "retire",
                    json!({ "reason": self.text("retirement-reason") }),
                )
            };
            for (step, body) in [("add", added), last] {
                self.send(app, &format!("/api/v1/documents/{id}/{step}"), body)
                    .await;
            }
            self.documents.push(id);
        }
    }

    /// A lead that is won, and one that is lost.
    pub(super) async fn fill_leads(&mut self, app: &Served, n: i64) {
        let profile = json!({
            "businessSegment": self.text("segment"), "businessType": self.text("business-type"),
            "leadType": self.text("lead-type"), "behaviourProfile": self.text("behaviour"), "hasCompany": true,
            "hasGtin": false, "averageStock": self.text("stock"), "declaredCatalogSize": n,
            "declaredMonthlyRevenue": { "amount": n + 5, "currency": "EUR" },
        });
        for lead in 0..2_u8 {
            let id = Uuid::new_v5(&self.tenant.id.0, &[b'l', lead]);
            let body = json!({
                "reference": self.text(&format!("lead-reference-{lead}")), "name": self.text("lead-name"),
                "email": self.text("lead@example.com"), "phone": self.text("lead-phone"),
                "company": self.text("company"), "origin": self.text("origin"), "landingPageId": self.text("page-of-lead"),
            });
            let reps = json!({ "developmentRepId": self.text("development"), "salesRepId": self.text("sales-rep") });
            let last = if lead == 0 {
                let won =
                    json!({ "sellerId": self.text("seller"), "wonAt": "2026-01-02T03:04:05Z" });
                ("win", won)
            } else {
                let lost = json!({ "reason": "duplicate", "note": self.text("loss-note") });
                ("lose", lost)
            };
            let qualified = json!({ "profile": profile, "note": self.text("qualification-note") });
            for (step, body) in [
                ("capture", body),
                ("qualify", qualified),
                ("assign", reps),
                last,
            ] {
                let path = format!("/api/v1/leads/{id}/{step}");
                self.send(app, &path, body).await;
            }
            self.leads.push(id);
        }
    }
}
