//! One call of `log.append`. Owns the translation to arrays and back, and what an error of the call means.

use event_schemas::TenantId;
use sqlx::PgPool;

use super::{Append, Appended, Outcome, Refusal};
use crate::{Error, Heads};

/// Appends a batch. The outer error concerns the whole call; the inner ones a command that cannot be stored.
pub(crate) async fn flush(
    pool: &PgPool,
    heads: &Heads,
    partitions: u16,
    batch: &[Append],
) -> Result<Vec<Result<Outcome, Error>>, Error> {
    let mut results = Vec::with_capacity(batch.len());
    // Halves still to do, the next one last: an error that is not a result is cornered by cutting in half.
    let mut parts = vec![batch];
    while let Some(part) = parts.pop() {
        match call(pool, partitions, part).await {
            Ok(outcomes) => {
                tell(heads, partitions, part, &outcomes);
                results.extend(outcomes.into_iter().map(Ok));
            }
            Err(sqlx::Error::Database(error)) if is_data(error.code().as_deref()) => {
                if part.len() > 1 {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.push(second);
                    parts.push(first);
                } else {
                    results.push(Err(Error::Unstorable(error.message().to_owned())));
                }
            }
            Err(error) => return Err(whole(error)),
        }
    }
    Ok(results)
}

/// Errors that a command's own data cause: data exceptions, integrity constraints, program limits.
fn is_data(code: Option<&str>) -> bool {
    code.is_some_and(|c| c.starts_with("22") || c.starts_with("23") || c.starts_with("54"))
}

fn whole(error: sqlx::Error) -> Error {
    match error {
        // The statement failed, so it was rolled back; or it was never sent.
        sqlx::Error::Database(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => {
            Error::Unavailable(error)
        }
        sqlx::Error::Io(ref e) if e.kind() == std::io::ErrorKind::ConnectionRefused => {
            Error::Unavailable(error)
        }
        other => Error::OutcomeUnknown(other),
    }
}

fn tell(heads: &Heads, partitions: u16, part: &[Append], outcomes: &[Outcome]) {
    heads.advance(
        part.iter()
            .zip(outcomes)
            .filter_map(|(append, outcome)| match outcome {
                Outcome::Appended(numbers) => Some((
                    append.tenant.partition(partitions),
                    numbers.last_offset() + 1,
                )),
                Outcome::Conflict { .. } | Outcome::Duplicate { .. } | Outcome::Refused(_) => None,
            }),
    );
}

fn narrow(n: u16) -> i16 {
    // There are at most 1,024 partitions.
    i16::try_from(n).unwrap_or(i16::MAX)
}

async fn call(
    pool: &PgPool,
    partitions: u16,
    batch: &[Append],
) -> Result<Vec<Outcome>, sqlx::Error> {
    let column = |of: fn(&Append) -> i32| batch.iter().map(of).collect::<Vec<_>>();
    let partition: Vec<i16> = batch
        .iter()
        .map(|a| narrow(TenantId::partition(a.tenant, partitions)))
        .collect();
    let tenant: Vec<_> = batch.iter().map(|a| a.tenant.0).collect();
    let command: Vec<_> = batch.iter().map(|a| a.command_id).collect();
    let stream: Vec<_> = batch.iter().map(|a| a.stream.0.clone()).collect();
    let expected = column(|a| a.expected.code());
    let registers: Vec<_> = batch.iter().map(|a| a.registers).collect();
    let request: Vec<Option<&[u8]>> = batch
        .iter()
        .map(|a| a.request_hash.as_ref().map(<[u8; 32]>::as_slice))
        .collect();
    let occurred: Vec<_> = batch.iter().map(|a| a.occurred_at).collect();
    let counts = column(|a| i32::try_from(a.events.len()).unwrap_or(i32::MAX));

    let each = || {
        (1_i32..)
            .zip(batch)
            .flat_map(|(c, a)| (1_i32..).zip(&a.events).map(move |(i, e)| (c, i, a, e)))
    };
    let e_command: Vec<_> = each().map(|(c, ..)| c).collect();
    let e_index: Vec<_> = each().map(|(_, i, ..)| i).collect();
    let id: Vec<_> = each().map(|(.., e)| e.event_id).collect();
    let kind: Vec<_> = each()
        .map(|(.., e)| e.event_type.clone().into_owned())
        .collect();
    let schema: Vec<_> = each().map(|(.., e)| e.schema_version).collect();
    let payload: Vec<&[u8]> = each().map(|(.., e)| e.payload.as_slice()).collect();
    let content = vec![Append::CONTENT_TYPE; e_command.len()];
    let metadata: Vec<&[u8]> = each().map(|(_, _, a, _)| a.metadata.as_slice()).collect();
    let hashes: Vec<_> = each().map(|(_, _, a, e)| a.hash(e)).collect();
    let hash: Vec<&[u8]> = hashes.iter().map(<[u8; 32]>::as_slice).collect();

    let rows = sqlx::query!(
        r#"select outcome as "outcome!", first_position, first_version, first_offset, events, recorded_at, prior_hash
           from log.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)"#,
        &partition,
        &tenant,
        &command,
        &stream,
        &expected,
        &registers,
        &request as &[Option<&[u8]>],
        &occurred as &[Option<chrono::DateTime<chrono::Utc>>],
        &counts,
        &e_command,
        &e_index,
        &id,
        &kind,
        &schema,
        &payload as &[&[u8]],
        &content,
        &metadata as &[&[u8]],
        &hash as &[&[u8]],
    )
    .fetch_all(pool)
    .await?;

    rows.into_iter()
        .map(|row| {
            let numbers = || {
                Some(Appended {
                    first_position: row.first_position?,
                    first_version: row.first_version?,
                    first_offset: row.first_offset?,
                    events: row.events?,
                    recorded_at: row.recorded_at?,
                })
            };
            let outcome = match row.outcome {
                0 => numbers().map(Outcome::Appended),
                1 => row
                    .first_version
                    .map(|current_version| Outcome::Conflict { current_version }),
                2 => numbers()
                    .zip(row.prior_hash)
                    .map(|(original, request_hash)| Outcome::Duplicate {
                        original,
                        request_hash,
                    }),
                3 => Some(Outcome::Refused(Refusal::TenantUnknown)),
                4 => Some(Outcome::Refused(Refusal::TenantSuspended)),
                5 => Some(Outcome::Refused(Refusal::TenantFrozen)),
                6 => Some(Outcome::Refused(Refusal::BehindNewest)),
                7 => Some(Outcome::Refused(Refusal::TenantExists)),
                _ => None,
            };
            outcome.ok_or_else(|| {
                sqlx::Error::Protocol(format!(
                    "log.append answered an unknown outcome {}",
                    row.outcome
                ))
            })
        })
        .collect()
}
