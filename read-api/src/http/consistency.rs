//! How fresh an answer must be; owns the words of the request, never the waiting.

use std::time::Duration;

use http::HeaderMap;
use serde_json::Map;

use super::failure::{Code, Failure};

/// The request header that carries a token, for clients that do not set `extensions.consistency`.
pub const AFTER_HEADER: &str = "daybook-after";

/// The longest token, in characters: far above any that we give.
const LONGEST_TOKEN: usize = 512;

/// What a query's answer may be no older than. It is in the data of every request (`ctx.data::<Consistency>()`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Consistency {
    /// The token of a command, as the client gave it: opaque and unverified. Without one, any state will do.
    pub after: Option<String>,
    /// How long to wait for that state, at most.
    pub timeout: Duration,
    /// What to do when it is not reached in time.
    pub on_timeout: OnTimeout,
}

/// What to do when a projection has not reached the token in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnTimeout {
    /// Answer with what there is.
    Stale,
    /// Answer with the error `NOT_CAUGHT_UP`.
    Error,
}

impl Default for Consistency {
    fn default() -> Self {
        Self {
            after: None,
            timeout: Duration::from_secs(2),
            on_timeout: OnTimeout::Error,
        }
    }
}

impl Consistency {
    /// Reads the request's `extensions.consistency {after, timeoutMs, onTimeout}` and its `Daybook-After` header.
    /// `longest` bounds the waiting.
    pub(super) fn read(
        headers: &HeaderMap,
        extensions: &Map<String, serde_json::Value>,
        longest: Duration,
    ) -> Result<Self, Failure> {
        let mut consistency = Self::default();
        match extensions.get("consistency") {
            None | Some(serde_json::Value::Null) => {}
            Some(serde_json::Value::Object(wishes)) => {
                for (name, wish) in wishes {
                    consistency.apply(name, wish, longest)?;
                }
            }
            Some(_) => return Err(refusal(" must be an object {after, timeoutMs, onTimeout}")),
        }
        consistency.timeout = consistency.timeout.min(longest);
        let mut tokens = headers.get_all(AFTER_HEADER).iter();
        if let Some(header) = tokens.next() {
            let token = header.to_str().ok().filter(|token| is_token(token));
            let token = token.ok_or_else(|| header_refusal("is not a token of a command"))?;
            if tokens.next().is_some() {
                return Err(header_refusal("is there more than once"));
            }
            if consistency
                .after
                .as_deref()
                .is_some_and(|after| after != token)
            {
                return Err(header_refusal("and extensions.consistency.after differ"));
            }
            consistency.after = Some(token.to_owned());
        }
        Ok(consistency)
    }

    fn apply(
        &mut self,
        name: &str,
        wish: &serde_json::Value,
        longest: Duration,
    ) -> Result<(), Failure> {
        match (name, wish) {
            ("after" | "timeoutMs" | "onTimeout", serde_json::Value::Null) => {}
            ("after", serde_json::Value::String(token)) if is_token(token) => {
                self.after = Some(token.clone());
            }
            ("after", _) => return Err(refusal(".after must be the token of a command")),
            ("timeoutMs", _) => {
                self.timeout = wish
                    .as_u64()
                    .map(Duration::from_millis)
                    .filter(|timeout| *timeout <= longest)
                    .ok_or_else(|| {
                        refusal(&format!(
                            ".timeoutMs must be a whole number from 0 to {}",
                            longest.as_millis()
                        ))
                    })?;
            }
            ("onTimeout", _) => {
                self.on_timeout = match wish.as_str() {
                    Some("STALE") => OnTimeout::Stale,
                    Some("ERROR") => OnTimeout::Error,
                    _ => return Err(refusal(".onTimeout must be STALE or ERROR")),
                };
            }
            _ => return Err(refusal(" knows only after, timeoutMs and onTimeout")),
        }
        Ok(())
    }
}

fn is_token(token: &str) -> bool {
    (1..=LONGEST_TOKEN).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic())
}

fn refusal(what: &str) -> Failure {
    Failure::request(Code::BadUserInput, format!("extensions.consistency{what}"))
}

fn header_refusal(what: &str) -> Failure {
    Failure::request(
        Code::BadUserInput,
        format!("the header Daybook-After {what}"),
    )
}
