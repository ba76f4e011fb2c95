//! Lists of texts as PostgreSQL array literals, for `unnest` cannot take arrays of arrays of different lengths.
//! Never used for anything but a bound parameter.

/// The literal of an array of texts: `{"a","b"}`.
pub(crate) fn literal(items: &[String]) -> String {
    let mut out = String::with_capacity(2 + items.iter().map(|item| item.len() + 3).sum::<usize>());
    out.push('{');
    for (index, item) in items.iter().enumerate() {
        out.push_str(if index == 0 { "\"" } else { ",\"" });
        for c in item.chars() {
            if matches!(c, '"' | '\\') {
                out.push('\\');
            }
            out.push(c);
        }
        out.push('"');
    }
    out.push('}');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_backslashes_are_escaped() {
        assert_eq!(literal(&[]), "{}");
        assert_eq!(
            literal(&["a".into(), String::new(), "b,\"\\{}".into()]),
            r#"{"a","","b,\"\\{}"}"#
        );
    }
}
