//! How the audit trail spells the words that full text looks for. The same for what is written and for what is asked. Never
//! splits a text into words: that is the database's.

use uuid::Uuid;

/// An id as one word: the database would take one with dashes, or one that begins with a digit, apart.
pub fn id(id: Uuid) -> String {
    format!("x{}", id.simple())
}

/// What was asked, with its ids spelled as they were written. Quotes and a leading minus keep their meaning.
pub fn query(text: &str) -> String {
    let mut words = Vec::new();
    for word in text.split_whitespace() {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        // The id may have its stream's context before it.
        let found = Uuid::parse_str(bare)
            .ok()
            .map(|found| (bare, found))
            .or_else(|| {
                let (_, rest) = bare.split_once('-')?;
                Some((bare, Uuid::parse_str(rest).ok()?))
            });
        words.push(match found {
            Some((bare, found)) => word.replacen(bare, &id(found), 1),
            None => word.to_owned(),
        });
    }
    words.join(" ")
}

/// A type's name as words: `OrderPlaced` is `Order Placed` too.
pub(super) fn push_type(name: &str, words: &mut String) {
    words.push_str(name);
    words.push(' ');
    for c in name.chars() {
        if c.is_uppercase() {
            words.push(' ');
        }
        words.push(c);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_one_word_however_they_are_written() {
        let spelled = "x0190b5a27c107a3a8e0c3f6a5d4c2b1a";
        for written in [
            "0190b5a2-7c10-7a3a-8e0c-3f6a5d4c2b1a",
            "0190B5A27C107A3A8E0C3F6A5D4C2B1A",
            "order-0190b5a2-7c10-7a3a-8e0c-3f6a5d4c2b1a",
        ] {
            assert_eq!(query(written), spelled, "{written}");
        }
        assert_eq!(
            query("-\"0190b5a2-7c10-7a3a-8e0c-3f6a5d4c2b1a\"  São -Paulo \"a b\""),
            format!("-\"{spelled}\" São -Paulo \"a b\"")
        );
        assert_eq!(query("decaf café"), "decaf café");
    }

    #[test]
    fn a_type_is_found_by_its_name_and_by_its_words() {
        let mut words = String::new();
        push_type("OrderPlaced", &mut words);
        assert_eq!(words, "OrderPlaced  Order Placed");
    }
}
