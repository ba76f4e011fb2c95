//! Earlier moments of the real data: the tenant with the most to tell and the house, imported with stops at random positions and at
//! the ends of random days. What was told at each stop is what is told of it afterwards.

use std::{path::PathBuf, sync::Arc, time::Instant};

use chrono::{DateTime, TimeDelta, Utc};
use commands::{Bus, Way};
use daybook::import::{self, olist};
use event_schemas::TenantId;
use event_store::SystemClock;
use serde_json::{Value, json};

use crate::{
    as_of::{ask::ask, history::old_key},
    harness::{self, Served},
};

/// How many stops of each sort.
const STOPS: usize = 100;
const FEW_STOPS: usize = 15;

/// Lists, totals and groups, each of the sort that reads something else.
const ALL: &str = "query($at: AsOf) {
  orders(asOf: $at) { totalCount edges { node { ...order } } }
  dearest: orders(asOf: $at, orderBy: { field: TOTAL, direction: DESC }) { edges { node { ...order } } }
  praised: orders(asOf: $at, filter: { status: { eq: DELIVERED }, reviewScore: { gte: 4 } }) { totalCount edges { node { number } } }
  ordersStats(asOf: $at, first: 10) { ...stats }
  byStatus: ordersStats(asOf: $at, groupBy: [STATUS], first: 20) { status ...stats }
  byMonth: ordersStats(asOf: $at, bucket: { size: MONTH }, first: 50) { start orders revenue { amount } valueLost { amount } }
  byState: ordersStats(asOf: $at, groupBy: [STATE], first: 50) { state ...stats }
  byCategory: ordersStats(asOf: $at, groupBy: [CATEGORY], first: 50) { category ...stats }
  leads(asOf: $at) { totalCount edges { node { leadId status sellerId wonAt version position } } }
  leadsStats(asOf: $at, groupBy: [STATUS, ORIGIN], first: 100) { status origin leads open won lost medianDaysToWin }
}
fragment order on Order { number reference status approvedAt shippedAt deliveredAt total { amount } paidTotal { amount }
  lines { productId } reviews { score title } reviewScore version position updatedAt }
fragment stats on OrderStats { currency orders items revenue { amount } freight { amount } valueLost { amount } approved shipped
  delivered reviewed cancelled timedDeliveries meanDeliveryDays medianDeliveryDays p90DeliveryDays late lateShare reviews
  meanReviewScore }";

/// A stop of an import.
struct Stop {
    /// After so many lines.
    lines: usize,
    /// The time that this is the end of, where it is one.
    time: Option<DateTime<Utc>>,
}

/// What was told there.
struct Told {
    position: i64,
    time: Option<DateTime<Utc>>,
    answer: Value,
}

/// Numbers that look random and are the same in every run: `SplitMix64`, of Steele, Lea and Flood (2014).
struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(most).unwrap()).unwrap()
    }
}

/// The lines of the house, and those of the tenant that has the most of all others.
fn lines() -> [Vec<olist::Line>; 2] {
    let folder = std::env::var("DAYBOOK_TEST_DATA").expect("DAYBOOK_TEST_DATA names the folder");
    let spill = tempfile::tempdir().unwrap();
    let options = olist::Options {
        source: PathBuf::from(folder).join("olist"),
        spill: spill.path().to_owned(),
        memory: olist::DEFAULT_MEMORY,
        revenue: false,
    };
    let mut prepared = olist::prepare(&options, &mut |_| {}).unwrap();
    let (mut house, mut most, mut current) = (Vec::new(), Vec::new(), Vec::<olist::Line>::new());
    let mut end = |lines: Vec<olist::Line>| match lines.first() {
        Some(line) if line.tenant == olist::HOUSE => house = lines,
        _ if lines.len() > most.len() => most = lines,
        _ => {}
    };
    for line in prepared.lines() {
        let line = line.unwrap();
        if current
            .first()
            .is_some_and(|first| first.tenant != line.tenant)
        {
            end(std::mem::take(&mut current));
        }
        current.push(line);
    }
    end(current);
    [house, most]
}

fn stops(lines: &[olist::Line], random: &mut Random) -> Vec<Stop> {
    let most = if super::whole() { STOPS } else { FEW_STOPS };
    let (first, last) = (lines[0].occurred_at, lines.last().unwrap().occurred_at);
    let days = usize::try_from((last - first).num_days()).unwrap();
    // The first line is the registration.
    let mut stops = vec![Stop {
        lines: 1,
        time: None,
    }];
    for _ in 0..most {
        stops.push(Stop {
            lines: 1 + random.below(lines.len()),
            time: None,
        });
        let day = first.date_naive() + TimeDelta::days(random.below(days).try_into().unwrap());
        let midnight = day.and_hms_opt(0, 0, 0).unwrap().and_utc() + TimeDelta::days(1);
        let time = midnight - TimeDelta::microseconds(1);
        stops.push(Stop {
            lines: lines.partition_point(|line| line.occurred_at <= time),
            time: Some(time),
        });
    }
    stops.sort_by_key(|stop| stop.lines);
    stops
}

/// Imports with stops; what was told at each, and the key.
async fn bring(app: &Served, mut lines: Vec<olist::Line>, stops: Vec<Stop>) -> (String, Vec<Told>) {
    let tenant = TenantId(lines[0].tenant);
    let began = lines[0].occurred_at;
    let bus = Bus::new(app.store.clone(), Arc::new(SystemClock), None, Way::Direct);
    let (mut key, mut told, mut done) = (None, Vec::new(), 0);
    for stop in stops {
        let rest = lines.split_off(stop.lines - done);
        done = stop.lines;
        let chunk = std::mem::replace(&mut lines, rest);
        let chunk = chunk.into_iter().map(Ok::<_, std::io::Error>);
        let written = import::execute(&bus, "test", chunk, &|_| {}).unwrap();
        assert!(written.refused.is_empty(), "{:?}", written.examples);
        let key = match &mut key {
            Some(key) => key,
            none => none.insert(old_key(&app.store, &bus, tenant, began).await),
        };
        let mut tx = app.store.tenant_tx(tenant).await.unwrap();
        let position = tx.newest_position().await.unwrap();
        let place = tx.place_of(position).await.unwrap().unwrap().token;
        drop(tx);
        let token = app.store.issue_token(tenant, place.position, place.offset);
        let answer = ask(app, key, ALL, &Value::Null, Some(&token)).await;
        told.push(Told {
            position,
            time: stop.time,
            answer,
        });
    }
    (key.unwrap(), told)
}

#[tokio::test(flavor = "multi_thread")]
async fn earlier_moments_are_told_as_by_a_database_that_stops_there() {
    let both = tokio::task::spawn_blocking(lines).await.unwrap();
    let database = harness::database().await;
    let app = database.serve().await;
    let mut random = Random(20_261_122);
    let mut told = Vec::new();
    for lines in both {
        let stops = stops(&lines, &mut random);
        eprintln!("{} lines, {} stops", lines.len(), stops.len());
        told.push(bring(&app, lines, stops).await);
    }
    for (key, told) in &told {
        compare(&app, key, told).await;
    }
    // Made anew, every position is inside a batch of many.
    let store = database.store().await;
    let engine = daybook::app::engine(&store).await.unwrap();
    for projection in ["order", "lead"] {
        engine.rebuild(projection).await.unwrap();
    }
    for (key, told) in &told {
        compare(&app, key, told).await;
    }
    store.close().await;
    app.stop().await;
}

async fn compare(app: &Served, key: &str, told: &[Told]) {
    let (began, mut asked) = (Instant::now(), 0);
    for one in told {
        let position = json!({ "position": one.position.to_string() });
        let time = one.time.map(|time| json!({ "time": time }));
        for at in [Some(position), time].into_iter().flatten() {
            let answer = ask(app, key, ALL, &at, None).await;
            assert_eq!(answer, one.answer, "{at}");
            asked += 1;
        }
    }
    eprintln!(
        "{asked} moments asked for in {:.1} s",
        began.elapsed().as_secs_f64()
    );
}
