//! The figures of every tenant, or of every tenth, against what a script of its own counts in the CSV files, by the definitions of truths.json.

use std::{fs::File, path::Path, process::Command, sync::Arc, time::Instant};

use daybook::import::olist;
use event_schemas::TenantId;
use futures::{StreamExt, stream};
use serde_json::{Value, json};

use crate::harness::Served;

/// Everything that orders come to.
const FIELDS: &str = "orders items revenue { amount } freight { amount } valueLost { amount } approved shipped delivered
    reviewed cancelled timedDeliveries meanDeliveryDays medianDeliveryDays p90DeliveryDays late lateShare reviews meanReviewScore";
/// What the totals by month and seller answer alone.
const TOTALS: &str =
    "orders items revenue { amount } freight { amount } valueLost { amount } cancelled";

/// What the script counts.
fn count(folder: &Path) -> Value {
    let files = tempfile::tempdir().unwrap();
    for file in folder.read_dir().unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "zst") {
            let plain = files.path().join(path.file_stem().unwrap());
            zstd::stream::copy_decode(File::open(&path).unwrap(), File::create(plain).unwrap())
                .unwrap();
        }
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/real_data/figures.py");
    let output = Command::new("python3")
        .arg(script)
        .arg(files.path())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The members of one object that the other has too.
fn common(whole: &Value, part: &Value) -> Value {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => part
            .iter()
            .map(|(name, value)| {
                let other = whole.get(name).unwrap_or(&Value::Null);
                (name.clone(), common(other, value))
            })
            .collect(),
        _ => whole.clone(),
    }
}

/// Asks the tenants, and compares.
pub async fn compare(
    app: &Arc<Served>,
    keys: &[(TenantId, String)],
    folder: &Path,
    truths: &Value,
) {
    let began = Instant::now();
    let counted = folder.to_owned();
    let counted = tokio::task::spawn_blocking(move || count(&counted))
        .await
        .unwrap();
    let script = began.elapsed().as_secs_f64();
    let own = &counted["truths"];
    assert_eq!(own, &common(truths, own), "the script and truths.json");
    let house = keys.iter().find(|(tenant, _)| tenant.0 == olist::HOUSE);
    leads(app, &house.unwrap().1, &counted["leads"]).await;

    let tenants = counted["tenants"].as_object().unwrap();
    assert_eq!(tenants.len(), keys.len());
    let every = if super::whole() { 1 } else { 10 };
    let asked: Vec<_> = keys.iter().step_by(every).collect();
    stream::iter(&asked)
        .for_each_concurrent(4, |(tenant, key)| {
            let expected = &tenants[&tenant.0.simple().to_string()];
            async move { orders(app, key, expected, tenant).await }
        })
        .await;
    eprintln!(
        "{} tenants compared in {:.1} s, of which the script took {script:.1} s",
        asked.len(),
        began.elapsed().as_secs_f64()
    );
}

async fn orders(app: &Served, key: &str, expected: &Value, tenant: &TenantId) {
    let query = format!(
        "{{ all: ordersStats(first: 10) {{ {FIELDS} }}
            months: ordersStats(bucket: {{ size: MONTH }}, first: 60) {{ start {FIELDS} }}
            states: ordersStats(groupBy: [STATE], first: 60) {{ state {FIELDS} }}
            statuses: ordersStats(groupBy: [STATUS], first: 10) {{ status {FIELDS} }}
            products: ordersStats(groupBy: [PRODUCT], first: 1000) {{ productId {FIELDS} }}
            sellers: ordersStats(groupBy: [SELLER], first: 10) {{ sellerId {FIELDS} }}
            totals: ordersStats(groupBy: [SELLER], bucket: {{ size: MONTH }}, first: 60) {{ start {TOTALS} }} }}"
    );
    let mut data = app.query(key, &query, json!({})).await;
    let totals = data["totals"].take();
    data.as_object_mut().unwrap().remove("totals");
    for (group, rows) in expected.as_object().unwrap() {
        assert_eq!(&data[group], rows, "{group} of {tenant}");
    }
    // A tenant is one seller: its totals by month and seller are its months.
    let months = expected["months"].as_array().unwrap().iter();
    let totals = totals.as_array().unwrap().clone();
    assert_eq!(totals.len(), months.len(), "{tenant}");
    for (row, month) in totals.iter().zip(months) {
        assert_eq!(row, &common(month, row), "{tenant}");
    }
}

/// The leads and their deals, by origin, by month and in all.
async fn leads(app: &Served, key: &str, expected: &Value) {
    let fields = "leads won conversionRate medianDaysToWin";
    let query = format!(
        "{{ all: leadsStats {{ {fields} }}
            origins: leadsStats(groupBy: [ORIGIN], orderBy: {{ field: LEADS, direction: DESC }}) {{ origin {fields} }}
            months: leadsStats(bucket: {{ size: MONTH }}) {{ start leads }}
            pipeline: leadsStats(groupBy: [STATUS]) {{ status leads }}
            pets: leads(filter: {{ businessSegment: {{ eq: \"pet\" }} }}) {{ totalCount }} }}"
    );
    let data = app.query(key, &query, json!({})).await;
    for (group, rows) in expected.as_object().unwrap() {
        assert_eq!(&data[group], rows, "leads: {group}");
    }
    assert_eq!(
        data["pipeline"],
        json!([{ "status": "CAPTURED", "leads": "7158" }, { "status": "WON", "leads": "842" }])
    );
    assert_eq!(data["pets"]["totalCount"], 30);
}
