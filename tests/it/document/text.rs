//! Texts that are hard to search: none stops the read model, and each is found by what it says.

use serde_json::json;
use uuid::Uuid;

use super::{after, done};
use crate::harness;

/// The most characters of a text.
const LONGEST: usize = 100_000;

/// A text of words, as long as a text may be, behind a first word of its own.
fn text(first: &str, words: impl Iterator<Item = String>, between: &str) -> String {
    let mut text = format!("{first} ");
    for word in words {
        if text.len() > 4 * LONGEST {
            break;
        }
        text.push_str(&word);
        text.push_str(between);
    }
    text.chars().take(LONGEST).collect()
}

/// Characters in an order of their own, from one on.
fn letters(from: u32) -> impl Iterator<Item = String> {
    (0..20_000_u32).filter_map(move |n| {
        let letter = char::from_u32(from + n * 7_919 % 20_000)?;
        Some(letter.to_string())
    })
}

/// What takes most of an index for its length: short words that are all different, of many bytes each, and joined so that each
/// is in it twice.
fn hostile() -> Vec<(&'static str, String)> {
    let syllables = || (0..60_000_u32).map(|n| format!("{:x}", n * 7_919 % 65_536));
    let accents = || {
        let all: Vec<char> = "éèêëàáâãäåçìíîïñòóôõöùúûüýÿ".chars().collect();
        (0..60_000).map(move |n: usize| {
            let letter = |by: usize| all[n / by % all.len()];
            [letter(1), letter(27), letter(729)]
                .iter()
                .collect::<String>()
        })
    };
    vec![
        ("first", text("first", letters(0x4e00), " ")),
        ("second", text("second", letters(0x2_0000), " ")),
        (
            "third",
            text("third", letters(0x4e00).chain(letters(0x2_0000)), "-"),
        ),
        ("fourth", text("fourth", accents(), "-")),
        ("fifth", text("fifth", accents(), " ")),
        ("sixth", text("sixth", syllables(), "-x ")),
        (
            "seventh",
            text(
                "seventh",
                syllables().map(|s| format!("http://{s}.co/{s}")),
                " ",
            ),
        ),
        (
            "eighth",
            text("eighth", std::iter::repeat_n("ab".to_owned(), LONGEST), " "),
        ),
        (
            "ninth",
            text("ninth", std::iter::repeat_n("𝔸".to_owned(), LONGEST), ""),
        ),
        (
            "tenth",
            text("tenth", std::iter::repeat_n("x".to_owned(), LONGEST), ""),
        ),
        (
            "eleventh",
            text(
                "eleventh",
                std::iter::repeat_n("'\\&|!<->:*".to_owned(), LONGEST),
                " ",
            ),
        ),
    ]
}

#[tokio::test]
async fn no_text_stops_the_read_model_and_each_is_found() {
    let app = harness::database().await.serve().await;
    let tenant = app.tenant(&["*"]).await;
    let query = "query($query: String!) { searchDocuments(query: $query) { nodes {
        document { documentId } highlights { part parts { text matched } } } } }";
    let mut id = 0;
    for (first, body) in hostile() {
        for language in ["pt", "en", "ja"] {
            id += 1;
            let id = Uuid::from_u128(id);
            let add = json!({ "title": "T", "body": body, "language": language });
            let token = done(&app, &tenant, id, "add", add).await;
            let data = after(&app, &tenant, &token, query, json!({ "query": first })).await;
            let nodes = data["searchDocuments"]["nodes"].as_array().unwrap();
            let found = nodes
                .iter()
                .find(|node| node["document"]["documentId"] == id.to_string())
                .unwrap_or_else(|| panic!("{first} in {language}: {nodes:?}"));
            let part = &found["highlights"][0]["parts"][0];
            assert_eq!(part["matched"], true, "{first} in {language}");
            assert_eq!(part["text"], first, "{first} in {language}");
        }
    }
    app.stop().await;
}
