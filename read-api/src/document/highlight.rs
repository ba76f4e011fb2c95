//! Where in a document the words of a search are, as plain texts: what is marked is said beside a text, never in it.

use async_graphql::{Enum, Object, SimpleObject};

/// Where what is marked begins and ends, and where the next fragment begins. The read model's texts have none of them.
const BEGIN: char = '\u{1}';
const END: char = '\u{2}';
const NEXT: char = '\u{3}';
/// The most fragments of a text.
const MOST: usize = 3;
/// About how many characters a fragment has at most: words may be long.
const LONGEST: usize = 600;

/// A part of a document.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
#[graphql(name = "DocumentPart")]
pub(crate) enum Part {
    /// What it is called.
    Title,
    /// The text.
    Body,
}

/// A piece of a text, as it is written there.
#[derive(Clone, PartialEq, Eq, SimpleObject, Debug)]
#[graphql(name = "HighlightPart")]
pub(crate) struct Piece {
    /// The text, plain: show it as text and never as HTML.
    text: String,
    /// Whether it is what was looked for.
    matched: bool,
}

/// A title or a fragment of a text, in pieces.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Highlight {
    part: Part,
    pieces: Vec<Piece>,
}

/// A title or a fragment of a text in which something was found.
#[Object]
impl Highlight {
    /// Of what it is.
    async fn part(&self) -> Part {
        self.part
    }

    /// What stands there, piece by piece: together they are the fragment.
    #[graphql(complexity = "6 * child_complexity + 1")]
    async fn parts(&self) -> &[Piece] {
        &self.pieces
    }
}

/// What is marked in a document: its title if something is, and the fragments of its text in which something is.
pub(super) fn highlights(title: &str, body: &str) -> Vec<Highlight> {
    let marked = |part, text: &str| {
        let pieces = pieces(text);
        pieces
            .iter()
            .any(|piece| piece.matched)
            .then_some(Highlight { part, pieces })
    };
    let fragments = body.split(NEXT).filter_map(|text| marked(Part::Body, text));
    marked(Part::Title, title)
        .into_iter()
        .chain(fragments.take(MOST))
        .collect()
}

/// The pieces of a fragment. What is marked on both sides of a blank is one piece.
fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut length = 0;
    let mut matched = false;
    for text in text.split_inclusive([BEGIN, END]) {
        let ends = text.chars().next_back();
        let plain: String = text
            .chars()
            .filter(|c| !matches!(*c, BEGIN | END))
            .take(LONGEST.saturating_sub(length))
            .collect();
        length += plain.chars().count();
        if !plain.is_empty() {
            push(&mut pieces, plain, matched);
        }
        matched = match ends {
            Some(BEGIN) => true,
            Some(END) => false,
            _ => matched,
        };
    }
    pieces
}

fn push(pieces: &mut Vec<Piece>, text: String, matched: bool) {
    if let [.., before, blank] = pieces.as_slice()
        && matched
        && before.matched
        && blank.text.chars().all(char::is_whitespace)
        && let Some(blank) = pieces.pop()
        && let Some(before) = pieces.last_mut()
    {
        before.text.push_str(&blank.text);
        before.text.push_str(&text);
        return;
    }
    pieces.push(Piece { text, matched });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(title: &str, body: &str) -> Vec<(Part, Vec<(String, bool)>)> {
        highlights(title, body)
            .into_iter()
            .map(|highlight| {
                let pieces = highlight.pieces.into_iter();
                (
                    highlight.part,
                    pieces.map(|piece| (piece.text, piece.matched)).collect(),
                )
            })
            .collect()
    }

    fn piece(text: &str, matched: bool) -> (String, bool) {
        (text.to_owned(), matched)
    }

    #[test]
    fn what_is_marked_is_said_beside_the_text() {
        let found = told(
            "Nothing",
            "the \u{1}<b>cup\u{2} is\u{3}not here\u{3}\u{1}a\u{2}",
        );
        assert_eq!(
            found,
            [
                (
                    Part::Body,
                    vec![
                        piece("the ", false),
                        piece("<b>cup", true),
                        piece(" is", false)
                    ]
                ),
                (Part::Body, vec![piece("a", true)]),
            ]
        );
        assert_eq!(
            told("\u{1}Cups\u{2}", ""),
            [(Part::Title, vec![piece("Cups", true)])]
        );
        assert_eq!(told("", ""), []);
    }

    #[test]
    fn words_beside_each_other_are_one_piece_and_long_ones_end() {
        let both = told("\u{1}return\u{2} \u{1}policy\u{2}, new", "");
        assert_eq!(
            both,
            [(
                Part::Title,
                vec![piece("return policy", true), piece(", new", false)]
            )]
        );
        let long = format!("\u{1}{}\u{2} rest", "x".repeat(5_000));
        let found = told(&long, &format!("{long}\u{3}").repeat(9));
        assert_eq!(found.len(), 1 + MOST);
        for (_, pieces) in found {
            assert_eq!(pieces, [piece(&"x".repeat(LONGEST), true)]);
        }
    }
}
