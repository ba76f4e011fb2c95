//! The schemas of all events at `/schemas`, as the read half of the Confluent Schema Registry's REST API: what its stock
//! clients ask for. Owns addresses, answers and error codes; never registers a schema, which only the code does.
//!
//! Public, like `/openapi.json`: a schema says how an event looks and holds nothing of any tenant, and a deserialiser on
//! Kafka has no API key of Daybook's.
//!
//! The base URL for clients is `https://<host>/schemas`. A subject is `<topic>-<context>.<type>.v<version>`, what
//! `TopicRecordNameStrategy` makes of a schema's title; the registry's own version is the schema's revision. All revisions
//! of a subject are compatible (`FORWARD_TRANSITIVE`); another schema version of an event is another subject.

mod answer;

use axum::{
    Router,
    body::Bytes,
    extract::Path,
    response::Response,
    routing::{get, post},
};
use event_schemas::schema::{self, Registered};
use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use self::answer::{Refusal, document, found};

/// The only kind of schema there is.
const JSON: &str = "JSON";
/// What holds between all revisions of a subject: a consumer with an earlier schema reads what a later one describes.
const COMPATIBILITY: &str = "FORWARD_TRANSITIVE";

/// The routes below `/schemas`, for everybody.
pub fn router() -> Router {
    // What a client finds that only asks whether there is a registry.
    let root = get(async || found(&Value::Object(Map::new())));
    let routes = Router::new()
        .route("/", root.clone())
        .route("/schemas/types", get(async || found(&[JSON])))
        .route("/schemas/ids/{id}", get(by_id))
        .route("/schemas/ids/{id}/schema", get(text_by_id))
        .route("/schemas/ids/{id}/subjects", get(subjects_by_id))
        .route("/schemas/ids/{id}/versions", get(versions_by_id))
        .route("/schemas/guids/{guid}", get(by_guid))
        .route("/subjects", get(subjects))
        .route("/subjects/{subject}", post(look_up))
        .route("/subjects/{subject}/versions", get(versions))
        .route("/subjects/{subject}/versions/{version}", get(version))
        .route(
            "/subjects/{subject}/versions/{version}/schema",
            get(text_of_version),
        )
        .route("/config", get(async || found(&CONFIG)))
        .route("/config/{subject}", get(config))
        .route("/mode", get(async || found(&Mode { mode: "READONLY" })))
        // Where the URI of a schema points to, on every server.
        .route("/{context}/{file}", get(file))
        .fallback(async || Refusal::NoSuchAddress)
        .method_not_allowed_fallback(read_only);
    Router::new()
        .nest("/schemas", routes)
        .route("/schemas/", root)
}

/// A schema by itself.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Content {
    schema_type: &'static str,
    schema: &'static str,
    guid: Uuid,
}

/// A schema and its place in the registry.
#[derive(Serialize)]
struct Placed {
    subject: &'static str,
    version: u32,
    id: u32,
    #[serde(flatten)]
    content: Content,
}

/// The place of a schema.
#[derive(Serialize)]
struct Place {
    subject: &'static str,
    version: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    compatibility_level: &'static str,
}

#[derive(Serialize)]
struct Mode {
    mode: &'static str,
}

const CONFIG: Config = Config {
    compatibility_level: COMPATIBILITY,
};

impl From<&'static Registered> for Content {
    fn from(registered: &'static Registered) -> Self {
        Self {
            schema_type: JSON,
            schema: registered.text,
            guid: registered.guid,
        }
    }
}

impl From<&'static Registered> for Placed {
    fn from(registered: &'static Registered) -> Self {
        Self {
            subject: registered.subject,
            version: registered.revision,
            id: registered.id,
            content: registered.into(),
        }
    }
}

async fn by_id(Path(id): Path<String>) -> Result<Response, Refusal> {
    Ok(found(&Content::from(with_id(id)?)))
}

async fn text_by_id(Path(id): Path<String>) -> Result<Response, Refusal> {
    Ok(document(with_id(id)?.text))
}

async fn subjects_by_id(Path(id): Path<String>) -> Result<Response, Refusal> {
    Ok(found(&[with_id(id)?.subject]))
}

async fn versions_by_id(Path(id): Path<String>) -> Result<Response, Refusal> {
    let Registered {
        subject, revision, ..
    } = with_id(id)?;
    let version = *revision;
    Ok(found(&[Place { subject, version }]))
}

async fn by_guid(Path(guid): Path<String>) -> Result<Response, Refusal> {
    let wanted = Uuid::parse_str(&guid).ok();
    let mut all = schema::all().iter();
    match all.find(|schema| Some(schema.guid) == wanted) {
        Some(registered) => Ok(found(&Content::from(registered))),
        None => Err(Refusal::NoSuchSchema(guid)),
    }
}

async fn subjects() -> Response {
    let mut subjects: Vec<_> = schema::all().iter().map(|schema| schema.subject).collect();
    subjects.sort_unstable();
    subjects.dedup();
    found(&subjects)
}

/// Which version of the subject a schema is. Its form does not matter, only what it says.
async fn look_up(Path(subject): Path<String>, body: Bytes) -> Result<Response, Refusal> {
    #[derive(Deserialize)]
    struct Wanted {
        schema: String,
    }
    let revisions = of_subject(&subject)?;
    let wanted: Wanted =
        serde_json::from_slice(&body).map_err(|_| Refusal::NotASchema("the body"))?;
    let wanted: Value = serde_json::from_str(&wanted.schema)
        .map_err(|_| Refusal::NotASchema("the member `schema`"))?;
    let same = |schema: &&&Registered| {
        serde_json::from_str(schema.text).is_ok_and(|schema: Value| schema == wanted)
    };
    match revisions.iter().find(same) {
        Some(registered) => Ok(found(&Placed::from(*registered))),
        None => Err(Refusal::NotOfSubject(subject)),
    }
}

async fn versions(Path(subject): Path<String>) -> Result<Response, Refusal> {
    let revisions = of_subject(&subject)?;
    let versions: Vec<_> = revisions.iter().map(|schema| schema.revision).collect();
    Ok(found(&versions))
}

async fn version(Path((subject, version)): Path<(String, String)>) -> Result<Response, Refusal> {
    Ok(found(&Placed::from(with_version(&subject, version)?)))
}

async fn text_of_version(
    Path((subject, version)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    Ok(document(with_version(&subject, version)?.text))
}

async fn config(Path(subject): Path<String>) -> Result<Response, Refusal> {
    of_subject(&subject)?;
    Ok(found(&CONFIG))
}

async fn file(Path((context, file)): Path<(String, String)>) -> Result<Response, Refusal> {
    let path = format!("{context}/{file}");
    let mut newest = schema::all().iter().rev();
    let at =
        |schema: &&Registered| schema.uri.strip_prefix(schema::BASE_URI) == Some(path.as_str());
    newest
        .find(at)
        .map(|schema| document(schema.text))
        .ok_or(Refusal::NoSuchAddress)
}

/// The answer to every method that an address does not know. Those that would change something are told why not.
async fn read_only(method: Method) -> Refusal {
    if method.is_safe() {
        Refusal::NoSuchMethod
    } else {
        Refusal::ReadOnly
    }
}

fn with_id(id: String) -> Result<&'static Registered, Refusal> {
    let wanted: Option<u32> = id.parse().ok();
    let mut all = schema::all().iter();
    all.find(|schema| Some(schema.id) == wanted)
        .ok_or(Refusal::NoSuchSchema(id))
}

/// The revisions of a subject, oldest first; at least one.
fn of_subject(subject: &str) -> Result<Vec<&'static Registered>, Refusal> {
    let all = schema::all().iter();
    let revisions: Vec<_> = all.filter(|schema| schema.subject == subject).collect();
    if revisions.is_empty() {
        return Err(Refusal::NoSuchSubject(subject.to_owned()));
    }
    Ok(revisions)
}

fn with_version(subject: &str, version: String) -> Result<&'static Registered, Refusal> {
    let revisions = of_subject(subject)?;
    let wanted = match version.as_str() {
        "latest" | "-1" => revisions.last(),
        number => match number.parse::<u32>() {
            Ok(number @ 1..) => revisions.iter().find(|schema| schema.revision == number),
            Ok(0) | Err(_) => return Err(Refusal::NotAVersion(version)),
        },
    };
    wanted.copied().ok_or(Refusal::NoSuchVersion(version))
}
