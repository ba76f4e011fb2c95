//! Owns the tests of the whole reading side, on invented files. Must never read the real dataset.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;
use uuid::Uuid;

use super::{DEFAULT_MEMORY, Error, HOUSE, Line, Options, Phase, Prepared, prepare};

#[path = "../../../tests/it/olist_fixture.rs"]
mod fixture;

const ORDER: &str = "10000000000000000000000000000001";
const CUSTOMER: &str = "20000000000000000000000000000001";
const SELLER: &str = "30000000000000000000000000000001";

fn import(folder: &Path, memory: usize) -> Result<Prepared, Error> {
    let options = Options {
        source: folder.to_owned(),
        spill: folder.to_owned(),
        memory,
        revenue: false,
    };
    prepare(&options, &mut |_| {})
}

fn lines(prepared: &mut Prepared) -> Vec<Line> {
    prepared.lines().map(Result::unwrap).collect()
}

fn fixture(copies: u32) -> TempDir {
    let folder = TempDir::new().unwrap();
    fixture::write(folder.path(), copies).unwrap();
    folder
}

/// The least possible folder: one order of one item.
fn small() -> TempDir {
    let folder = TempDir::new().unwrap();
    let put = |name: &str, head: &str, row: String| {
        fs::write(
            folder.path().join(format!("olist_{name}.csv")),
            format!("{head}\n{row}\n"),
        )
        .unwrap();
    };
    put(
        "orders",
        "order_id,customer_id,order_status,order_purchase_timestamp,order_approved_at,order_delivered_carrier_date,\
         order_delivered_customer_date,order_estimated_delivery_date",
        format!("{ORDER},{CUSTOMER},approved,2018-01-18 14:48:30,2018-01-18 15:00:00,,,"),
    );
    put(
        "order_items",
        "order_id,order_item_id,product_id,seller_id,price,freight_value",
        format!("{ORDER},1,{ORDER},{SELLER},58.90,13.29"),
    );
    put(
        "order_payments",
        "order_id,payment_sequential,payment_type,payment_installments,payment_value",
        format!("{ORDER},1,credit_card,2,72.19"),
    );
    put(
        "customers",
        "customer_id,customer_unique_id,customer_zip_code_prefix,customer_city,customer_state",
        format!("{CUSTOMER},{CUSTOMER},01001,sao paulo,SP"),
    );
    folder
}

fn replace(folder: &TempDir, name: &str, from: &str, to: &str) {
    let path = folder.path().join(name);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{name} has {from}");
    fs::write(path, text.replace(from, to)).unwrap();
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_default()
}

#[test]
fn the_house_has_its_documented_id() {
    assert_eq!(
        HOUSE,
        Uuid::new_v5(&Uuid::NAMESPACE_DNS, b"marketplace.olist")
    );
}

#[test]
fn one_order_becomes_four_lines() {
    let folder = small();
    let mut prepared = import(folder.path(), DEFAULT_MEMORY).unwrap();
    let lines: Vec<String> = lines(&mut prepared)
        .iter()
        .map(|line| {
            format!(
                "{} {} {} {}",
                line.occurred_at.format("%FT%T"),
                line.command,
                line.key,
                line.data
            )
        })
        .collect();
    let expected = [
        format!(
            r#"2018-01-18T14:48:30 organization.register seller:{SELLER}:register {{"name":"Seller 30000000","country":"BR"}}"#
        ),
        format!(
            r#"2018-01-18T14:48:30 customer.register customer:{CUSTOMER}:register {{"postalCode":"01001","city":"sao paulo","state":"SP","country":"BR"}}"#
        ),
        format!(
            concat!(
                r#"2018-01-18T14:48:30 order.place order:{order}:place {{"customerId":"20000000-0000-0000-0000-000000000001","#,
                r#""reference":"{order}","currency":"BRL","state":"SP","lines":[{{"productId":"{order}","#,
                r#""sellerId":"{seller}","quantity":1,"unitPrice":5890,"freight":1329}}],"#,
                r#""payments":[{{"sequence":1,"method":"credit_card","installments":2,"amount":7219}}]}}"#,
            ),
            order = ORDER,
            seller = SELLER,
        ),
        format!(
            r#"2018-01-18T15:00:00 order.approvePayment order:{ORDER}:approvePayment {{"amount":7219}}"#
        ),
    ];
    assert_eq!(lines, expected);
    assert_eq!(prepared.total_lines(), 4);
    assert_eq!(prepared.report().missing_files.len(), 7);
}

#[test]
fn every_row_of_the_fixture_is_accounted_for() {
    let copies = 3;
    let folder = fixture(copies);
    let prepared = import(folder.path(), DEFAULT_MEMORY).unwrap();
    let report = prepared.report();
    let copies = u64::from(copies);
    for (table, file) in &report.files {
        assert_eq!(
            file.mapped + file.reported.values().sum::<u64>(),
            file.rows,
            "{table}"
        );
    }
    for (table, rows, mapped) in fixture::TABLES {
        let bad = fixture::BAD.iter().filter(|(bad, _)| *bad == table).count() as u64;
        assert_eq!(
            (report.files[table].rows, report.files[table].mapped),
            (rows * copies + bad, mapped * copies),
            "{table}"
        );
    }
    let mut reported: BTreeSet<(&str, &str, u64)> = fixture::REPORTED
        .into_iter()
        .map(|(table, reason, count)| (table, reason, count * copies))
        .collect();
    reported.extend(fixture::BAD.map(|(table, reason)| (table, reason, 1)));
    let found = report.files.iter().flat_map(|(table, file)| {
        file.reported
            .iter()
            .map(move |(reason, count)| (*table, reason.as_str(), *count))
    });
    assert_eq!(found.collect::<BTreeSet<_>>(), reported);
    let mut quirks: BTreeMap<String, u64> = fixture::QUIRKS
        .into_iter()
        .map(|(name, count)| (name.to_owned(), count * copies))
        .collect();
    quirks.insert("byteOrderMark".to_owned(), 1);
    assert_eq!(report.quirks, quirks);
    let example = report
        .examples
        .iter()
        .find(|example| example.reason == "order_status: unknown")
        .unwrap();
    assert_eq!(
        (example.file.as_str(), example.line),
        ("olist_orders_dataset.csv", 2 + 13 * copies)
    );
}

#[test]
fn sums_and_statuses_survive() {
    let folder = fixture(2);
    let mut prepared = import(folder.path(), DEFAULT_MEMORY).unwrap();
    let (mut price, mut freight, mut payments) = (0, 0, 0);
    let mut statuses = BTreeMap::new();
    let mut references = BTreeMap::new();
    for line in lines(&mut prepared) {
        let data: Value = serde_json::from_str(&line.data).unwrap();
        let status = match line.command {
            "order.place" => {
                for sold in data["lines"].as_array().unwrap() {
                    price += number(&sold["unitPrice"]);
                    freight += number(&sold["freight"]);
                }
                payments += data["payments"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|paid| number(&paid["amount"]))
                    .sum::<i64>();
                references.insert(
                    (line.tenant, line.id),
                    data["reference"].as_str().unwrap().to_owned(),
                );
                (0, "created")
            }
            "order.approvePayment" => (1, "approved"),
            "order.startProcessing" => (2, "processing"),
            "order.invoice" => (3, "invoiced"),
            "order.ship" => (4, "shipped"),
            "order.deliver" => (5, "delivered"),
            "order.cancel" if data["reason"] == "unavailable" => (6, "unavailable"),
            "order.cancel" => (6, "canceled"),
            _ => continue,
        };
        let now = statuses
            .entry(references[&(line.tenant, line.id)].clone())
            .or_insert(status);
        *now = status.max(*now);
    }
    assert_eq!(
        (price, freight, payments),
        (
            2 * fixture::PRICE,
            2 * fixture::FREIGHT,
            2 * fixture::PAYMENTS
        )
    );
    let mut counts = BTreeMap::new();
    for (_, status) in statuses.values() {
        *counts.entry(*status).or_insert(0) += 1;
    }
    assert_eq!(
        counts,
        fixture::STATUSES
            .into_iter()
            .map(|(status, count)| (status, 2 * count))
            .collect()
    );
}

#[test]
fn lines_come_tenant_by_tenant_and_never_go_back() {
    let folder = fixture(2);
    let mut prepared = import(folder.path(), DEFAULT_MEMORY).unwrap();
    let lines = lines(&mut prepared);
    let mut keys = BTreeSet::new();
    let mut tenants = BTreeSet::new();
    let mut known = BTreeSet::new();
    for (index, line) in lines.iter().enumerate() {
        assert!(keys.insert((line.tenant, &line.key)), "{}", line.key);
        let before = index.checked_sub(1).map(|index| &lines[index]);
        if tenants.insert(line.tenant) {
            assert_eq!(
                (line.command, line.id),
                ("organization.register", line.tenant)
            );
            assert!(before.is_none_or(|before| before.tenant < line.tenant));
        } else {
            assert!(before.is_some_and(
                |before| before.tenant == line.tenant && before.occurred_at <= line.occurred_at
            ));
        }
        match line.command {
            "customer.register" | "order.place" | "lead.capture" => {
                assert!(known.insert((line.tenant, line.id)));
            }
            "organization.register" => {}
            _ => assert!(known.contains(&(line.tenant, line.id)), "{}", line.key),
        }
        let data: Value = serde_json::from_str(&line.data).unwrap();
        if let Some(customer) = data["customerId"].as_str() {
            assert!(known.contains(&(line.tenant, customer.parse().unwrap())));
        }
    }
    assert_eq!(tenants.len() as u64, 2 * fixture::TENANTS + 1);
    let commands: BTreeMap<&str, u64> = lines.iter().fold(BTreeMap::new(), |mut counts, line| {
        *counts.entry(line.command).or_default() += 1;
        counts
    });
    assert_eq!(prepared.report().commands, commands);
}

#[test]
fn an_order_of_two_sellers_is_split_to_the_cent() {
    let folder = fixture(1);
    let mut prepared = import(folder.path(), DEFAULT_MEMORY).unwrap();
    let reference = "aaa0".to_owned() + &"0".repeat(27) + "2";
    let mut amounts = Vec::new();
    for line in lines(&mut prepared)
        .iter()
        .filter(|line| line.key == format!("order:{reference}:place"))
    {
        let data: Value = serde_json::from_str(&line.data).unwrap();
        let order: Uuid = reference.parse().unwrap();
        let seller = line.tenant.simple().to_string();
        assert_eq!(line.id, Uuid::new_v5(&order, seller.as_bytes()));
        amounts.push((
            seller.ends_with('2'),
            number(&data["payments"][0]["amount"]),
            number(&data["payments"][1]["amount"]),
        ));
    }
    // The first item is the second seller's.
    amounts.sort_unstable();
    assert_eq!(amounts, [(false, 5000, 0), (true, 5001, 0)]);
}

#[test]
fn a_deal_says_all_that_its_row_does() {
    let folder = fixture(1);
    let mut prepared = import(folder.path(), DEFAULT_MEMORY).unwrap();
    let lines: Vec<(String, Value)> = lines(&mut prepared)
        .iter()
        .filter(|line| line.command.starts_with("lead."))
        .map(|line| {
            assert_eq!(line.tenant, HOUSE);
            let (command, number) = (line.command, line.id.as_u128() & 0xf);
            let at = line.occurred_at.format("%FT%T");
            let data = serde_json::from_str(&line.data).unwrap();
            (format!("{at} {command} {number}"), data)
        })
        .collect();
    let names: Vec<&str> = lines.iter().map(|(name, _)| name.as_str()).collect();
    let expected = [
        "2018-02-01T00:00:00 lead.capture 1",
        "2018-02-01T00:00:00 lead.capture 2",
        "2018-02-03T00:00:00 lead.capture 3",
        "2018-02-05T00:00:00 lead.capture 4",
        // Dated before the first contact: it occurs with it.
        "2018-02-05T00:00:00 lead.win 4",
        "2018-02-13T18:30:00 lead.win 3",
    ];
    assert_eq!(names, expected);
    let id = |kind: &str, number: &str| format!("{kind:a>4}{:012}{number:0>16}", 0);
    let contact = serde_json::json!({ "reference": id("9", "2"), "landingPageId": id("8", "1") });
    assert_eq!(lines[1].1, contact);
    assert_eq!(lines[4].1["wonAt"], "2018-02-03T09:00:00Z");
    let deal = serde_json::json!({ "wonAt": "2018-02-13T18:30:00Z", "sellerId": id("e", "1"),
        "developmentRepId": id("6", "1"), "salesRepId": id("6", "1"), "profile": {
            "businessSegment": "pet", "leadType": "online_big", "behaviourProfile": "cat, wolf", "hasCompany": true,
            "hasGtin": false, "averageStock": "5-20", "businessType": "reseller", "declaredCatalogSize": 100,
            "declaredMonthlyRevenue": { "amount": 250_050, "currency": "BRL" } } });
    assert_eq!(lines[5].1, deal);
}

#[test]
fn memory_changes_nothing_and_nothing_is_left_behind() {
    let folder = fixture(200);
    let files = || fs::read_dir(folder.path()).unwrap().count();
    let before = files();
    let mut large = import(folder.path(), DEFAULT_MEMORY).unwrap();
    let mut little = import(folder.path(), 0).unwrap();
    assert_eq!(large.report(), little.report());
    assert!(
        large
            .lines()
            .map(Result::unwrap)
            .eq(little.lines().map(Result::unwrap))
    );
    assert_eq!(large.lines().count(), little.lines().count());
    assert_eq!(files(), before + 2);
    drop((large, little));
    assert_eq!(files(), before);
}

#[test]
fn progress_ends_complete() {
    let folder = fixture(10);
    let options = Options {
        source: folder.path().into(),
        spill: folder.path().into(),
        memory: DEFAULT_MEMORY,
        revenue: false,
    };
    let mut told = Vec::new();
    prepare(&options, &mut |progress| told.push(progress)).unwrap();
    assert!(told.is_sorted_by_key(|progress| (progress.phase, progress.bytes_read)));
    let last = told.last().unwrap();
    assert_eq!(
        (last.phase, last.bytes_read),
        (Phase::Sorting, last.bytes_total)
    );
    let reading = told
        .iter()
        .rfind(|progress| progress.phase == Phase::Reading)
        .unwrap();
    assert_eq!(reading.bytes_read, reading.bytes_total);
}

#[test]
fn a_broken_folder_is_a_clear_error() {
    let says = |folder: &TempDir| {
        import(folder.path(), DEFAULT_MEMORY)
            .unwrap_err()
            .to_string()
    };

    let folder = small();
    fs::remove_file(folder.path().join("olist_order_items.csv")).unwrap();
    assert!(says(&folder).contains("has no olist_order_items_dataset.csv"));

    let folder = small();
    replace(&folder, "olist_orders.csv", "order_status", "state");
    assert_eq!(
        says(&folder),
        "the header of olist_orders.csv has no column order_status; check that the file has the public dataset's layout"
    );

    let folder = small();
    fs::copy(
        folder.path().join("olist_orders.csv"),
        folder.path().join("olist_orders_dataset.csv"),
    )
    .unwrap();
    assert!(says(&folder).contains("both olist_orders_dataset.csv and olist_orders.csv"));

    let folder = small();
    fs::write(folder.path().join("olist_sellers.csv.zst"), "no zstd").unwrap();
    assert!(says(&folder).starts_with("cannot read olist_sellers.csv.zst"));

    let folder = small();
    let endless = format!("\"{}", "x\n".repeat(2 * 1024 * 1024));
    replace(&folder, "olist_customers.csv", "sao paulo", &endless);
    assert!(says(&folder).contains("the row at line 2 of olist_customers.csv is longer"));

    let folder = TempDir::new().unwrap();
    assert!(import(&folder.path().join("none"), DEFAULT_MEMORY).is_err());
}

#[test]
fn rows_of_an_order_that_is_not_mapped_are_reported_and_so_is_who_is_left() {
    let folder = small();
    replace(&folder, "olist_orders.csv", ",approved,", ",vanished,");
    let prepared = import(folder.path(), DEFAULT_MEMORY).unwrap();
    assert_eq!(prepared.total_lines(), 0);
    let reported = |table: &str| {
        prepared.report().files[table]
            .reported
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(reported("orders"), ["order_status: unknown"]);
    assert_eq!(reported("order_items"), ["order not mapped"]);
    assert_eq!(reported("order_payments"), ["order not mapped"]);
    assert_eq!(reported("customers"), ["customer without an order"]);
}
