//! What every refusal must look like. Collects what is wrong, so that one run shows all of it.

use serde_json::Value;

/// Words that belong to our own workshop.
const DENIED: [&str; 12] = [
    "sqlx",
    "panicked",
    "serde",
    "struct ",
    "postgres",
    "tokio",
    "::",
    " rust",
    "select ",
    "insert into",
    "log.event",
    "deserialize",
];

/// One answer, read.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub kind: String,
    pub body: String,
}

impl Answer {
    pub async fn of(response: reqwest::Response) -> Self {
        let kind = response
            .headers()
            .get("content-type")
            .and_then(|v| v.to_str().ok())
            .unwrap_or_default()
            .to_owned();
        Self {
            status: response.status().as_u16(),
            kind,
            body: response.text().await.unwrap_or_default(),
        }
    }
}

/// Everything that was wrong, and how much was tried.
#[derive(Default)]
pub struct Report {
    pub cases: usize,
    wrong: Vec<String>,
}

impl Report {
    pub fn note(&mut self, name: &str, outcome: Result<(), String>) {
        self.cases += 1;
        if let Err(why) = outcome {
            self.wrong.push(format!("{name}\n    {why}"));
        }
    }

    /// Panics with everything that was wrong.
    pub fn finish(self, what: &str, least: usize) {
        eprintln!("{what}: {} cases, {} wrong", self.cases, self.wrong.len());
        let shown: Vec<_> = self.wrong.iter().take(60).cloned().collect();
        assert!(
            shown.is_empty(),
            "{} of {} {what} are wrong:\n{}",
            self.wrong.len(),
            self.cases,
            shown.join("\n")
        );
        assert!(self.cases >= least, "only {} {what} were tried", self.cases);
    }
}

/// No word of the server's inside.
pub fn discreet(text: &str) -> Result<(), String> {
    let small = text.to_lowercase();
    match DENIED.iter().find(|word| small.contains(*word)) {
        Some(word) => Err(format!("it says '{word}': {text}")),
        None => Ok(()),
    }
}

/// A problem document of RFC 9457 with one of these statuses, that blames this pointer if one is given.
pub fn problem(answer: &Answer, statuses: &[u16], pointer: Option<&str>) -> Result<(), String> {
    let Answer { status, kind, body } = answer;
    if !(400..500).contains(status) || !statuses.is_empty() && !statuses.contains(status) {
        return Err(format!("{status} instead of {statuses:?}: {body}"));
    }
    if kind != "application/problem+json" {
        return Err(format!("{status} with {kind}: {body}"));
    }
    let problem: Value = serde_json::from_str(body).map_err(|e| format!("{e}: {body}"))?;
    details(&problem, *status, pointer)?;
    if problem["requestId"].is_null() {
        return Err(format!("no request id: {body}"));
    }
    Ok(())
}

/// The members of a problem, wherever it stands.
pub fn details(problem: &Value, status: u16, pointer: Option<&str>) -> Result<(), String> {
    if problem["status"] != status {
        return Err(format!("the status is not repeated: {problem}"));
    }
    for name in ["type", "title", "detail", "code"] {
        if problem[name].as_str().is_none_or(str::is_empty) {
            return Err(format!("without {name}: {problem}"));
        }
    }
    if let Some(pointer) = pointer
        && problem["pointer"].as_str() != Some(pointer)
    {
        return Err(format!(
            "blames {} instead of {pointer:?}: {}",
            problem["pointer"], problem["detail"]
        ));
    }
    discreet(&format!("{} {}", problem["title"], problem["detail"]))
}
