//! What the search finds, in which order, what it marks, and that a search which finds everything ranks no more than another.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{after, asked, done};
use crate::harness::{self, Database, Served, Tenant};

const SEARCH: &str = "query($query: String!, $filter: DocumentSearchFilter) {
    searchDocuments(query: $query, filter: $filter) { totalCount nodes { rank document { title } } } }";

struct Shelf {
    database: Database,
    app: Served,
    tenant: Tenant,
    token: Value,
}

impl Shelf {
    /// Documents by title, language and text.
    async fn open(documents: &[(&str, &str, &str)]) -> Self {
        let database = harness::database().await;
        let app = database.serve().await;
        let tenant = app.tenant(&["*"]).await;
        let mut token = Value::Null;
        for (n, (title, language, body)) in (1..).zip(documents) {
            let body = json!({ "title": title, "language": language, "body": body });
            token = done(&app, &tenant, Uuid::from_u128(n), "add", body).await;
        }
        Self {
            database,
            app,
            tenant,
            token,
        }
    }

    async fn step(&mut self, document: u128, name: &str, body: Value) {
        let id = Uuid::from_u128(document);
        self.token = done(&self.app, &self.tenant, id, name, body).await;
    }

    /// The titles that a search finds, in its order.
    async fn titles(&self, words: &str, filter: Value) -> Vec<String> {
        let given = json!({ "query": words, "filter": filter });
        let data = after(&self.app, &self.tenant, &self.token, SEARCH, given).await;
        let nodes = data["searchDocuments"]["nodes"].as_array().unwrap();
        let ranks: Vec<f64> = nodes.iter().map(|n| n["rank"].as_f64().unwrap()).collect();
        assert!(ranks.is_sorted_by(|a, b| a >= b), "{words}: {ranks:?}");
        assert!(ranks.iter().all(|rank| (0.0..=1.0).contains(rank)));
        assert_eq!(data["searchDocuments"]["totalCount"], nodes.len());
        nodes
            .iter()
            .map(|node| node["document"]["title"].as_str().unwrap().to_owned())
            .collect()
    }
}

#[tokio::test]
async fn words_are_found_in_any_form_with_accents_or_without() {
    let shelf = Shelf::open(&[
        (
            "Trocas",
            "pt",
            "Aceitamos devoluções em sete dias, sem custo.",
        ),
        (
            "Returns",
            "en",
            "Our policies: we take cups back at the Café.",
        ),
        ("Rückgabe", "de", "Tassen nehmen wir zurück."),
    ])
    .await;
    for (words, expected) in [
        ("devolução", vec!["Trocas"]),
        ("DEVOLUÇÕES", vec!["Trocas"]),
        ("devolucoes", vec!["Trocas"]),
        ("dias devolução", vec!["Trocas"]),
        ("policy", vec!["Returns"]),
        ("taking", vec!["Returns"]),
        ("cafe", vec!["Returns"]),
        ("zurück", vec!["Rückgabe"]),
        ("zuruck", vec!["Rückgabe"]),
        ("ruckgabe", vec!["Rückgabe"]),
        // What is said in no form of theirs.
        ("tasse", vec![]),
        ("devoluções policy", vec![]),
        ("\"sete dias\"", vec!["Trocas"]),
        ("\"dias sete\"", vec![]),
        ("devoluções -custo", vec![]),
        ("devoluções -frete", vec!["Trocas"]),
        // Without what English leaves out nothing is left.
        ("the", vec![]),
        ("²", vec![]),
    ] {
        assert_eq!(shelf.titles(words, json!({})).await, expected, "{words}");
    }
    let mut either = shelf.titles("tassen or cups", json!({})).await;
    either.sort_unstable();
    assert_eq!(either, ["Returns", "Rückgabe"]);
    shelf.app.stop().await;
}

#[tokio::test]
async fn a_title_counts_more_than_a_text_and_filters_hold_before_ranks() {
    let mut shelf = Shelf::open(&[
        ("Bread", "en", "Flour, water and salt, and a warm oven."),
        ("Oven", "en", "It bakes bread."),
        ("Cake", "en", "No word of it."),
        ("Brot", "de", "bread, as they say."),
    ])
    .await;
    let found = shelf.titles("bread", json!({})).await;
    assert_eq!((found[0].as_str(), found.len()), ("Bread", 3), "{found:?}");
    let tagged = json!({ "tags": ["bread"], "kind": "recipe" });
    shelf.step(3, "revise", tagged).await;
    for (filter, expected) in [
        (json!({ "tag": "bread" }), vec!["Cake"]),
        (json!({ "kind": "recipe" }), vec!["Cake"]),
        (json!({ "kind": "policy" }), vec![]),
        (json!({ "language": "de" }), vec!["Brot"]),
        (json!({ "language": "pt" }), vec![]),
    ] {
        assert_eq!(
            shelf.titles("bread", filter.clone()).await,
            expected,
            "{filter}"
        );
    }
    shelf.app.stop().await;
}

#[tokio::test]
async fn what_is_found_is_the_last_revision_and_what_is_retired_only_when_asked_for() {
    let mut shelf = Shelf::open(&[("Hours", "en", "We open at nine.")]).await;
    shelf.step(1, "revise", json!({ "title": "Opening" })).await;
    for (words, expected) in [("nine", 1), ("opening", 1), ("hours", 0)] {
        let found = shelf.titles(words, json!({})).await;
        assert_eq!(found.len(), expected, "{words}");
    }
    shelf.step(1, "revise", json!({ "body": "At ten." })).await;
    shelf
        .step(1, "revise", json!({ "source": "The door" }))
        .await;
    for (words, expected) in [("nine", 0), ("ten", 1), ("opening", 1)] {
        let found = shelf.titles(words, json!({})).await;
        assert_eq!(found.len(), expected, "{words}");
    }
    shelf.step(1, "retire", json!({})).await;
    assert!(shelf.titles("ten", json!({})).await.is_empty());
    let all = shelf.titles("ten", json!({ "includeRetired": true })).await;
    assert_eq!(all, ["Opening"]);
    shelf.app.stop().await;
}

#[tokio::test]
async fn what_was_found_is_marked_beside_the_text() {
    let filler = "Nada de novo por aqui. ".repeat(300);
    let body =
        format!("{filler}Toda devolução é aceita. {filler}Frete <b>grátis</b> sempre. {filler}");
    let shelf = Shelf::open(&[("Devoluções e trocas", "pt", &body)]).await;
    let query = "query($query: String!) { searchDocuments(query: $query) {
        nodes { highlights { part parts { text matched } } } } }";
    let given = json!({ "query": "devolucao or gratis" });
    let data = after(&shelf.app, &shelf.tenant, &shelf.token, query, given).await;
    let highlights = &data["searchDocuments"]["nodes"][0]["highlights"];
    let told: Vec<(String, Vec<String>)> = highlights
        .as_array()
        .unwrap()
        .iter()
        .map(|highlight| {
            let matched = highlight["parts"].as_array().unwrap().iter();
            let matched = matched
                .filter(|part| part["matched"] == true)
                .map(|part| part["text"].as_str().unwrap().to_owned());
            (
                highlight["part"].as_str().unwrap().to_owned(),
                matched.collect(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("BODY".to_owned(), vec!["devolução".to_owned()]),
            ("BODY".to_owned(), vec!["grátis".to_owned()])
        ]
    );
    let text = |highlight: &Value| -> String {
        let parts = highlight["parts"].as_array().unwrap().iter();
        parts.map(|part| part["text"].as_str().unwrap()).collect()
    };
    let fragment = text(&highlights[0]);
    assert!(body.contains(&fragment), "{fragment}");
    // Its title has it in another form, which its own language finds.
    let given = json!({ "query": "devoluções" });
    let data = after(&shelf.app, &shelf.tenant, &shelf.token, query, given).await;
    assert_eq!(
        data["searchDocuments"]["nodes"][0]["highlights"][0],
        json!({ "part": "TITLE", "parts": [{ "text": "Devoluções", "matched": true }, { "text": " e trocas", "matched": false }] })
    );
    shelf.app.stop().await;
}

#[tokio::test]
async fn a_search_for_nothing_is_refused_with_what_to_do() {
    let shelf = Shelf::open(&[("A", "en", "b")]).await;
    for (words, filter, expected) in [
        ("", json!({}), "has no word; give at least one"),
        ("- \" \"", json!({}), "has no word; give at least one"),
        (
            &*"long ".repeat(101),
            json!({}),
            "more than 500 characters; look for fewer words",
        ),
    ] {
        let given = json!({ "query": words, "filter": filter });
        let answer = asked(&shelf.app, &shelf.tenant, &shelf.token, SEARCH, given).await;
        let error = &answer["errors"][0];
        assert_eq!(error["extensions"]["code"], "BAD_USER_INPUT", "{words}");
        assert!(
            error["message"].as_str().unwrap().contains(expected),
            "{error}"
        );
    }
    shelf.app.stop().await;
}

/// Adds documents that are in no log, all with one word, three with another.
async fn many(database: &Database, tenant: &Tenant, documents: i32) {
    let mut admin = database.admin().await;
    let schema: String = sqlx::query_scalar(
        "select schema_name from projection.serving where projection = 'document'",
    )
    .fetch_one(&mut admin)
    .await
    .unwrap();
    let fill = format!(
        "set search_path = {schema};
         insert into document (tenant_id, document_id, status, title, body, language, tags, revision, added_at, waived, version,
           position, updated_at, lexemes)
         select '{tenant}', ('00000000-0000-0000-0001-' || lpad(n::text, 12, '0'))::uuid, 'active', 'Document ' || n, b, 'en', '{{}}',
           1, now(), '{{}}', 1, 10 + n, now(), document_lexemes('{tenant}', 'en', 'Document ' || n, null, '{{}}', b)
         from (select n, 'frequent' || case when n <= 3 then ' rare' else '' end as b from generate_series(1, {documents}) n) g;
         analyze document",
        tenant = tenant.id.0
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(fill))
        .execute(&mut admin)
        .await
        .unwrap();
}

/// How often the documents were read as a whole, and how many rows of them were read.
async fn scans(database: &Database) -> (i64, i64) {
    let mut admin = database.admin().await;
    sqlx::raw_sql("select pg_stat_force_next_flush(); select pg_stat_clear_snapshot()")
        .execute(&mut admin)
        .await
        .unwrap();
    sqlx::query_as(
        "select seq_scan, seq_tup_read + coalesce(idx_tup_fetch, 0) from pg_stat_user_tables where relname = 'document'",
    )
    .fetch_one(&mut admin)
    .await
    .unwrap()
}

#[tokio::test]
async fn a_search_that_finds_everything_ranks_the_newest_alone() {
    let shelf = Shelf::open(&[("A", "en", "b")]).await;
    let other = shelf.app.tenant(&["*"]).await;
    let nothing = asked(
        &shelf.app,
        &shelf.tenant,
        &shelf.token,
        SEARCH,
        json!({ "query": "a1" }),
    )
    .await;
    assert!(nothing["data"].is_object(), "{nothing}");
    many(&shelf.database, &shelf.tenant, 2_000).await;
    // Another's have the same words, and are passed by.
    many(&shelf.database, &other, 3_000).await;
    let query = "query($query: String!, $after: String) { searchDocuments(query: $query, first: 100, after: $after) {
        totalCount nodes { document { title } } pageInfo { hasNextPage endCursor } } }";
    let before = scans(&shelf.database).await;
    let (mut seen, mut cursor) = (Vec::new(), Value::Null);
    loop {
        let given = json!({ "query": "frequent", "after": cursor });
        let data = shelf.app.query(&shelf.tenant.key, query, given).await;
        let page = &data["searchDocuments"];
        assert_eq!(page["totalCount"], 500);
        let nodes = page["nodes"].as_array().unwrap().iter();
        seen.extend(nodes.map(|node| node["document"]["title"].as_str().unwrap().to_owned()));
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        cursor = page["pageInfo"]["endCursor"].clone();
    }
    let mut expected: Vec<String> = (1_501..=2_000).map(|n| format!("Document {n}")).collect();
    seen.sort_unstable();
    expected.sort_unstable();
    assert_eq!(seen, expected);
    let given = json!({ "query": "rare" });
    let data = shelf.app.query(&shelf.tenant.key, query, given).await;
    assert_eq!(data["searchDocuments"]["totalCount"], 3);
    shelf.app.stop().await;
    let after = scans(&shelf.database).await;
    assert_eq!(after.0 - before.0, 0, "they were read as a whole");
}
