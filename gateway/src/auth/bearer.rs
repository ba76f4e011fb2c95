//! The bearer token of a request. Never looks into the token.

use http::{HeaderMap, header::AUTHORIZATION};

use crate::Problem;

/// The token of the header `Authorization: Bearer <token>`.
///
/// Fails with 401 when there is none, more than one, or another scheme.
pub fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    let mut found = headers.get_all(AUTHORIZATION).iter();
    let value = found.next().ok_or_else(Problem::unauthenticated)?;
    if found.next().is_some() {
        return Err(Problem::unauthenticated().with_detail(
            "The request has more than one `Authorization` header. Send exactly one.",
        ));
    }
    let Ok(value) = value.to_str() else {
        return Err(Problem::invalid_credential());
    };
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    if scheme.eq_ignore_ascii_case("bearer") {
        return Ok(token.trim());
    }
    let scheme = if scheme.eq_ignore_ascii_case("basic") {
        "Basic"
    } else {
        "This kind of"
    };
    Err(Problem::unauthenticated().with_detail(format!(
        "{scheme} authentication is not accepted. Send an API key in the header `Authorization: Bearer dbk_…`."
    )))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn with(values: &[&str]) -> Result<String, String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, value.parse().unwrap());
        }
        bearer(&headers)
            .map(str::to_owned)
            .map_err(|problem| problem.detail().to_owned())
    }

    #[test]
    fn only_one_bearer_token_is_accepted() {
        assert_eq!(with(&["Bearer abc"]), Ok("abc".to_owned()));
        assert_eq!(with(&["bearer  abc "]), Ok("abc".to_owned()));
        assert_eq!(with(&["Bearer"]), Ok(String::new()));
        assert!(with(&[]).unwrap_err().contains("Send an API key"));
        assert!(
            with(&["Bearer a", "Bearer b"])
                .unwrap_err()
                .contains("more than one")
        );
        assert!(
            with(&["Basic dXNlcjpwdw=="])
                .unwrap_err()
                .starts_with("Basic authentication is not accepted")
        );
        assert!(
            with(&["Digest x"])
                .unwrap_err()
                .starts_with("This kind of authentication")
        );
    }
}
