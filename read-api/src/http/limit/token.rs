//! A lexer that only counts; it runs before the parser and keeps hostile texts from it, and never judges syntax.

use async_graphql::ServerError;

use super::{Limits, within};
use crate::http::failure::{Code, error};

/// Refuses a document with too many tokens, with brackets too deep inside each other, or with the character NUL, which
/// `PostgreSQL` cannot store.
pub(in crate::http) fn check(text: &str, limits: &Limits) -> Result<(), ServerError> {
    let mut lexer = Lexer { rest: text };
    let (mut tokens, mut open, mut nesting) = (0_usize, 0_usize, 0_usize);
    while let Some(token) = lexer.next_token() {
        tokens += 1;
        match token {
            Token::Open => {
                open += 1;
                nesting = nesting.max(open);
            }
            Token::Close => open = open.saturating_sub(1),
            Token::Nul => {
                return Err(error(
                    Code::BadUserInput,
                    "the document contains the character NUL, which no text can have; remove it",
                    None,
                ));
            }
            Token::Other => {}
        }
    }
    within("tokens", tokens, limits.tokens)?;
    within("nested brackets", nesting, limits.nesting)
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Token {
    Open,
    Close,
    Nul,
    Other,
}

/// What is left of a document.
struct Lexer<'a> {
    rest: &'a str,
}

impl Lexer<'_> {
    fn next_token(&mut self) -> Option<Token> {
        self.skip_ignored();
        let first = self.rest.chars().next()?;
        Some(match first {
            '{' | '(' | '[' => self.take(1, Token::Open),
            '}' | ')' | ']' => self.take(1, Token::Close),
            '\0' => self.take(1, Token::Nul),
            '"' => self.string(),
            '.' if self.rest.starts_with("...") => self.take(3, Token::Other),
            '_' | 'a'..='z' | 'A'..='Z' => {
                let length = run(self.rest, |byte| {
                    byte == b'_' || byte.is_ascii_alphanumeric()
                });
                self.take(length, Token::Other)
            }
            '-' | '0'..='9' => {
                let length = number(self.rest);
                self.take(length, Token::Other)
            }
            other => self.take(other.len_utf8(), Token::Other),
        })
    }

    /// White space, commas, byte order marks and comments.
    fn skip_ignored(&mut self) {
        loop {
            self.rest = self
                .rest
                .trim_start_matches([' ', '\t', '\r', '\n', ',', '\u{feff}']);
            let Some(comment) = self.rest.strip_prefix('#') else {
                return;
            };
            // NUL is seen in comments too: what follows it must not depend on who reads the text.
            let end = comment.find(['\r', '\n', '\0']).unwrap_or(comment.len());
            self.rest = comment.get(end..).unwrap_or_default();
        }
    }

    fn string(&mut self) -> Token {
        if let Some(block) = self.rest.strip_prefix(r#"""""#) {
            let mut end = 0;
            loop {
                let tail = block.get(end..).unwrap_or_default();
                if tail.is_empty() || tail.starts_with('\0') {
                    break;
                } else if tail.starts_with(r#"\""""#) {
                    end += 4;
                } else if tail.starts_with(r#"""""#) {
                    end += 3;
                    break;
                } else {
                    end += tail.chars().next().map_or(1, char::len_utf8);
                }
            }
            return self.finish_string(block, end);
        }
        let line = self.rest.strip_prefix('"').unwrap_or_default();
        let mut end = 0;
        loop {
            let tail = line.get(end..).unwrap_or_default();
            match tail.chars().next() {
                None | Some('\0' | '\r' | '\n') => break,
                Some('"') => {
                    end += 1;
                    break;
                }
                Some('\\') if tail.starts_with(r"\u0000") => {
                    self.rest = "";
                    return Token::Nul;
                }
                Some('\\') => {
                    end += 1 + tail.chars().nth(1).map_or(0, char::len_utf8);
                }
                Some(other) => end += other.len_utf8(),
            }
        }
        self.finish_string(line, end)
    }
}

impl<'a> Lexer<'a> {
    fn finish_string(&mut self, text: &'a str, end: usize) -> Token {
        self.rest = text.get(end..).unwrap_or_default();
        Token::Other
    }

    fn take(&mut self, length: usize, token: Token) -> Token {
        self.rest = self.rest.get(length..).unwrap_or_default();
        token
    }
}

/// The length of the longest prefix of such bytes, all of them ASCII.
fn run(text: &str, belongs: impl Fn(u8) -> bool) -> usize {
    text.bytes().take_while(|byte| belongs(*byte)).count()
}

/// The length of the number at the start, at least 1. Exact, so that `1-1` counts as two and `00` as well: the parser
/// reads them so.
fn number(text: &str) -> usize {
    let digits = |from: usize| {
        run(text.get(from..).unwrap_or_default(), |byte| {
            byte.is_ascii_digit()
        })
    };
    let byte = |at: usize| text.as_bytes().get(at).copied();
    let mut end = usize::from(byte(0) == Some(b'-'));
    end += if byte(end) == Some(b'0') {
        1
    } else {
        digits(end)
    };
    if byte(end) == Some(b'.') && digits(end + 1) > 0 {
        end += 1 + digits(end + 1);
    }
    if matches!(byte(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(byte(end + 1), Some(b'+' | b'-')));
        let exponent = digits(end + 1 + sign);
        if exponent > 0 {
            end += 1 + sign + exponent;
        }
    }
    end.max(1)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;

    fn count(text: &str) -> usize {
        let mut lexer = Lexer { rest: text };
        std::iter::from_fn(|| lexer.next_token()).count()
    }

    #[test]
    fn counts_what_the_parser_reads() {
        assert_eq!(count(""), 0);
        assert_eq!(count("{ a, b } # c d e\n"), 4);
        assert_eq!(count("query Q($a:[Int!]=[1 2]) @x {...F ...on T{a}}"), 28);
        assert_eq!(count(r#"{ a(b: "x \" } y", c: """ " \""" { """) }"#), 11);
        assert_eq!(count("[1-1 00 -1.5e-3 1e5 1.]"), 10);
        assert_eq!(count("\u{feff}é…{"), 3);
    }

    #[test]
    fn an_unfinished_string_hides_nothing() {
        let limits = Limits::default();
        assert!(check("{ a(b: \"unfinished\n { { } }", &limits).is_ok());
        assert!(check("\"", &limits).is_ok());
        assert!(check("\"\\", &limits).is_ok());
        assert!(check("\"\"\"", &limits).is_ok());
        let nul = check("{ a(b: \"unfinished \0", &limits).unwrap_err();
        assert!(nul.message.contains("NUL"));
    }

    #[test]
    fn nul_is_refused_however_it_is_written() {
        for text in [
            "{ a \0 }",
            "# \0\n{ a }",
            "{ a(b: \"\0\") }",
            r#"{ a(b: "\u0000") }"#,
            "{ a(b: \"\"\"\0\"\"\") }",
        ] {
            assert!(
                check(text, &Limits::default())
                    .unwrap_err()
                    .message
                    .contains("NUL"),
                "{text:?}"
            );
        }
        assert!(check(r#"{ a(b: "\\u0000 \u00000") }"#, &Limits::default()).is_err());
        assert!(
            check(
                r#"{ a(b: "\\u0000", c: """\u0000""") }"#,
                &Limits::default()
            )
            .is_ok()
        );
    }

    #[test]
    fn names_the_limit_and_the_measure() {
        let many = format!("{{ {} }}", "a ".repeat(2_000));
        assert_eq!(
            check(&many, &Limits::default()).unwrap_err().message,
            "the operation has 2002 tokens, at most 2000 are allowed; ask for less at once"
        );
        let deep = format!("{{ a(b: {}{}) }}", "[".repeat(70), "]".repeat(70));
        assert!(
            check(&deep, &Limits::default())
                .unwrap_err()
                .message
                .contains("72 nested brackets")
        );
    }

    proptest::proptest! {
        #[test]
        fn any_text_ends(text in ".*") {
            let _ = check(&text, &Limits::default());
        }

        #[test]
        fn quotes_and_backslashes_end(text in "[\"\\\\u0 \n{}.-]{0,40}") {
            let _ = check(&text, &Limits::default());
        }
    }
}
