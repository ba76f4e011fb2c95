//! Finds out what became of appends whose answer was lost with their connection.

use sqlx::PgConnection;

use super::{Append, Appended, Expected};

/// The numbers of each append that is in the log. True for good only after the session that they were sent in has ended.
pub(super) async fn find(
    connection: &mut PgConnection,
    appends: &[&Append],
) -> Result<Vec<Option<Appended>>, sqlx::Error> {
    let written = || {
        appends.iter().enumerate().flat_map(|(index, append)| {
            append
                .parts()
                .enumerate()
                .filter_map(move |(part, (stream, expected, events))| {
                    Some((
                        index,
                        part,
                        append.tenant.0,
                        stream,
                        expected,
                        events.first()?,
                    ))
                })
        })
    };
    let tenant: Vec<_> = written().map(|(_, _, tenant, ..)| tenant).collect();
    let stream: Vec<_> = written()
        .map(|(_, _, _, stream, ..)| stream.as_str())
        .collect();
    let version: Vec<_> = written()
        .map(|(.., expected, _)| expected.version().map(|v| v + 1))
        .collect();
    let first: Vec<_> = written().map(|(.., event)| event.event_id).collect();
    let rows = sqlx::query!(
        r#"select ord as "ord!", event_position as "position!", event_offset as "offset!", version as "version!",
                  recorded_at as "recorded_at!"
           from log.find_appends($1, $2, $3, $4)"#,
        &tenant,
        &stream as &[&str],
        &version as &[Option<i32>],
        &first,
    )
    .fetch_all(connection)
    .await?;

    let places: Vec<(usize, usize)> = written().map(|(index, part, ..)| (index, part)).collect();
    let mut found: Vec<Option<Appended>> = vec![None; appends.len()];
    for row in rows {
        let place = usize::try_from(row.ord - 1)
            .ok()
            .and_then(|ord| places.get(ord));
        let Some((index, part)) = place else { continue };
        let (Some(append), Some(slot)) = (appends.get(*index), found.get_mut(*index)) else {
            continue;
        };
        let numbers = slot.get_or_insert_with(|| Appended {
            first_position: row.position,
            first_offset: row.offset,
            events: i32::try_from(append.all_events().count()).unwrap_or(i32::MAX),
            first_versions: append
                .parts()
                .map(|(_, expected, _)| Expected::version(expected).unwrap_or(0))
                .collect(),
            recorded_at: row.recorded_at,
        });
        numbers.first_position = numbers.first_position.min(row.position);
        numbers.first_offset = numbers.first_offset.min(row.offset);
        if let Some(first) = numbers.first_versions.get_mut(*part) {
            *first = row.version;
        }
    }
    Ok(found)
}
